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
const AGAIN_MS = 20_000;

const NOBODY =
  'No worker takes the calls of this run: found none that is at work, expected at least one. Whoever operates this Converge starts one with `npm run worker`; the run goes on by itself then.';

export interface CarryParts {
  readonly run: string;
  readonly journal: Journal;
  readonly dispatch: Dispatch;
  /** Conversations of the run at once, over all workers. */
  readonly limit: number;
  readonly signal: AbortSignal;
  readonly log: Log;
  /** Workers that take calls now, as far as is known. */
  readonly workers: () => Promise<number>;
  /** Between two looks after what is with the workers; 20 seconds unless told. */
  readonly againMs?: number;
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
  const ends = new Ends();
  const here = carryHere(journal);
  let stopped = false;
  const unattended = openUnattended(parts);
  let entering: Promise<void> = Promise.resolve();

  const push = (keys: readonly string[]): void => pushTo(parts, keys);
  const leave = (key: string): void => {
    window.leave(key);
    ends.leave(key);
    if (!stopped) push(window.release());
  };
  const stop = (thrown: Suspended): void => {
    stopped = true;
    ends.stop(thrown);
  };
  const hear = ({ event }: StoredEvent): void => {
    unattended.moved();
    if (event.type === 'call.settled') ends.settled(event.key);
    if (event.type !== 'call.suspended' || !ends.awaits(event.key)) return;
    // The worker's own affair, or a pause that may be over by now: while the run goes on, the call does.
    if (event.reason === 'stopping' || event.reason === 'person') push([event.key]);
    else stop(new Suspended(event.reason, event.message));
  };
  const unwatch = journal.watch(run, hear);
  const look = (): void => {
    push(window.released);
    unattended.look(window.released.length);
  };
  const again = setInterval(look, parts.againMs ?? AGAIN_MS);
  const letGo = (): void => stop(new Suspended('stopping', 'The run lets go of its calls; they go on where they are.'));
  signal.addEventListener('abort', letGo, { once: true });

  const deliver = async ({ key, kind }: Carried): Promise<void> => {
    if (stopped || signal.aborted) throw new Suspended('stopping', 'The run was told to stop.');
    const ended = ends.of(key);
    try {
      // Entered before anything is waited for: the window's order is the order of issue.
      const weighed = kind === 'review' ? weigh(parts, key) : 1;
      const order = entering.then(async () => window.enter({ key, weight: await weighed }));
      entering = order.catch(() => undefined);
      await order;
      if (ends.isSettled(key)) return;
      if (!stopped) push(window.release());
      await ended;
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

/** Ends of calls, as they are told. */
class Ends {
  readonly #awaited = new Map<string, PromiseWithResolvers<void>>();
  readonly #settled = new Set<string>();

  /** Resolves when the call is settled; a rejection may be nobody's. */
  of(key: string): Promise<void> {
    const ended = Promise.withResolvers<void>();
    ended.promise.catch(() => undefined);
    this.#awaited.set(key, ended);
    return ended.promise;
  }

  awaits(key: string): boolean {
    return this.#awaited.has(key);
  }

  /** Whether that was told, also before anybody waited for it. */
  isSettled(key: string): boolean {
    return this.#settled.has(key);
  }

  settled(key: string): void {
    this.#settled.add(key);
    this.#awaited.get(key)?.resolve();
  }

  leave(key: string): void {
    this.#awaited.delete(key);
  }

  stop(thrown: Suspended): void {
    for (const { reject } of this.#awaited.values()) reject(thrown);
  }
}

/** Sees calls that wait while nothing of the run moves, and tells it once when there is nobody who could take them. */
function openUnattended(parts: CarryParts): { moved(): void; look(released: number): void } {
  let moved = true;
  let told = false;
  return {
    moved: () => void (moved = true),
    look: (released) => {
      const waits = !moved && !told && released > 0;
      moved = false;
      if (!waits) return;
      // At once: the next look may come before it is written.
      told = true;
      void tellUnattended(parts).then((was) => (told = was));
    },
  };
}

/** Whether it was told that nobody takes the calls: where people look, and in the log. */
async function tellUnattended({ run, journal, workers, log }: CarryParts): Promise<boolean> {
  try {
    if ((await workers()) > 0) return false;
    log.warn({ run }, NOBODY);
    await journal.append(run, [{ type: 'log', text: NOBODY }]);
    return true;
  } catch (error) {
    log.warn({ run, error: messageOf(error) }, 'it could not be found out whether there are workers');
    return false;
  }
}

function pushTo({ run, dispatch, log }: CarryParts, keys: readonly string[]): void {
  if (keys.length === 0) return;
  dispatch.push(run, keys).catch((error: unknown) => {
    log.warn({ run, calls: keys.length, error: messageOf(error) }, 'calls could not be pushed to the workers; they are pushed again');
  });
}

const ofReview = z.object({ seats: z.array(z.string()).min(1) });

/** A review holds a conversation for each of its reviewers; everything else is one. */
async function weigh({ run, journal }: CarryParts, key: string): Promise<number> {
  const review = ofReview.safeParse((await journal.call(run, key))?.input);
  return review.success ? review.data.seats.length : 1;
}
