import type { Shard } from '../domain/shard.ts';

export type Ordered =
  | { readonly kind: 'ordered'; readonly shards: readonly Shard[] }
  /** Ids from a shard back to itself, each after the next. */
  | { readonly kind: 'cycle'; readonly cycle: readonly string[] };

/** Every shard behind those it is after; otherwise as given. */
export function inOrder(shards: readonly Shard[]): Ordered {
  const placed = new Set<string>();
  const ordered: Shard[] = [];
  let waiting = shards;
  while (waiting.length > 0) {
    const blocked: Shard[] = [];
    for (const shard of waiting) {
      if (shard.after.every((id) => placed.has(id))) {
        placed.add(shard.id);
        ordered.push(shard);
      } else blocked.push(shard);
    }
    if (blocked.length === waiting.length) return { kind: 'cycle', cycle: cycleIn(blocked) };
    waiting = blocked;
  }
  return { kind: 'ordered', shards: ordered };
}

/** Each of these waits for another of them, so that going on from any must come back. */
function cycleIn(blocked: readonly Shard[]): readonly string[] {
  const byId = new Map(blocked.map((shard) => [shard.id, shard]));
  const way: string[] = [];
  let at = blocked[0];
  while (at !== undefined && !way.includes(at.id)) {
    way.push(at.id);
    const next = at.after.find((id) => byId.has(id));
    at = next === undefined ? undefined : byId.get(next);
  }
  return at === undefined ? way : [...way.slice(way.indexOf(at.id)), at.id];
}
