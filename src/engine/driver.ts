import { ConvergeError, messageOf, Suspended } from '../domain/errors.ts';
import type { SwitchedOff } from '../domain/switched-off.ts';
import { inGeneration } from '../domain/generation.ts';
import type { Place } from '../domain/run.ts';
import { foldRun } from '../domain/run-state.ts';
import type { House, Log } from '../house.ts';
import type { Journal } from '../journal/journal.ts';
import type { Bulletin } from '../publish/bulletin.ts';
import { CLOSING, type Delivery, type Dispatch, DRIVE } from './dispatch.ts';
import { holdIfAsked, letGoOnPause, letGoOnWord, letGoWhenOff, pauseIfNotAllowed, pauseIfOff, shownUnlessLetGo } from './hold.ts';

/** A run's house with what has to be closed after it. */
export interface OpenHouse {
  readonly house: House;
  close(): Promise<void>;
}

export interface DriverParts {
  readonly journal: Journal;
  /** Brings runs that are to be driven; their key is `DRIVE`. */
  readonly dispatch: Dispatch;
  /** Runs driven here at once. */
  readonly slots: number;
  /** The journal of whoever drives the run from now on. */
  readonly hold: (run: string) => Promise<{ readonly journal: Journal; release(): void }>;
  /** What a run shows while it is driven; opened before its house, so that what goes wrong there is shown too. */
  /** `after`: what an earlier drive still shows; its words must not come after these. */
  readonly bulletin: (run: string, journal: Journal, after: Promise<void>) => Promise<Bulletin>;
  readonly enter: (run: string, journal: Journal, signal: AbortSignal) => Promise<OpenHouse>;
  readonly migrate: (house: House) => Promise<void>;
  /** Resolves when no request of the run to the model is in flight. */
  readonly quiet: (run: string) => Promise<void>;
  /** Whether the operator lets this repository spend. */
  readonly allowed: (place: Place) => boolean;
  /** The operator's switch. */
  readonly off: () => SwitchedOff | null;
  readonly watchSwitch: (listener: () => void) => () => void;
  /** Opens the generations that people asked for since the last drive. */
  readonly openGenerations: (run: string, journal: Journal) => Promise<void>;
  readonly stopped: (run: string, journal: Journal, why: string) => Promise<void>;
  readonly failed: (run: string, journal: Journal, why: string) => Promise<void>;
  /** Writes again what people read of a run that ended early: a process that died may not have come to it. */
  readonly showEarlyEnd: (run: string, journal: Journal) => Promise<void>;
  /** Milliseconds before each further try of a run that met something which may pass; the last is repeated. */
  readonly redriveMs: readonly number[];
  readonly log: Log;
}

/** Drives runs that are delivered to this process: each at most once at a time, from where its journal ends to where it ends or waits. */
export interface Driver {
  /** Soon, in this process or another. */
  drive(run: string): void;
  /** Interrupts a run and drives it again, so that a stop that was signalled ends it; resolves when that was done. */
  interrupt(run: string): Promise<void>;
  /** Interrupts a run and drives it again from its record; resolves when the first has let go. */
  restart(run: string): Promise<void>;
  /** Lets every run go at a safe place; they go on at the next start, or in another process. */
  close(): Promise<void>;
}

/** How one drive came out: `again` asks for another, later; `interrupted` for one at once, when it is the first; `paused` waits for people, who may have come before it was over. */
type Trip = 'rest' | 'paused' | 'again' | 'interrupted';

/** What drives that were let go still show, by run: it ends before the next drive shows anything. */
type Showing = Map<string, Promise<void>>;

type DrivingParts = DriverParts & { readonly showing: Showing };

interface Driven {
  readonly abort: AbortController;
  readonly done: Promise<void>;
}

export async function openDriver(parts: DriverParts): Promise<Driver> {
  const { dispatch, log } = parts;
  const driven = new Map<string, Driven>();
  const showing: Showing = new Map();
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
      await driveDelivery({ ...parts, showing }, delivery, abort);
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
  return {
    drive: (run) => void push(run),
    restart: async (run) => {
      await letGo(run);
      await push(run);
    },
    interrupt: async (run) => {
      await letGo(run);
      const over = overOf(parts.journal, run);
      ends.set(run, over.resolve);
      await push(run);
      await over.promise;
      ends.delete(run);
    },
    close: () => dispatch.close(),
  };
}

/** Longest that somebody who interrupted a run is kept waiting for its end, in milliseconds. */
const OVER_MS = 20_000;

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

