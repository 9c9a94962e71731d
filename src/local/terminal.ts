import { count, duration } from '../domain/amounts.ts';
import type { RunFacts } from './scene.ts';

/** What a person watches: a block that redraws itself on a terminal, plain lines elsewhere. */
export interface Terminal {
  say(text: string): void;
  show(facts: RunFacts): void;
  /** Leaves the last block standing. */
  settle(): void;
}

export function openTerminal(out: NodeJS.WriteStream): Terminal {
  return out.isTTY ? drawn(out) : plain(out);
}

const ESCAPE = '\u001B';
const BOLD = `${ESCAPE}[1m`;
const DIM = `${ESCAPE}[2m`;
const GREEN = `${ESCAPE}[32m`;
const YELLOW = `${ESCAPE}[33m`;
const CYAN = `${ESCAPE}[36m`;
const RESET = `${ESCAPE}[0m`;
const WIDTH = 30;
/** A colour, or one character. */
const PIECES = new RegExp(`${ESCAPE}\\[\\d+m|.`, 'gsu');

function drawn(out: NodeJS.WriteStream): Terminal {
  let height = 0;
  const erase = (): void => {
    if (height > 0) out.write(`${ESCAPE}[${height}A${ESCAPE}[0J`);
    height = 0;
  };
  return {
    say: (text) => {
      erase();
      out.write(`${text}\n`);
    },
    show: (facts) => {
      const columns = Math.max(40, out.columns);
      const lines = block(facts).map((text) => clipColumns(text, columns - 1));
      erase();
      out.write(`${lines.join('\n')}\n`);
      height = lines.length;
    },
    settle: () => {
      height = 0;
    },
  };
}

function block(facts: RunFacts): readonly string[] {
  const { shards, agents } = facts;
  const all = shards.all ?? 0;
  const full = all === 0 ? 0 : Math.round((shards.accepted.length / all) * WIDTH);
  const lost = all === 0 ? 0 : Math.min(WIDTH - full, Math.round((shards.leftOver.length / all) * WIDTH));
  const meter = `${GREEN}${'█'.repeat(full)}${YELLOW}${'▒'.repeat(lost)}${DIM}${'░'.repeat(WIDTH - full - lost)}${RESET}`;
  return [
    '',
    `  ${BOLD}${facts.stage}${RESET}`,
    `  ${meter}  ${shards.accepted.length} of ${shards.all === null ? '? shards' : count(shards.all, 'shard')} accepted${shards.leftOver.length > 0 ? `, ${YELLOW}${shards.leftOver.length} left over${RESET}` : ''}`,
    ...facts.phases.map(
      ({ phase, started, running, finished, failed }) =>
        `  ${CYAN}${phase.padEnd(10)}${RESET} ${String(finished).padStart(3)} of ${count(started, 'agent').padStart(9)}${running > 0 ? `, ${running} at work` : ''}${failed > 0 ? `, ${failed} failed` : ''}`,
    ),
    `  ${DIM}$${facts.dollars.toFixed(2)} · ${count(agents.started, 'agent')} · ${tokens(facts.tokens.input + facts.tokens.cacheRead + facts.tokens.cacheWrite)} in, ${tokens(facts.tokens.output)} out · ${duration(facts.seconds)}${RESET}`,
  ];
}

function plain(out: NodeJS.WriteStream): Terminal {
  let last = '';
  return {
    say: (text) => out.write(`${text}\n`),
    show: (facts) => {
      const { shards, agents } = facts;
      const progress =
        shards.all === null
          ? ''
          : ` · ${shards.accepted.length} of ${count(shards.all, 'shard')} accepted, ${shards.leftOver.length} left over`;
      const text = `${facts.stage}${progress}`;
      if (text === last) return;
      last = text;
      out.write(
        `${String(Math.round(facts.seconds)).padStart(4)} s  ${text} · ${count(agents.started, 'agent')} · $${facts.dollars.toFixed(2)}\n`,
      );
    },
    settle: () => undefined,
  };
}

function tokens(count: number): string {
  return count < 10_000 ? String(count) : `${Math.round(count / 1000)}k`;
}

/** Cuts at what a person sees: colours take no columns. */
function clipColumns(text: string, columns: number): string {
  let seen = 0;
  let kept = '';
  for (const [piece] of text.matchAll(PIECES)) {
    if (!piece.startsWith(ESCAPE)) seen += 1;
    if (seen > columns) return `${kept}${RESET}`;
    kept += piece;
  }
  return kept;
}
