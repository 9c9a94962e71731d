import { Suspended } from '../domain/errors.ts';
import { dropsOf, unwanted } from '../domain/drops.ts';
import type { StoredEvent } from '../domain/events.ts';
import { needsOf } from '../domain/shard.ts';
import type { CallOutcome } from '../journal/journal.ts';
import type { CallContext, PrimitivePorts } from './primitive.ts';

/** Whether people still want a shard: asked when a call is carried out, never when it is prepared. */
export interface Wanted {
  /** Why nothing more is done for it: it was dropped, or what it needs; null while it is wanted. */
  whyNot(shard: string): Promise<string | null>;
}

export function openWanted({ run, journal, plan }: Pick<PrimitivePorts, 'run' | 'journal' | 'plan'>): Wanted {
  const told: StoredEvent[] = [];
  let seen = 0;
  let turn: Promise<void> = Promise.resolve();
  const catchUp = async (): Promise<void> => {
    for (const stored of await journal.events(run, seen)) {
      seen = Math.max(seen, stored.n);
      if (MATTERS.has(stored.event.type)) told.push(stored);
    }
  };
  return {
    whyNot: async (shard) => {
      // In turn: each reads only what is new.
      const mine = turn.then(catchUp);
      turn = mine.catch(() => undefined);
      await mine;
      return unwanted(shard, needsOf(plan.shards, shard), dropsOf(told).dropped);
    },
  };
}

const MATTERS: ReadonlySet<StoredEvent['event']['type']> = new Set(['run.amended', 'effect.intended', 'effect.done']);

/**
 * Carries a call for a shard out while the shard is wanted: one that is not begins nothing, and one that is dropped in the middle is interrupted; both come to
 * `null` with the cause. What had settled before the drop stays.
 */
export async function whileWanted(
  context: CallContext,
  shard: string,
  act: (own: CallContext) => Promise<CallOutcome>,
): Promise<CallOutcome> {
  const { wanted, journal, run, signal } = context;
  const cut = new AbortController();
  const look = async (): Promise<string | null> => {
    const why = await wanted.whyNot(shard);
    if (why !== null) cut.abort();
    return why;
  };
  const unwatch = journal.watch(run, ({ event }) => {
    // A journal that cannot be read stops the run by itself.
    if (event.type === 'run.amended' && event.amendment.kind === 'drop') look().catch(() => undefined);
  });
  try {
    const before = await look();
    if (before !== null) return { kind: 'null', cause: before };
    return await act({ ...context, signal: AbortSignal.any([signal, cut.signal]) });
  } catch (error) {
    if (!(error instanceof Suspended) || !cut.signal.aborted || signal.aborted) throw error;
    return { kind: 'null', cause: (await wanted.whyNot(shard)) ?? error.message };
  } finally {
    unwatch();
  }
}
