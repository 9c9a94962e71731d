import type { RunEvent } from './events.ts';
import type { Place } from './run.ts';

/** Events of a run after which what stood in its way is to be asked anew. */
const TURNS = ['run.paused', 'run.resumed', 'run.ended', 'generation.opened'] as const;

/** Whether `notAllowedBy` and `isRefusedByAccount` have to know this event. */
export function turnsRun(event: RunEvent): boolean {
  return TURNS.some((type) => type === event.type);
}

/** The words of the pause of a run whose repository may not spend any more; null when it goes on. Of its events, in their order. */
export function notAllowedBy(events: readonly RunEvent[]): string | null {
  const last = events.findLast(turnsRun);
  return last?.type === 'run.paused' && last.reason === 'not-allowed' ? last.message : null;
}

/** Whether a run is paused because the account of the model takes nothing from anybody, whichever process met that. Of its events, in their order. */
export function isRefusedByAccount(events: readonly RunEvent[]): boolean {
  const last = events.findLast(turnsRun);
  return last?.type === 'run.paused' && (last.reason === 'authentication' || last.reason === 'spending-limit');
}

/** What people read of it. */
export function notAllowedText({ owner, repo }: Pick<Place, 'owner' | 'repo'>): string {
  return `The operator does not let \`${owner}/${repo}\` spend any more. No agent asks the model anything and nothing is pushed; what is finished is kept. The run goes on by itself when the operator puts it, or its account, back on \`ALLOWED_OWNERS\`, \`ALLOWED_REPOSITORIES\` or the list of their policy, and starts Converge again.`;
}
