import type { EventOf, RunEvent } from './events.ts';

/** Events of a run after which what stood in its way is to be asked anew. */
const TURNS = ['run.paused', 'run.resumed', 'run.ended', 'generation.opened'] as const;

/** Whether `pauseOf` has to know this event. */
export function turnsRun(event: RunEvent): boolean {
  return TURNS.some((type) => type === event.type);
}

/** The pause in which a run stands, whichever process wrote it; null when it goes on. Of its events, in their order. */
export function pauseOf(events: readonly RunEvent[]): EventOf<'run.paused'> | null {
  const last = events.findLast(turnsRun);
  return last?.type === 'run.paused' ? last : null;
}
