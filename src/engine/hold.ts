import { heldText, type Held } from '../domain/hold.ts';
import { foldRun } from '../domain/run-state.ts';
import type { Journal } from '../journal/journal.ts';

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
