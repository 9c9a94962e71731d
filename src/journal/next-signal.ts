import { Suspended } from '../domain/errors.ts';
import type { Journal, Signal } from './journal.ts';

export interface SignalWait {
  readonly run: string;
  readonly journal: Journal;
  readonly signal: AbortSignal;
  /** False: what is not there yet is not waited for, but ends in `Suspended`. True unless told. */
  readonly patient?: boolean;
  /** Told whenever it has looked, found nothing that is wanted, and waits. */
  readonly waits?: (() => void) | undefined;
}

/**
 * The first signal that is wanted, among those that are there and those that come: nothing polls, nothing is missed between looking and waiting.
 * Rejects with `Suspended` when the wait is aborted; the wait is taken up again at the next start.
 */
export async function nextSignal(wait: SignalWait, wanted: (signal: Signal) => boolean): Promise<Signal> {
  let woken = Promise.withResolvers<void>();
  const unwatch = wait.journal.watch(wait.run, ({ event }) => {
    if (event.type === 'signal.received') woken.resolve();
  });
  const abort = (): void => woken.resolve();
  wait.signal.addEventListener('abort', abort, { once: true });
  try {
    for (;;) {
      if (wait.signal.aborted) throw new Suspended('stopping', 'The wait for a person was interrupted.');
      const found = (await wait.journal.signals(wait.run)).find((signal) => wanted(signal));
      if (found !== undefined) return found;
      if (wait.patient === false)
        throw new Suspended('person', 'The run waits for a person, and goes on when somebody has said something.');
      wait.waits?.();
      await woken.promise;
      woken = Promise.withResolvers<void>();
    }
  } finally {
    unwatch();
    wait.signal.removeEventListener('abort', abort);
  }
}
