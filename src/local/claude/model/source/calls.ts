import { closing, significant } from './tokens.ts';
import type { Token } from './tokens.ts';

export interface Range {
  readonly start: number;
  readonly end: number;
}

/** `name(…)` or `name.member(…)`; offsets into the source. */
export interface Call extends Range {
  readonly name: string;
  readonly member: string | null;
  /** End of `name` or `name.member`. */
  readonly calleeEnd: number;
  readonly arguments: readonly Range[];
  /** The token before: `await`, `return`, `=>`… */
  readonly after: string;
}

/** A name that is used in another way than by calling it or one of its members. */
export interface Mention extends Range {
  readonly name: string;
}

export interface Uses {
  readonly calls: readonly Call[];
  readonly mentions: readonly Mention[];
  /** Offsets at which one of the names is declared again. */
  readonly declared: readonly Mention[];
}

const DECLARING = new Set(['const', 'let', 'var', 'function', 'class']);

/** All uses of the names as variables, outside of `within` (import declarations); calls in the order of their starts. */
export function usesOf(source: string, names: ReadonlySet<string>, without: readonly Range[] = []): Uses {
  const tokens = significant(source);
  const calls: Call[] = [];
  const mentions: Mention[] = [];
  const declared: Mention[] = [];
  for (const [at, token] of tokens.entries()) {
    if (token.kind !== 'word' || !names.has(token.text) || without.some((range) => token.start >= range.start && token.end <= range.end))
      continue;
    const before = tokens[at - 1]?.text ?? '';
    const next = tokens[at + 1]?.text ?? '';
    if (before === '.' || before === '?.') continue;
    if (next === ':' && (before === '{' || before === ',')) continue;
    const mention = { name: token.text, start: token.start, end: token.end };
    if (DECLARING.has(before)) declared.push(mention);
    else {
      const call = callAt(tokens, at);
      if (call === null) mentions.push(mention);
      else calls.push(call);
    }
  }
  return { calls, mentions, declared };
}

function callAt(tokens: readonly Token[], at: number): Call | null {
  const name = tokens[at];
  const withMember = tokens[at + 1]?.text === '.' && tokens[at + 2]?.kind === 'word';
  const callee = withMember ? tokens[at + 2] : name;
  const open = at + (withMember ? 3 : 1);
  if (name === undefined || callee === undefined || tokens[open]?.text !== '(') return null;
  const close = closing(tokens, open);
  return {
    name: name.text,
    member: withMember ? callee.text : null,
    start: name.start,
    end: tokens[close]?.end ?? callee.end,
    calleeEnd: callee.end,
    arguments: splitArguments(tokens.slice(open + 1, close)),
    after: tokens[at - 1]?.text ?? '',
  };
}

/** Splits at commas that stand in no bracket. */
export function splitArguments(tokens: readonly Token[]): readonly Range[] {
  const ranges: Range[] = [];
  let first: Token | null = null;
  let last: Token | null = null;
  for (let at = 0; at < tokens.length; at += 1) {
    const token = tokens[at];
    if (token === undefined) break;
    if (token.text === ',' && token.kind === 'punctuation') {
      if (first !== null && last !== null) ranges.push({ start: first.start, end: last.end });
      first = null;
      continue;
    }
    first ??= token;
    if (token.kind === 'punctuation' && ['(', '[', '{'].includes(token.text)) at = closing(tokens, at);
    last = tokens[at] ?? token;
  }
  if (first !== null && last !== null) ranges.push({ start: first.start, end: last.end });
  return ranges;
}
