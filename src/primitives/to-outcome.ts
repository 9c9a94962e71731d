import { setTimeout as wait } from 'node:timers/promises';
import { ConvergeError, Suspended, messageOf } from '../domain/errors.ts';
import type { CallOutcome } from '../journal/journal.ts';
import type { PrimitivePorts } from './primitive.ts';

/**
 * Does the work of a call and gives its end. Transient faults are tried again; what the script did wrong throws in the script; everything else that fails is `null` with its cause.
 * `last` is true when no further try follows. Throws only Suspended, which settles nothing: when the run stops, and when the journal cannot be written.
 */
export async function toOutcome(
  ports: Pick<PrimitivePorts, 'signal' | 'retryWaits'>,
  act: (last: boolean) => Promise<CallOutcome>,
): Promise<CallOutcome> {
  for (const pause of [...ports.retryWaits, null]) {
    if (ports.signal.aborted) throw stopping();
    try {
      return await act(pause === null);
    } catch (error) {
      if (error instanceof Suspended) throw error;
      if (ports.signal.aborted) throw stopping();
      if (!(error instanceof ConvergeError)) return { kind: 'null', cause: `internal error: ${messageOf(error)}` };
      if (error.kind === 'journal') throw new Suspended('storage', error.message);
      if (error.kind === 'script') return { kind: 'throw', message: error.message };
      if (error.retry === 'never' || pause === null) return { kind: 'null', cause: error.message };
      await wait(pause, undefined, { signal: ports.signal }).catch(() => undefined);
    }
  }
  throw stopping();
}

function stopping(): Suspended {
  return new Suspended('stopping', 'The run was interrupted; it goes on where it was.');
}

/** The phase under which a call was recorded: its own, or the script's at the time. */
export async function phaseOf(key: string, { journal, run, phase }: Pick<PrimitivePorts, 'journal' | 'run' | 'phase'>): Promise<string> {
  return phase ?? (await journal.call(run, key))?.phase ?? '';
}
