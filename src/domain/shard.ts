export type ShardKind = 'foundation' | 'inventory' | 'closing';

/** A set of files owned by one agent at a time. Shards of a plan are disjoint. */
export interface Shard {
  /** Lower-case letters, digits and dashes; unique in the plan; also the last part of its branch's name. */
  readonly id: string;
  readonly kind: ShardKind;
  /** Sorted paths. Foundation and closing shards may name files that do not exist yet. */
  readonly files: readonly string[];
  /** Owners by CODEOWNERS, when all files have the same ones. */
  readonly owner: string | null;
  /** Ids of shards that must be accepted before this one starts. */
  readonly after: readonly string[];
  /** What a foundation or closing shard is to do; empty for inventory shards, whose task is the guide. */
  readonly task: string;
}

/** Ids of what a shard needs, directly or not, each once. */
export function needsOf(shards: readonly Pick<Shard, 'id' | 'after'>[], id: string): readonly string[] {
  const after = new Map(shards.map((shard) => [shard.id, shard.after]));
  const met = new Set<string>();
  const open = [...(after.get(id) ?? [])];
  for (let need = open.shift(); need !== undefined; need = open.shift()) {
    if (met.has(need)) continue;
    met.add(need);
    open.push(...(after.get(need) ?? []));
  }
  return [...met];
}
