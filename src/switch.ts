import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import type { Config } from './config.ts';
import { messageOf } from './domain/errors.ts';
import type { EventOf } from './domain/events.ts';
import { EVERYWHERE, reasonIn, SWITCH_SCOPE, type SwitchedOff } from './domain/switched-off.ts';
import type { Log } from './house.ts';
import type { Journal } from './journal/journal.ts';

/** Its being in the data directory switches off. */
export const SWITCH_FILE = 'DISABLED';

/** The operator's switch, as this process sees it: the environment, a file that is looked at each time, and what all on the same journal were told. */
export interface Switch {
  /** Asked right before whatever spends: why nothing may be spent now, null when it may. */
  off(): SwitchedOff | null;
  /** Called when it was switched off, or on again. Returns the way to stop. */
  watch(listener: () => void): () => void;
  close(): void;
}

export interface SwitchParts {
  /** The reason in the environment, for as long as this process lives; null when it is not there. */
  readonly environment: string | null;
  /** Its being there switches off; its text is the reason. */
  readonly file: string;
  readonly journal: Pick<Journal, 'append' | 'events' | 'watch'>;
  /** Names this machine and data directory in the record. */
  readonly where: string;
  /** From one look at the file to the next, where nothing asks. */
  readonly everyMs: number;
  readonly log: Log;
}

type Turn = EventOf<'switch.turned'>;
type Local = SwitchedOff & { readonly by: 'environment' | 'file' };

/** Every turn is recorded, so that all others hear of it and the audit log has it. */
export async function openSwitch(parts: SwitchParts): Promise<Switch> {
  const { journal, where, everyMs, log } = parts;
  const listeners = new Set<() => void>();
  const told = new Map<string, Turn>();
  const everywhere = (): SwitchedOff | null => {
    const turn = told.get(EVERYWHERE);
    return turn?.off === true ? { reason: turn.reason } : null;
  };
  const tell = (): void => {
    for (const listener of listeners) listener();
  };
  const unwatch = journal.watch(SWITCH_SCOPE, ({ event }) => {
    if (event.type !== 'switch.turned') return;
    told.set(event.where, event);
    if (event.where === EVERYWHERE) tell();
  });
  for (const { event } of await journal.events(SWITCH_SCOPE)) if (event.type === 'switch.turned') told.set(event.where, event);

  let recorded = told.get(where)?.off === true;
  let known = localOf(parts);
  const record = (): void => {
    const off = known !== null;
    if (off === recorded) return;
    recorded = off;
    const turn: Turn = { type: 'switch.turned', off, reason: known?.reason ?? '', by: known?.by ?? 'file', where };
    // What cannot be recorded holds all the same, and is recorded at the next look.
    journal.append(SWITCH_SCOPE, [turn]).catch((error: unknown) => {
      recorded = !off;
      log.error({ error: messageOf(error) }, 'that the switch was turned could not be recorded');
    });
  };
  const look = (): void => {
    const before = known;
    known = localOf(parts);
    record();
    if ((before === null) === (known === null)) return;
    log.warn({ off: known !== null, reason: known?.reason }, known === null ? 'Converge is switched on again' : 'Converge is switched off');
    tell();
  };
  record();
  const timer = setInterval(look, everyMs).unref();
  return {
    off: () => {
      look();
      return known ?? everywhere();
    },
    watch: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => {
      clearInterval(timer);
      unwatch();
    },
  };
}

/** A file that is there and cannot be read was meant all the same. */
function localOf({ environment, file }: SwitchParts): Local | null {
  if (environment !== null) return { reason: reasonIn(environment), by: 'environment' };
  try {
    return { reason: reasonIn(readFileSync(file, 'utf8')), by: 'file' };
  } catch (error) {
    const absent = error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
    return absent ? null : { reason: '', by: 'file' };
  }
}

/** The switch of a process: its environment, the file `DISABLED` in its data directory, and its journal's. */
export function switchOf(
  { disabled, dataDirectory }: Pick<Config, 'disabled' | 'dataDirectory'>,
  { journal, everyMs, log }: Pick<SwitchParts, 'journal' | 'everyMs' | 'log'>,
): Promise<Switch> {
  const directory = resolve(dataDirectory);
  return openSwitch({
    environment: disabled,
    file: join(directory, SWITCH_FILE),
    journal,
    where: `${hostname()}:${directory}`,
    everyMs,
    log,
  });
}
