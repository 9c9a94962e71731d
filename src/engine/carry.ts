import { z } from 'zod';
import { Suspended, messageOf } from '../domain/errors.ts';
import type { StoredEvent } from '../domain/events.ts';
import type { Log } from '../house.ts';
import type { Journal } from '../journal/journal.ts';
import { carryHere, type Carried, type Carry } from '../script/calls.ts';
import type { Dispatch } from './dispatch.ts';
import { ReleaseWindow } from './release-window.ts';

/** Primitives that hold conversations with the model: workers carry them out, all others stay with the driver. */
export const CARRIED: ReadonlySet<string> = new Set(['agent', 'migrate', 'review', 'revise']);

/** How often what should be with the workers is pushed again, in milliseconds: whatever became of the queue, the journal says what is not done. */
const PUSH_AGAIN_MS = 20_000;

export interface CarryParts {
  readonly run: string;
  readonly journal: Journal;
  readonly dispatch: Dispatch;
  /** Conversations of the run at once, over all workers. */
  readonly limit: number;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/** Takes the calls of one run that is driven here to workers and back. */
export interface Carrying {
  readonly carry: Carry;
  close(): void;
}

/**
 * A call is pushed when the run's window has room for it, and is over when the journal shows it settled. What a worker could not go on with stops the run with the
 * worker's reason. When the run lets go, what is with the workers stays there: whoever drives it next finds it there, or done.
 */
export function openCarrying(parts: CarryParts): Carrying {
  const { run, journal, signal } = parts;
  const window = new ReleaseWindow(parts.limit);
  const under = new Map<string, PromiseWithResolvers<void>>();
  const here = carryHere(journal);
  let stopped = false;
  let entering: Promise<void> = Promise.resolve();

  const push = (keys: readonly string[]): void => pushTo(parts, keys);
  const leave = (key: string): void => {
    window.leave(key);
    under.delete(key);
    if (!stopped) push(window.release());
  };
  const stop = (thrown: Suspended): void => {
    stopped = true;
    for (const { reject } of under.values()) reject(thrown);
  };
  const hear = ({ event }: StoredEvent): void => {
    if (event.type === 'call.settled') under.get(event.key)?.resolve();
    if (event.type !== 'call.suspended' || !under.has(event.key)) return;
    // The worker's own affair, or a pause that may be over by now: while the run goes on, the call does.
    if (event.reason === 'stopping' || event.reason === 'person') push([event.key]);
    else stop(new Suspended(event.reason, event.message));
  };
  const unwatch = journal.watch(run, hear);
  const again = setInterval(() => push(window.released), PUSH_AGAIN_MS);
  const letGo = (): void => stop(new Suspended('stopping', 'The run lets go of its calls; they go on where they are.'));
  signal.addEventListener('abort', letGo, { once: true });

  const deliver = async ({ key }: Carried): Promise<void> => {
    if (stopped || signal.aborted) throw new Suspended('stopping', 'The run was told to stop.');
    const ended = Promise.withResolvers<void>();
    ended.promise.catch(() => undefined);
    under.set(key, ended);
    try {
      // Entered before anything is waited for: the window's order is the order of issue.
      const weighed = weigh(parts, key);
      const order = entering.then(async () => window.enter({ key, weight: await weighed }));
      entering = order.catch(() => undefined);
      await order;
      if ((await journal.call(run, key))?.settled !== null) return;
      if (!stopped) push(window.release());
      await ended.promise;
    } finally {
      leave(key);
    }
  };
  return {
    carry: (call) => (CARRIED.has(call.kind) ? deliver(call) : here(call)),
    close: () => {
      unwatch();
      clearInterval(again);
      signal.removeEventListener('abort', letGo);
    },
  };
}

function pushTo({ run, dispatch, log }: CarryParts, keys: readonly string[]): void {
  if (keys.length === 0) return;
  dispatch.push(run, keys).catch((error: unknown) => {
    log.warn({ run, calls: keys.length, error: messageOf(error) }, 'calls could not be pushed to the workers; they are pushed again');
  });
}

const ofReview = z.object({ seats: z.array(z.string()).min(1) });

/** A review holds a conversation for each of its reviewers. */
async function weigh({ run, journal }: CarryParts, key: string): Promise<number> {
  const call = await journal.call(run, key);
  const review = call?.kind === 'review' ? ofReview.safeParse(call.input) : null;
  return review?.success === true ? review.data.seats.length : 1;
}
