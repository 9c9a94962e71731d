import { ConvergeError, messageOf, Suspended } from '../domain/errors.ts';
import { inGeneration } from '../domain/generation.ts';
import type { Place } from '../domain/run.ts';
import { foldRun } from '../domain/run-state.ts';
import type { SwitchedOff } from '../domain/switched-off.ts';
import type { House, Log } from '../house.ts';
import type { Journal } from '../journal/journal.ts';
import type { Bulletin } from '../publish/bulletin.ts';
import { holdIfAsked, pauseIfNotAllowed, pauseIfOff, shownUnlessLetGo } from './hold.ts';

/** A run's house with what has to be closed after it. */
export interface OpenHouse {
  readonly house: House;
  close(): Promise<void>;
}

export interface DriveParts {
  readonly journal: Journal;
  /** What a run shows while it is driven; opened before its house, so that what goes wrong there is shown too. `after`: what an earlier drive still shows. */
  readonly bulletin: (run: string, journal: Journal, after: Promise<void>) => Promise<Bulletin>;
  readonly enter: (run: string, journal: Journal, signal: AbortSignal) => Promise<OpenHouse>;
  readonly migrate: (house: House) => Promise<void>;
  /** Whether the operator lets this repository spend. */
  readonly allowed: (place: Place) => boolean;
  /** The operator's switch. */
  readonly off: () => SwitchedOff | null;
  /** Opens the generations that people asked for since the last drive. */
  readonly openGenerations: (run: string, journal: Journal) => Promise<void>;
  readonly stopped: (run: string, journal: Journal, why: string) => Promise<void>;
  readonly failed: (run: string, journal: Journal, why: string) => Promise<void>;
  /** Writes again what people read of a run that ended early: a process that died may not have come to it. */
  readonly showEarlyEnd: (run: string, journal: Journal) => Promise<void>;
  /** What drives of this process that were let go still show, by run: it ends before the next drive shows anything. */
  readonly showing: Map<string, Promise<void>>;
  /** Told of words on their way to GitHub for which this drive does not wait, and after which no other edit comes by itself. */
  readonly unseen: (shown: Promise<void>) => void;
  readonly log: Log;
}

/** How one drive came out: `again` asks for another, later; `interrupted` for one at once, when it is the first; `paused` waits for people, who may have come before it was over. */
export type Trip = 'rest' | 'paused' | 'again' | 'interrupted';

/** Step that says that people saw the end of a generation: a run that ended without it is shown again at the next start. */
export const SHOWN = 'shown';

/** Never rejects: what happens to a run is told where people see it, and what happens to this process in its log. */
export async function driveOnce(parts: DriveParts, run: string, signal: AbortSignal): Promise<Trip> {
  const { journal, log, showing } = parts;
  let bulletin: Bulletin | null = null;
  let trip: Trip = 'rest';
  try {
    bulletin = await parts.bulletin(run, journal, showing.get(run) ?? Promise.resolve());
    trip = await travel(parts, run, signal);
    const shown = bulletin.flush();
    const seen = await shownUnlessLetGo(shown, signal);
    if (!seen && trip === 'paused') parts.unseen(shown);
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

function keepUntilOver(showing: DriveParts['showing'], run: string, closed: Promise<void>): void {
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
  { log }: DriveParts,
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

async function travel(parts: DriveParts, run: string, signal: AbortSignal): Promise<Trip> {
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
  { journal, enter, migrate, log }: DriveParts,
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
  { journal, failed, off, log }: DriveParts,
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
