import { ConvergeError, messageOf, Suspended } from '../domain/errors.ts';
import { foldRun } from '../domain/run-state.ts';
import type { House, Log } from '../house.ts';
import type { Journal } from '../journal/journal.ts';
import type { Bulletin } from '../publish/bulletin.ts';

/** A run's house with what has to be closed after it. */
export interface OpenHouse {
  readonly house: House;
  readonly bulletin: Bulletin;
  close(): Promise<void>;
}

export interface DriverParts {
  readonly journal: Journal;
  readonly enter: (run: string, signal: AbortSignal) => Promise<OpenHouse>;
  readonly migrate: (house: House) => Promise<void>;
  readonly stopped: (house: House, why: string) => Promise<void>;
  readonly failed: (house: House, why: string) => Promise<void>;
  readonly log: Log;
}

/** Drives runs in this process: each at most once at a time, from where its journal ends to where it ends or waits. */
export interface Driver {
  drive(run: string): void;
  /** Interrupts a run and drives it again, so that a stop that was signalled ends it; resolves when it has ended. */
  interrupt(run: string): Promise<void>;
  /** Resolves when nothing is driven any more. */
  idle(): Promise<void>;
  /** Lets every run go at a safe place; they go on at the next start. */
  close(): Promise<void>;
}

interface Driven {
  readonly abort: AbortController;
  readonly done: Promise<void>;
}

export function openDriver(parts: DriverParts): Driver {
  const driven = new Map<string, Driven>();
  let closing = false;
  const drive = (run: string): void => {
    if (closing || driven.has(run)) return;
    const abort = new AbortController();
    const done = driveOnce(parts, run, abort.signal).finally(() => driven.delete(run));
    driven.set(run, { abort, done });
  };
  return {
    drive,
    interrupt: async (run) => {
      const current = driven.get(run);
      current?.abort.abort();
      await current?.done;
      drive(run);
      await driven.get(run)?.done;
    },
    idle: async () => {
      while (driven.size > 0) await Promise.all([...driven.values()].map(({ done }) => done));
    },
    close: async () => {
      closing = true;
      for (const { abort } of driven.values()) abort.abort();
      await Promise.all([...driven.values()].map(({ done }) => done));
    },
  };
}

/** Never rejects: a run's failure is that run's end, told where people see it. */
async function driveOnce(parts: DriverParts, run: string, signal: AbortSignal): Promise<void> {
  let open: OpenHouse | null = null;
  try {
    open = await parts.enter(run, signal);
    await travel(parts, open, run);
    await open.bulletin.flush();
  } catch (error) {
    parts.log.error(
      { run, error: messageOf(error), detail: error instanceof ConvergeError ? error.detail : undefined },
      'run interrupted; it goes on at the next start',
    );
  } finally {
    await open?.close();
  }
}

async function travel(parts: DriverParts, { house }: OpenHouse, run: string): Promise<void> {
  const { journal } = parts;
  const state = foldRun(await journal.events(run));
  if (state.status === 'ended') return;
  const stop = (await journal.signals(run)).find((signal) => signal.name === 'stop');
  if (stop !== undefined) return parts.stopped(house, `Stopped by ${stop.by}.`);
  if (state.status === 'paused') await journal.append(run, [{ type: 'run.resumed' }]);
  try {
    await parts.migrate(house);
  } catch (error) {
    await settle(parts, house, error);
  }
}

/** A pause keeps everything for later; a failure that comes again when repeated ends the run, with what was found and what to do. */
async function settle(parts: DriverParts, house: House, error: unknown): Promise<void> {
  const { run } = house;
  if (error instanceof Suspended && error.reason === 'stopping') return;
  if (error instanceof Suspended) {
    await parts.journal.append(run, [{ type: 'run.paused', reason: error.reason, message: error.message }]);
    parts.log.warn({ run, reason: error.reason }, error.message);
    return;
  }
  if (error instanceof ConvergeError && error.retry === 'never' && error.kind !== 'journal') {
    parts.log.error({ run, kind: error.kind, detail: error.detail }, error.message);
    await parts.failed(house, error.message);
    return;
  }
  throw error;
}
