import type { Pilot } from '../domain/plan.ts';
import type { Shard } from '../domain/shard.ts';
import type { Workspace } from '../git/workspace.ts';
import { compare } from './grouping.ts';

export interface PilotFacts {
  readonly shards: readonly Shard[];
  /** Bytes of the inventory's files, by path. */
  readonly bytes: ReadonlyMap<string, number>;
  /** How many lines of each file bring in another, by path. */
  readonly imports: ReadonlyMap<string, number>;
  /** How many shards go first. */
  readonly count: number;
}

interface Candidate {
  readonly shard: Shard;
  readonly bytes: number;
  readonly imports: number;
}

/**
 * The inventory shards that stand for all: the largest, the smallest, the one with most imports, then those farthest from what was chosen, by directory; and what these need.
 * Null when nothing would be left to wait for them. The same facts give the same choice.
 */
export function choosePilot({ shards, bytes, imports, count }: PilotFacts): Pilot | null {
  const inventory = shards.filter((shard) => shard.kind === 'inventory');
  const sum = (shard: Shard, by: ReadonlyMap<string, number>): number =>
    shard.files.reduce((total, path) => total + (by.get(path) ?? 0), 0);
  const rest = inventory
    .map((shard): Candidate => ({ shard, bytes: sum(shard, bytes), imports: sum(shard, imports) }))
    .toSorted((a, b) => compare(a.shard.id, b.shard.id));
  const chosen: { readonly shard: Shard; readonly why: string }[] = [];
  const take = (score: (one: Candidate) => number, why: (one: Candidate) => string): void => {
    // The first of equals, so that the order of ids decides.
    const best = rest.reduce<Candidate | null>((held, one) => (held === null || score(one) > score(held) ? one : held), null);
    if (best === null || chosen.length === count) return;
    rest.splice(rest.indexOf(best), 1);
    chosen.push({ shard: best.shard, why: why(best) });
  };
  take(
    (one) => one.bytes,
    (one) => `the largest, ${one.bytes.toLocaleString('en-US')} bytes`,
  );
  take(
    (one) => -one.bytes,
    (one) => `the smallest, ${one.bytes.toLocaleString('en-US')} bytes`,
  );
  take(
    (one) => one.imports,
    (one) => `of the others the most imports, ${one.imports}`,
  );
  while (chosen.length < count && rest.length > 0)
    take(
      (one) =>
        -nearest(
          one.shard,
          chosen.map(({ shard }) => shard),
        ),
      (one) => `another part of the code, ${directoryOf(one.shard).join('/') || 'the root'}`,
    );
  const ids = new Set(chosen.map(({ shard }) => shard.id));
  const needs = needed(shards, ids).filter((id) => inventory.some((shard) => shard.id === id));
  if (ids.size + needs.length >= inventory.length) return null;
  return { shards: chosen.map(({ shard, why }) => ({ shard: shard.id, why })), needs };
}

/** Everything that these are after, directly or not, in the order of the plan. */
function needed(shards: readonly Shard[], ids: ReadonlySet<string>): readonly string[] {
  const found = new Set(ids);
  const byId = new Map(shards.map((shard) => [shard.id, shard]));
  // A set that grows while it is gone through is gone through to its end.
  for (const id of found) for (const other of byId.get(id)?.after ?? []) found.add(other);
  return shards.flatMap(({ id }) => (found.has(id) && !ids.has(id) ? [id] : []));
}

/** Directories that a shard has in common with the one of these that is nearest to it. */
function nearest(shard: Shard, others: readonly Shard[]): number {
  const own = directoryOf(shard);
  return Math.max(
    ...others.map((other) => {
      const parts = directoryOf(other);
      const apart = own.findIndex((part, index) => parts[index] !== part);
      return apart === -1 ? own.length : apart;
    }),
  );
}

function directoryOf({ files }: Shard): readonly string[] {
  return (files[0] ?? '').split('/').slice(0, -1);
}

const IMPORT = /^\s*(?:import\b|from\s+\S+\s+import\b|use\s|using\s|#\s*include\b|require\b)|\brequire\s*\(|\bfrom\s+['"]/u;

/** Lines that bring in another file or package, in the languages where that can be seen in a line. */
export async function importsOf(paths: readonly string[], workspace: Workspace): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for (const path of paths) {
    const file = await workspace.read(path);
    const lines = file.kind === 'file' ? file.bytes.toString('utf8').split('\n') : [];
    counts.set(path, lines.filter((text) => IMPORT.test(text)).length);
  }
  return counts;
}
