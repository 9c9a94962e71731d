import { heldText, type Held } from '../domain/hold.ts';
import { notAllowedText } from '../domain/not-allowed.ts';
import type { Place } from '../domain/run.ts';
import { foldRun } from '../domain/run-state.ts';
import { switchedOffText, type SwitchedOff } from '../domain/switched-off.ts';
import type { Journal } from '../journal/journal.ts';
import { CLOSING } from './dispatch.ts';

/** Writes the pause of a run that a person holds, unless it is written; false when nobody does. */
export async function holdIfAsked(journal: Journal, run: string): Promise<boolean> {
  const { held, pause } = foldRun(await journal.events(run));
  if (held === null) return false;
  if (pause?.reason !== 'person') await journal.append(run, [{ type: 'run.paused', reason: 'person', message: heldText(held) }]);
  return true;
}

interface Holding {
  readonly journal: Journal;
  readonly quiet: (run: string) => Promise<void>;
}

/**
 * Lets go of a run that is driven here when a person pauses it: what the model is answering is finished and kept, then all else is interrupted.
 * Agents hear of the pause by themselves (agents/orders.ts). Returns the way to stop watching.
 */
export function letGoOnPause({ journal, quiet }: Holding, run: string, abort: AbortController): () => void {
  const held = async (): Promise<Held | null> => foldRun(await journal.events(run)).held;
  const letGo = async (): Promise<void> => {
    await quiet(run);
    // Somebody may have said go on meanwhile.
    if ((await held()) !== null) abort.abort();
  };
  return journal.watch(run, ({ event }) => {
    // A journal that cannot be read stops the run by itself.
    if (event.type === 'signal.received' && event.name === 'pause') letGo().catch(() => undefined);
  });
}

/** Lets go of a run that somebody stopped or wants to be tried again, whichever process heard it: the next drive does what was said. What this drive began with may be told late. */
export function letGoOnWord(
  journal: Journal,
  { run, before, abort }: { readonly run: string; readonly before: number; readonly abort: AbortController },
): () => void {
  return journal.watch(run, ({ n, event }) => {
    if (n <= before) return;
    const said = event.type === 'signal.received' && (event.name === 'stop' || event.name === 'retry');
    if (said || (event.type === 'run.amended' && event.amendment.kind === 'drop')) abort.abort();
  });
}

/** Writes the pause of a run whose repository the operator lets spend no more, unless it is written; false when it may. */
export async function pauseIfNotAllowed(
  { journal, allowed }: { readonly journal: Journal; readonly allowed: (place: Place) => boolean },
  run: string,
): Promise<boolean> {
  const { place, pause } = foldRun(await journal.events(run));
  if (allowed(place)) return false;
  if (pause?.reason !== 'not-allowed')
    await journal.append(run, [{ type: 'run.paused', reason: 'not-allowed', message: notAllowedText(place) }]);
  return true;
}

/** Writes the pause of a run while the operator has switched Converge off, unless it is written; false when nothing stands in the way. */
export async function pauseIfOff(
  { journal, off }: { readonly journal: Journal; readonly off: () => SwitchedOff | null },
  run: string,
): Promise<boolean> {
  const switchedOff = off();
  if (switchedOff === null) return false;
  const { pause } = foldRun(await journal.events(run));
  if (pause?.reason !== 'switched-off')
    await journal.append(run, [{ type: 'run.paused', reason: 'switched-off', message: switchedOffText(switchedOff) }]);
  return true;
}

/**
 * Waits for what people are shown, but not once the drive is let go: GitHub may take no writes for a quarter of an hour, and whoever stopped the run waits for this. It is done
 * all the same. False: not waited for to its end. A process that ends waits, since nothing of it is done afterwards.
 */
export async function shownUnlessLetGo(shown: Promise<void>, signal: AbortSignal): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<false>();
  const letGo = (): void => {
    if (signal.reason !== CLOSING) resolve(false);
  };
  signal.addEventListener('abort', letGo, { once: true });
  if (signal.aborted) letGo();
  try {
    return await Promise.race([shown.then(() => true), promise]);
  } finally {
    signal.removeEventListener('abort', letGo);
  }
}

interface Switching {
  readonly quiet: (run: string) => Promise<void>;
  readonly off: () => SwitchedOff | null;
  readonly watchSwitch: (listener: () => void) => () => void;
}

/** Lets go of a run that is driven here when Converge is switched off: what the model is answering is paid for, so it is finished and kept. */
export function letGoWhenOff(
  { quiet, off, watchSwitch }: Switching,
  run: string,
  abort: AbortController,
): { readonly hasLetGo: () => boolean; readonly stop: () => void } {
  let gone = false;
  const letGo = async (): Promise<void> => {
    if (off() === null) return;
    await quiet(run);
    // It may be on again by now.
    if (off() === null) return;
    gone = true;
    abort.abort();
  };
  return { hasLetGo: () => gone, stop: watchSwitch(() => void letGo()) };
}
