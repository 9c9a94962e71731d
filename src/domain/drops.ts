import type { StoredEvent } from './events.ts';

/** What people took out of a run, and what is on its way to the branch or there already and cannot be taken out any more. */
export interface Drops {
  /** By shard: who dropped it. */
  readonly dropped: ReadonlyMap<string, string>;
  readonly delivered: ReadonlySet<string>;
}

/**
 * A drop and the push that would deliver the shard have their places in the run's record, and the first one counts: a push whose shard was dropped before it was
 * intended is withdrawn, a drop after that comes too late. A push that did not reach the branch delivered nothing.
 */
export function dropsOf(events: readonly StoredEvent[]): Drops {
  const dropped = new Map<string, string>();
  const byPush = new Map<string, readonly string[]>();
  const delivered = new Set<string>();
  for (const { event } of events) {
    if (event.type === 'run.amended' && event.amendment.kind === 'drop')
      for (const shard of event.amendment.shards) if (!delivered.has(shard) && !dropped.has(shard)) dropped.set(shard, event.by);
    if (event.type === 'effect.intended') {
      const shards = textsIn(event.intent, 'shards').filter((shard) => !dropped.has(shard));
      byPush.set(event.key, shards);
      for (const shard of shards) delivered.add(shard);
    }
    if (event.type !== 'effect.done' || ['pushed', 'already'].includes(textIn(event.result, 'kind'))) continue;
    for (const shard of byPush.get(event.key) ?? []) delivered.delete(shard);
  }
  return { dropped, delivered };
}

/** Why nothing more is done for a shard, in words; null when it is wanted. `needs`: the shards that it needs, directly or not. */
export function unwanted(shard: string, needs: readonly string[], dropped: Drops['dropped']): string | null {
  const by = dropped.get(shard);
  if (by !== undefined) return `dropped by @${by}`;
  const lost = needs.filter((need) => dropped.has(need)).map((need) => `\`${need}\`, dropped by @${dropped.get(need) ?? ''}`);
  return lost.length === 0 ? null : `needs ${lost.join(' and ')}`;
}

function textsIn(value: unknown, field: string): readonly string[] {
  const found = fieldIn(value, field);
  return Array.isArray(found) ? found.filter((item) => typeof item === 'string') : [];
}

function textIn(value: unknown, field: string): string {
  const found = fieldIn(value, field);
  return typeof found === 'string' ? found : '';
}

function fieldIn(value: unknown, field: string): unknown {
  return value !== null && typeof value === 'object' ? new Map<string, unknown>(Object.entries(value)).get(field) : undefined;
}
