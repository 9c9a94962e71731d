import { setTimeout } from 'node:timers/promises';

import { Suspended } from '../domain/errors.ts';

/** Waits at least so many milliseconds; ends in `Suspended` as soon as the signal aborts. */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    // A timer may fire up to a millisecond early.
    if (milliseconds > 0) await setTimeout(Math.ceil(milliseconds) + 1, undefined, { signal });
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
  }
  goOn(signal);
}

/** The machine's own time, for the pace. */
export const systemClock = {
  now: (): number => performance.now(),
  sleep: async (milliseconds: number, signal: AbortSignal): Promise<void> => {
    try {
      await setTimeout(Math.ceil(milliseconds) + 1, undefined, { signal });
    } catch (thrown) {
      if (!signal.aborted) throw thrown;
    }
  },
};

/** Ends in `Suspended` when the signal has aborted. */
export function goOn(signal: AbortSignal): void {
  if (signal.aborted)
    throw new Suspended('stopping', 'Interrupted while talking to GitHub: this process is stopping, or the run was stopped.');
}
