import { z } from 'zod';
import type { StoredEvent } from '../domain/events.ts';
import type { PilotFigure } from '../domain/pilot.ts';
import { foldRun } from '../domain/run-state.ts';
import type { Shard } from '../domain/shard.ts';

const OfShard = z.object({ shard: z.string() });
const OfChange = z.object({ change: z.string() });
const Made = z.object({ id: z.string(), shard: z.string() });

interface Work {
  begun: string | null;
  ended: string | null;
  cost: number;
  rounds: number;
}

/** What these shards came to, from the run's record alone: what their calls cost, how long they took from the first call to the last end, how often they were reviewed. */
export function pilotFigures(
  events: readonly StoredEvent[],
  shards: readonly { readonly shard: Shard; readonly why: string }[],
): readonly PilotFigure[] {
  const accepted = new Set(foldRun(events).accepted.map(({ shard }) => shard));
  const work = workByShard(events);
  return shards.map(({ shard, why }) => {
    const { begun, ended, cost, rounds } = work.get(shard.id) ?? { begun: null, ended: null, cost: 0, rounds: 0 };
    const minutes = begun === null || ended === null ? 0 : (Date.parse(ended) - Date.parse(begun)) / 60_000;
    return { shard: shard.id, why, files: shard.files.length, cost, minutes, rounds, accepted: accepted.has(shard.id) };
  });
}

function workByShard(events: readonly StoredEvent[]): ReadonlyMap<string, Work> {
  const all = new Map<string, Work>();
  const of = (shard: string): Work => {
    const known = all.get(shard) ?? { begun: null, ended: null, cost: 0, rounds: 0 };
    all.set(shard, known);
    return known;
  };
  const changes = new Map<string, string>();
  /** Call → shard. */
  const calls = new Map<string, { readonly shard: string; readonly kind: string }>();
  /** Reservation → call. */
  const payers = new Map<string, string>();
  for (const { at, event } of events) {
    if (event.type === 'call.issued') {
      const shard = shardOf(event.input, changes);
      if (shard === null) continue;
      calls.set(event.key, { shard, kind: event.kind });
      of(shard).begun ??= at;
    }
    // An agent's id is its call's key, or `key/child`.
    if (event.type === 'spend.reserved') payers.set(event.id, event.agent.split('/', 1)[0] ?? '');
    if (event.type === 'spend.charged') {
      const call = calls.get(payers.get(event.id) ?? '');
      if (call !== undefined) of(call.shard).cost += event.amount;
    }
    if (event.type !== 'call.settled') continue;
    const call = calls.get(event.key);
    if (call === undefined) continue;
    of(call.shard).ended = at;
    if (call.kind === 'review' && event.outcome.kind === 'value') of(call.shard).rounds += 1;
    const made = event.outcome.kind === 'value' ? Made.safeParse(event.outcome.value) : null;
    if (made?.success === true) changes.set(made.data.id, made.data.shard);
  }
  return all;
}

/** The shard that a call is about, by its own record: it names the shard, or a change of it. */
function shardOf(input: unknown, changes: ReadonlyMap<string, string>): string | null {
  const direct = OfShard.safeParse(input);
  if (direct.success) return direct.data.shard;
  const change = OfChange.safeParse(input);
  return change.success ? (changes.get(change.data.change) ?? null) : null;
}
