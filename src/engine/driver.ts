import { messageOf } from '../domain/errors.ts';
import type { Journal } from '../journal/journal.ts';
import { CLOSING, type Delivery, type Dispatch, DRIVE } from './dispatch.ts';
import { driveOnce, type DriveParts, SHOWN } from './drive.ts';
import { letGoOnPause, letGoOnWord, letGoWhenOff } from './hold.ts';

export interface DriverParts extends Omit<DriveParts, 'showing' | 'unseen'> {
  /** Brings runs that are to be driven; their key is `DRIVE`. */
  readonly dispatch: Dispatch;
  /** Runs driven here at once. */
  readonly slots: number;
  /** The journal of whoever drives the run from now on. */
  readonly hold: (run: string) => Promise<{ readonly journal: Journal; release(): void }>;
  /** Resolves when no request of the run to the model is in flight. */
  readonly quiet: (run: string) => Promise<void>;
  readonly watchSwitch: (listener: () => void) => () => void;
  /** Milliseconds before each further try of a run that met something which may pass; the last is repeated. */
  readonly redriveMs: readonly number[];
}

/** Drives runs that are delivered to this process: each at most once at a time, from where its journal ends to where it ends or waits. */
export interface Driver {
  /** Soon, in this process or another. */
  drive(run: string): void;
  /** Interrupts a run and drives it again, so that a stop that was signalled ends it; resolves when that was done, or after 20 s, when it goes on by itself. */
  interrupt(run: string): Promise<void>;
  /** Interrupts a run and drives it again from its record; resolves when the first has let go. */
  restart(run: string): Promise<void>;
  /** Lets every run go at a safe place; they go on at the next start, or in another process. */
  close(): Promise<void>;
}

interface Driven {
  readonly abort: AbortController;
  readonly done: Promise<void>;
}

export async function openDriver(parts: DriverParts): Promise<Driver> {
  const { dispatch, log } = parts;
  const driven = new Map<string, Driven>();
  const showing: DriveParts['showing'] = new Map();
  const ends = new Map<string, () => void>();
  const push = async (run: string): Promise<void> => {
    try {
      await dispatch.push(run, [DRIVE]);
    } catch (error) {
      log.error({ run, error: messageOf(error) }, 'a run could not be pushed; it is driven at the next start');
    }
  };
  const handle = async (delivery: Delivery): Promise<void> => {
    const { run } = delivery;
    const { promise: done, resolve } = Promise.withResolvers<void>();
    const abort = new AbortController();
    driven.set(run, { abort, done });
    try {
      await driveDelivery({ ...parts, showing, push }, delivery, abort);
    } finally {
      driven.delete(run);
      resolve();
      ends.get(run)?.();
    }
  };
  await dispatch.work(parts.slots, handle);
  const letGo = async (run: string): Promise<void> => {
    const current = driven.get(run);
    current?.abort.abort();
    await current?.done;
  };
  const endAgain = async (run: string): Promise<void> => {
    await letGo(run);
    const over = overOf(parts.journal, run);
    ends.set(run, over.resolve);
    await push(run);
    await over.promise;
    ends.delete(run);
  };
  return {
    drive: (run) => void push(run),
    restart: async (run) => {
      await letGo(run);
      await push(run);
    },
    // Whoever holds GitHub's writes back holds a drive that is writing, too: its end is told when it comes.
    interrupt: (run) => atMost(OVER_MS, endAgain(run)),
    close: () => dispatch.close(),
  };
}

/** Longest that somebody who interrupted a run is kept waiting for its end, in milliseconds. */
const OVER_MS = 20_000;

/** Resolves with the work, or after so many milliseconds, when the work goes on. */
async function atMost(ms: number, work: Promise<void>): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves when the run comes to an end or to a pause, wherever it is driven; sooner by `resolve`. */
function overOf(journal: Journal, run: string): { readonly promise: Promise<void>; readonly resolve: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, OVER_MS);
  const unwatch = journal.watch(run, ({ event }) => {
    if (event.type === 'run.paused' || (event.type === 'step.done' && event.step === SHOWN)) resolve();
  });
  const stop = (): void => {
    clearTimeout(timer);
    unwatch();
  };
  return { promise: promise.finally(stop), resolve };
}

/** pg-boss ends a delivery after 23 hours; what is still driven then goes on in another one. */
const LONGEST_MS = 20 * 3600 * 1000;

interface Delivering extends DriverParts {
  readonly showing: DriveParts['showing'];
  readonly push: (run: string) => Promise<void>;
}

async function driveDelivery(parts: Delivering, delivery: Delivery, abort: AbortController): Promise<void> {
  const { run } = delivery;
  const { dispatch, redriveMs } = parts;
  const held = await parts.hold(run);
  const long = AbortSignal.timeout(LONGEST_MS);
  let unseen = Promise.resolve();
  const own = {
    ...parts,
    journal: held.journal,
    unseen: (shown: Promise<void>): void => {
      unseen = shown;
    },
  };
  const before = (await parts.journal.events(run)).length;
  const signal = AbortSignal.any([abort.signal, delivery.signal, long]);
  const switched = letGoWhenOff(own, run, abort);
  const unwatch = [switched.stop, letGoOnPause(own, run, abort), letGoOnWord(parts.journal, { run, before, abort })];
  const trip = await driveOnce(own, run, signal);
  for (const stop of unwatch) stop();
  // Whatever still waits in this house (a question to people) waits no longer.
  abort.abort();
  held.release();
  if (delivery.signal.aborted || long.aborted) {
    if (long.aborted || delivery.signal.reason === CLOSING) await dispatch.redeliver(delivery, new Date());
    return;
  }
  const wait = trip === 'interrupted' && delivery.number === 1 ? 0 : (redriveMs.at(Math.min(delivery.number, redriveMs.length) - 1) ?? 0);
  // Nobody has to say that it goes on: it may be switched on again already.
  if (trip === 'again' || trip === 'interrupted' || (trip === 'paused' && switched.hasLetGo()))
    await dispatch.redeliver(delivery, new Date(Date.now() + wait));
  else await delivery.complete();
  unseen.catch(() => parts.push(run));
  // What was pushed while it was driven was passed over; what people said too late for this drive is for the next.
  if (await hasNews(parts.journal, run, before)) await dispatch.push(run, [DRIVE]);
}

/**
 * Whether people said something after the drive that began there came to an end or a pause; or, before it paused, what can end that very pause: a drive that is letting go
 * heard it too late.
 */
async function hasNews(journal: Journal, run: string, before: number): Promise<boolean> {
  const since = (await journal.events(run, before)).map(({ event }) => event);
  const ended = since.findLastIndex(({ type }) => type === 'run.ended');
  const over = Math.max(
    since.findLastIndex(({ type }) => type === 'run.paused'),
    ended,
  );
  return since.some((event, at) => {
    if (event.type === 'run.amended' || (event.type === 'signal.received' && event.name === 'resume')) return at > ended;
    return event.type === 'signal.received' && at > over;
  });
}
