import { ConvergeError, messageOf, Suspended } from '../domain/errors.ts';
import { inGeneration } from '../domain/generation.ts';
import { foldRun } from '../domain/run-state.ts';
import type { House, Log } from '../house.ts';
import type { Journal } from '../journal/journal.ts';
import type { Bulletin } from '../publish/bulletin.ts';
import { holdIfAsked, letGoOnPause } from './hold.ts';

/** A run's house with what has to be closed after it. */
export interface OpenHouse {
  readonly house: House;
  close(): Promise<void>;
}

export interface DriverParts {
  readonly journal: Journal;
  /** What a run shows while it is driven; opened before its house, so that what goes wrong there is shown too. */
  readonly bulletin: (run: string) => Promise<Bulletin>;
  readonly enter: (run: string, signal: AbortSignal) => Promise<OpenHouse>;
  readonly migrate: (house: House) => Promise<void>;
  /** Resolves when no request of the run to the model is in flight. */
  readonly quiet: (run: string) => Promise<void>;
  /** Opens the generations that people asked for since the last drive. */
  readonly openGenerations: (run: string) => Promise<void>;
  readonly stopped: (run: string, why: string) => Promise<void>;
  readonly failed: (run: string, why: string) => Promise<void>;
  /** Milliseconds before each further try of a run that met something which may pass; the last is repeated. */
  readonly redriveMs: readonly number[];
  readonly log: Log;
}

/** Drives runs in this process: each at most once at a time, from where its journal ends to where it ends or waits. */
export interface Driver {
  drive(run: string): void;
  /** Interrupts a run and drives it again, so that a stop that was signalled ends it; resolves when that was done. */
  interrupt(run: string): Promise<void>;
  /** Interrupts a run and drives it again from its record; resolves when the first has let go. */
  restart(run: string): Promise<void>;
  /** Lets every run go at a safe place; they go on at the next start. */
  close(): Promise<void>;
}

/** How one drive came out: `again` asks for another, later; `paused` waits for people, who may have come before it was over. */
type Trip = 'rest' | 'paused' | 'again';

interface Driven {
  readonly abort: AbortController;
  readonly done: Promise<void>;
}

export function openDriver(parts: DriverParts): Driver {
  const driven = new Map<string, Driven>();
  const tries = new Map<string, number>();
  const timers = new Map<string, NodeJS.Timeout>();
  /** Runs that were to be driven while they were. */
  const asked = new Set<string>();
  let closing = false;

  const later = (run: string): void => {
    const made = tries.get(run) ?? 0;
    tries.set(run, made + 1);
    const wait = parts.redriveMs.at(Math.min(made, parts.redriveMs.length - 1)) ?? 0;
    timers.set(
      run,
      setTimeout(() => drive(run), wait),
    );
  };
  const once = async (run: string, abort: AbortController): Promise<void> => {
    const unwatch = letGoOnPause(parts, run, abort);
    const trip = await driveOnce(parts, run, abort.signal);
    unwatch();
    driven.delete(run);
    if (trip !== 'again') tries.delete(run);
    if (asked.delete(run) && trip !== 'rest') drive(run);
    else if (trip === 'again' && !closing && !abort.signal.aborted) later(run);
  };
  const drive = (run: string): void => {
    if (driven.has(run)) asked.add(run);
    if (closing || driven.has(run)) return;
    clearTimeout(timers.get(run));
    timers.delete(run);
    const abort = new AbortController();
    driven.set(run, { abort, done: once(run, abort) });
  };
  const restart = async (run: string): Promise<void> => {
    const current = driven.get(run);
    current?.abort.abort();
    await current?.done;
    drive(run);
  };
  return {
    drive,
    restart,
    interrupt: async (run) => {
      await restart(run);
      await driven.get(run)?.done;
    },
    close: async () => {
      closing = true;
      for (const timer of timers.values()) clearTimeout(timer);
      for (const { abort } of driven.values()) abort.abort();
      await Promise.all([...driven.values()].map(({ done }) => done));
    },
  };
}

/** Step that says that people saw the end of a generation: a run that ended without it is shown again at the next start. */
export const SHOWN = 'shown';

/** Never rejects: what happens to a run is told where people see it, and what happens to this process in its log. */
async function driveOnce(parts: DriverParts, run: string, signal: AbortSignal): Promise<Trip> {
  const { journal, log } = parts;
  let bulletin: Bulletin | null = null;
  let trip: Trip = 'rest';
  try {
    bulletin = await parts.bulletin(run);
    trip = await travel(parts, run, signal);
    await bulletin.flush();
    const { status, generation } = foldRun(await journal.events(run));
    const step = inGeneration(generation, SHOWN);
    if (status === 'ended' && (await journal.doneStep(run, step)) === undefined)
      await journal.append(run, [{ type: 'step.done', step, result: null }]);
  } catch (error) {
    // Only the telling failed, or the journal itself: what was decided is on disk.
    log.error(
      { run, error: messageOf(error), detail: error instanceof ConvergeError ? error.detail : undefined },
      'run interrupted; it goes on later',
    );
    trip = 'again';
    if (error instanceof ConvergeError && error.kind === 'journal') await tellUnrecorded(parts, bulletin, { run, message: error.message });
  }
  try {
    await bulletin?.close();
  } catch (error) {
    log.warn({ run, error: messageOf(error) }, 'the status could not be closed');
  }
  return trip;
}

/** A pause that the journal cannot take is told all the same, from what it has. */
async function tellUnrecorded(
  { log }: DriverParts,
  bulletin: Bulletin | null,
  { run, message }: { run: string; message: string },
): Promise<void> {
  try {
    await bulletin?.flush({ reason: 'storage', message: `${message} Converge tries again by itself.`, at: new Date().toISOString() });
  } catch (error) {
    log.warn({ run, error: messageOf(error) }, 'that the record cannot be written could not be told');
  }
}

async function travel(parts: DriverParts, run: string, signal: AbortSignal): Promise<Trip> {
  const { journal } = parts;
  await parts.openGenerations(run);
  const state = foldRun(await journal.events(run));
  if (state.status === 'ended') return 'rest';
  if (state.stop !== null && !state.stop.deliver) {
    await parts.stopped(run, `Stopped by ${state.stop.by}.`);
    return 'rest';
  }
  if (await holdIfAsked(journal, run)) return 'paused';
  try {
    await inHouse(parts, run, { signal, paused: state.status === 'paused' });
    return 'rest';
  } catch (error) {
    return settle(parts, run, error);
  }
}

async function inHouse(
  { journal, enter, migrate, log }: DriverParts,
  run: string,
  { signal, paused }: { signal: AbortSignal; paused: boolean },
): Promise<void> {
  const open = await enter(run, signal);
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
async function settle({ journal, failed, log }: DriverParts, run: string, error: unknown): Promise<Trip> {
  const detail = error instanceof ConvergeError ? error.detail : undefined;
  if (error instanceof ConvergeError && error.retry === 'never' && error.kind !== 'journal') {
    log.error({ run, kind: error.kind, detail }, error.message);
    await failed(run, error.message);
    return 'rest';
  }
  if (await holdIfAsked(journal, run)) return 'paused';
  if (error instanceof Suspended && (error.reason === 'stopping' || error.reason === 'person')) return 'paused';
  const reason = error instanceof Suspended ? error.reason : 'fault';
  const message = error instanceof Suspended ? error.message : `${messageOf(error)} Converge tries again by itself.`;
  log.warn({ run, reason, detail }, message);
  await journal.append(run, [{ type: 'run.paused', reason, message }]);
  return reason === 'budget' ? 'paused' : 'again';
}
