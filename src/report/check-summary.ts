import type { CheckConclusion } from '../domain/ci.ts';
import { dollars } from '../domain/budget.ts';
import type { RunStatus } from '../domain/ledger.ts';
import type { RunState } from '../domain/run-state.ts';
import { ledgerTable } from './ledger.ts';
import { count } from '../domain/amounts.ts';
import { clip, fitting, line, paragraphs } from './markdown.ts';
import { caveatLines, census, stageOf } from './status-comment.ts';

/** `success` for completed alone: `neutral` would pass a required check. */
export function conclusionOf(status: Exclude<RunStatus, 'paused'>): CheckConclusion {
  switch (status) {
    case 'completed':
      return 'success';
    case 'partial':
      return 'action_required';
    case 'failed':
      return 'failure';
    case 'stopped':
      return 'cancelled';
  }
}

/** What the census leaves of a check run's text. */
const LEDGER_ROOM = 45_000;

export interface CheckText {
  readonly title: string;
  readonly summary: string;
  readonly text: string;
}

interface CheckFacts {
  readonly planHash: string | null;
  readonly shards: number | null;
  /** What every report says of how this Converge runs. */
  readonly caveats?: readonly string[];
}

/** The check run's words: phases, census and cost while it goes on; the ledger at the end. */
export function checkText(state: RunState, facts: CheckFacts): CheckText {
  const stage = stageOf(state, facts.planHash);
  const accepted = facts.shards === null ? '' : ` · ${state.accepted.length} of ${count(facts.shards, 'shard')} accepted`;
  return {
    title: clip(stage.replaceAll(/[*_`]/gu, ''), 200),
    summary: fitting(
      paragraphs(
        `**${stage}**${accepted} · ${dollars(state.spending.total.spent)} of ${dollars(state.standing.limits.budget)}`,
        line(state.end?.why ?? '', 1000),
        caveatLines(facts.caveats),
      ),
    ),
    text: fitting(
      paragraphs(
        state.census.phases.length === 0 ? null : `### Agents\n\n${census(state)}`,
        state.end === null ? null : `### Ledger\n\n${ledgerTable(state.end.ledger, { characters: LEDGER_ROOM, pageUrl: null })}`,
      ),
    ),
  };
}