async function driveDelivery(parts: DrivingParts, delivery: Delivery, abort: AbortController): Promise<void> {
  const { run } = delivery;
  const { dispatch, redriveMs } = parts;
  const held = await parts.hold(run);
  const long = AbortSignal.timeout(LONGEST_MS);
  const own = { ...parts, journal: held.journal };
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

/** Step that says that people saw the end of a generation: a run that ended without it is shown again at the next start. */
export const SHOWN = 'shown';

/** Never rejects: what happens to a run is told where people see it, and what happens to this process in its log. */
async function driveOnce(parts: DrivingParts, run: string, signal: AbortSignal): Promise<Trip> {
  const { journal, log, showing } = parts;
  let bulletin: Bulletin | null = null;
  let trip: Trip = 'rest';
  try {
    bulletin = await parts.bulletin(run, journal, showing.get(run) ?? Promise.resolve());
    trip = await travel(parts, run, signal);
    const seen = await shownUnlessLetGo(bulletin.flush(), signal);
    const { status, generation } = foldRun(await journal.events(run));
    const step = inGeneration(generation, SHOWN);
    if (status === 'ended' && (await journal.doneStep(run, step)) === undefined) {
      if (seen) await journal.append(run, [{ type: 'step.done', step, result: null }]);
      else trip = 'again';
    }
  } catch (error) {
    // Only the telling failed, or the journal itself: what was decided is on disk.
    log.error(
      { run, error: messageOf(error), detail: error instanceof ConvergeError ? error.detail : undefined },
      'run interrupted; it goes on later',
    );
    trip = 'again';
    if (error instanceof ConvergeError && error.kind === 'journal')
      await tellUnrecorded(parts, bulletin, { run, message: error.message, signal });
  }
  try {
    if (bulletin !== null) {
      const closed = bulletin.close();
      keepUntilOver(showing, run, closed);
      await shownUnlessLetGo(closed, signal);
    }
  } catch (error) {
    log.warn({ run, error: messageOf(error) }, 'the status could not be closed');
  }
  return trip;
}

function keepUntilOver(showing: Showing, run: string, closed: Promise<void>): void {
  const wait = async (): Promise<void> => {
    // That it failed was told by the drive that waits for it, or by the bulletin itself.
    await Promise.allSettled([closed]);
    if (showing.get(run) === over) showing.delete(run);
  };
  const over = wait();
  showing.set(run, over);
}

/** A pause that the journal cannot take is told all the same, from what it has. */
async function tellUnrecorded(
  { log }: DriverParts,
  bulletin: Bulletin | null,
  { run, message, signal }: { run: string; message: string; signal: AbortSignal },
): Promise<void> {
  try {
    const pause = { reason: 'storage', message: `${message} Converge tries again by itself.`, at: new Date().toISOString() } as const;
    if (bulletin !== null) await shownUnlessLetGo(bulletin.flush(pause), signal);
  } catch (error) {
    log.warn({ run, error: messageOf(error) }, 'that the record cannot be written could not be told');
  }
}

async function travel(parts: DriverParts, run: string, signal: AbortSignal): Promise<Trip> {
  const { journal } = parts;
  await parts.openGenerations(run, journal);
  const state = foldRun(await journal.events(run));
  if (state.status === 'ended') {
    if ((await journal.doneStep(run, inGeneration(state.generation, SHOWN))) === undefined) await parts.showEarlyEnd(run, journal);
    return 'rest';
  }
  if (state.stop !== null && !state.stop.deliver) {
    await parts.stopped(run, journal, `Stopped by ${state.stop.by}.`);
    return 'rest';
  }
  if (await holdIfAsked(journal, run)) return 'paused';
  // Only a start with another list changes it.
  if (await pauseIfNotAllowed(parts, run)) return 'paused';
  if (await pauseIfOff(parts, run)) return 'again';
  try {
    await inHouse(parts, run, { signal, paused: state.status === 'paused' });
    return 'rest';
  } catch (error) {
    return settle(parts, run, { error, signal });
  }
}

async function inHouse(
  { journal, enter, migrate, log }: DriverParts,
  run: string,
  { signal, paused }: { signal: AbortSignal; paused: boolean },
): Promise<void> {
  const open = await enter(run, journal, signal);
  try {
    if (paused) await journal.append(run, [{ type: 'run.resumed' }]);
    await migrate(open.house);
  } finally {
    // Whatever cannot be cleaned up now is cleaned up before its next use; it must not decide how the run ends.
    await open
      .close()
      .catch((error: unknown) => log.warn({ run, error: messageOf(error) }, 'something of the run could not be cleaned up'));
  }
}

/** A pause keeps everything for later; what comes again when repeated ends the run, with what was found and what to do. */
async function settle(
  { journal, failed, off, log }: DriverParts,
  run: string,
  { error, signal }: { readonly error: unknown; readonly signal: AbortSignal },
): Promise<Trip> {
  const detail = error instanceof ConvergeError ? error.detail : undefined;
  if (error instanceof ConvergeError && error.retry === 'never' && error.kind !== 'journal') {
    log.error({ run, kind: error.kind, detail }, error.message);
    await failed(run, journal, error.message);
    return 'rest';
  }
  if (await holdIfAsked(journal, run)) return 'paused';
  if (await pauseIfOff({ journal, off }, run)) return 'again';
  if (error instanceof Suspended && error.reason === 'person') return 'paused';
  // Nobody told this drive to stop: somebody else had the run for a moment, or what it waited for broke off.
  if (error instanceof Suspended && error.reason === 'stopping') return signal.aborted ? 'paused' : 'interrupted';
  const reason = error instanceof Suspended ? error.reason : 'fault';
  const message = error instanceof Suspended ? error.message : `${messageOf(error)} Converge tries again by itself.`;
  log.warn({ run, reason, detail }, message);
  await journal.append(run, [{ type: 'run.paused', reason, message }]);
  return reason === 'budget' || reason === 'not-allowed' ? 'paused' : 'again';
}
