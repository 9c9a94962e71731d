import type { Limits } from '../domain/budget.ts';
import type { FixedShard, Order, PlanDraft } from '../domain/plan.ts';
import type { Shard } from '../domain/shard.ts';
import { matcherOf } from '../git/globs.ts';
import { compare, type Group, groupFiles } from './grouping.ts';
import type { InventoryFile } from './inventory.ts';
import { inOrder } from './order.ts';

export interface ShardingFacts {
  readonly inventory: readonly InventoryFile[];
  readonly draft: Pick<PlanDraft, 'sharding' | 'order' | 'foundation' | 'closing'>;
  /** By CODEOWNERS. */
  readonly ownersOf: (path: string) => readonly string[];
  readonly limits: Pick<Limits, 'agents' | 'reviewers' | 'rounds'>;
}

export type Sharding =
  | { readonly kind: 'sharded'; readonly shards: readonly Shard[]; readonly notes: readonly string[] }
  | { readonly kind: 'impossible'; readonly errors: readonly string[] };

/** About 85,000 tokens, which an agent still reads, edits and reads again well within its window. */
const MAX_BYTES = 256 * 1024;
/** Beyond this an agent loses files from its sight. */
const MOST_FILES = 100;
/** Kept aside for planners and for readers that a script may ask: one agent in a hundred. */
const ASIDE = 1 / 100;

/** Agents that one shard may take at worst: one migrator, all reviewers in all rounds, a reviser between rounds. */
export function worstAgentsOfShard(limits: Pick<Limits, 'reviewers' | 'rounds'>): number {
  return 1 + limits.reviewers * limits.rounds + (limits.rounds - 1);
}

/**
 * Divides the inventory into disjoint shards, adds the foundation and closing shards, and orders them: foundation before inventory before closing, and by the plan's
 * rules. The same facts, in whatever order the files come, give the same shards. Where the worst case would need more agents than the limit, shards hold more than
 * `maxFiles`, which is noted.
 */
export function shardFiles(facts: ShardingFacts): Sharding {
  const fixed = [...facts.draft.foundation, ...facts.draft.closing];
  const overlaps = overlapErrors(facts);
  if (overlaps.length > 0) return { kind: 'impossible', errors: overlaps };
  const { agents } = facts.limits;
  const room = Math.floor((agents - Math.ceil(agents * ASIDE)) / worstAgentsOfShard(facts.limits)) - fixed.length;
  const sized = groupsThatFit(facts, room);
  if (sized.kind === 'impossible') return sized;
  const shards = [
    ...facts.draft.foundation.map((shard) => fixedShard('foundation', shard)),
    ...namedShards(sized.groups, { taken: fixed.map((shard) => shard.id), ownersOf: facts.ownersOf }),
    ...facts.draft.closing.map((shard) => fixedShard('closing', shard)),
  ];
  const ordered = inOrder(withAfter(shards, facts.draft.order));
  if (ordered.kind === 'ordered') return { kind: 'sharded', shards: ordered.shards, notes: sized.notes };
  const error =
    `The order has a cycle: ${ordered.cycle.join(' after ')}. Expected an order in which every shard can start at some time: change \`order\`, ` +
    'or put the files that need each other into one foundation or closing shard.';
  return { kind: 'impossible', errors: [error] };
}

type Sized =
  | { readonly kind: 'fits'; readonly groups: readonly Group[]; readonly notes: readonly string[] }
  | { readonly kind: 'impossible'; readonly errors: readonly string[] };

/** The smallest size, from `maxFiles` up, with which the worst case fits. */
function groupsThatFit(facts: ShardingFacts, room: number): Sized {
  const { by, maxFiles } = facts.draft.sharding;
  const apart = sideOf(
    facts.draft.order,
    facts.inventory.map((file) => file.path),
  );
  let fewest = Infinity;
  for (let size = maxFiles; size <= Math.max(maxFiles, MOST_FILES); size += 1) {
    for (const merge of [false, true]) {
      const maxBytes = Math.ceil((MAX_BYTES * size) / maxFiles);
      const groups = groupFiles(facts.inventory, { by, maxFiles: size, maxBytes, merge, ownersOf: facts.ownersOf, apart });
      fewest = Math.min(fewest, groups.length);
      if (groups.length <= room) return { kind: 'fits', groups, notes: sizeNotes(facts, { size, merge }) };
    }
  }
  const { agents, reviewers, rounds } = facts.limits;
  const others = facts.draft.foundation.length + facts.draft.closing.length;
  return {
    kind: 'impossible',
    errors: [
      `The limit of ${agents} agents has room for ${Math.max(0, room)} inventory shards beside ${others} foundation and closing shards (at worst ` +
        `${worstAgentsOfShard(facts.limits)} agents a shard: ${reviewers} reviewers, ${rounds} rounds), but ${facts.inventory.length} files need at least ${fewest}. ` +
        'Narrow scope.include, use fewer rules in `order`, or ask for a higher limit of agents.',
    ],
  };
}

function sizeNotes(facts: ShardingFacts, { size, merge }: { readonly size: number; readonly merge: boolean }): readonly string[] {
  const { maxFiles, by } = facts.draft.sharding;
  if (size === maxFiles && !merge) return [];
  const parts = [
    ...(size > maxFiles ? [`hold up to ${size} files instead of ${maxFiles}`] : []),
    ...(merge && by !== 'size' ? [`join neighbouring ${by === 'owner' ? 'owners' : 'directories'}`] : []),
  ];
  return parts.length === 0
    ? []
    : [`Shards ${parts.join(' and ')}, so that the worst case fits the limit of ${facts.limits.agents} agents.`];
}

/** Ids are the slug of the group's name, numbered where several have the same. */
function namedShards(
  groups: readonly Group[],
  facts: { readonly taken: readonly string[]; readonly ownersOf: ShardingFacts['ownersOf'] },
): readonly Shard[] {
  const slugs = groups.map((group) => slug(group.name));
  const often = new Set(slugs.filter((name, index) => slugs.indexOf(name) !== index));
  const taken = new Set(facts.taken);
  return groups.map((group, index) => {
    const name = slugs[index] ?? 'root';
    const id = taken.has(name) || often.has(name) ? numbered(name, taken) : name;
    taken.add(id);
    const files = group.files.map((file) => file.path);
    return { id, kind: 'inventory', files, owner: ownerOf(files, facts.ownersOf), after: [], task: '' };
  });
}

function numbered(name: string, taken: ReadonlySet<string>): string {
  let number = 1;
  while (taken.has(`${name}-${number}`)) number += 1;
  return `${name}-${number}`;
}

const SLUG_LENGTH = 48;

function slug(name: string): string {
  const plain = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/gu, '-')
    .replaceAll(/^-|-$/gu, '');
  // The end of a path tells more than its beginning.
  return plain.length <= SLUG_LENGTH ? plain || 'root' : plain.slice(-SLUG_LENGTH).replace(/^[^-]*-/u, '');
}

function ownerOf(files: readonly string[], ownersOf: ShardingFacts['ownersOf']): string | null {
  const owners = new Set(files.map((path) => ownersOf(path).join(' ')));
  const [only] = owners;
  return owners.size === 1 && only !== undefined && only !== '' ? only : null;
}

function fixedShard(kind: 'foundation' | 'closing', shard: FixedShard): Shard {
  return { id: shard.id, kind, files: [...new Set(shard.files)].toSorted(compare), owner: null, after: [], task: shard.task };
}

/** On which side of each rule a path stands. Both sides of a rule are never in one inventory shard, so that shards cannot wait for each other. */
function sideOf(order: readonly Order[], paths: readonly string[]): (path: string) => string {
  const sides = sidesOf(order, paths);
  return (path) => sides.map((side) => side(path)).join('');
}

type Side = 'first' | 'second' | 'aside';

/** A file that matches both globs is not after itself: "all of src after src/core" leaves src/core first. */
function sidesOf(order: readonly Order[], among: readonly string[]): readonly ((path: string) => Side)[] {
  return order.map((rule) => {
    const isFirst = matcherOf(rule.after, { among });
    const isSecond = matcherOf(rule.files, { among });
    return (path) => {
      if (isFirst(path)) return 'first';
      return isSecond(path) ? 'second' : 'aside';
    };
  });
}

function withAfter(shards: readonly Shard[], order: readonly Order[]): readonly Shard[] {
  const paths = shards.flatMap((shard) => shard.files);
  const has = sidesOf(order, paths).map((side) => (shard: Shard, wanted: Side) => shard.files.some((path) => side(path) === wanted));
  const idsOf = (kind: Shard['kind']): readonly string[] => shards.filter((shard) => shard.kind === kind).map((shard) => shard.id);
  const before = { foundation: [], inventory: idsOf('foundation'), closing: idsOf('inventory') };
  const firsts = has.map((test) => shards.filter((shard) => test(shard, 'first')).map((shard) => shard.id));
  return shards.map((shard) => {
    const byRules = has.flatMap((test, rule) => (test(shard, 'second') ? (firsts[rule] ?? []) : []));
    const after = new Set([...before[shard.kind], ...byRules.filter((id) => id !== shard.id)]);
    return { ...shard, after: [...after].toSorted(compare) };
  });
}

function overlapErrors({ inventory, draft }: ShardingFacts): readonly string[] {
  const paths = new Set(inventory.map((file) => file.path));
  const owners = new Map<string, string>();
  const ids = new Set<string>();
  const errors: string[] = [];
  for (const shard of [...draft.foundation, ...draft.closing]) {
    if (ids.has(shard.id))
      errors.push(`Found two foundation or closing shards with the id \`${shard.id}\`, expected each id once. Rename one of them.`);
    ids.add(shard.id);
    for (const path of shard.files) {
      const other = owners.get(path);
      if (paths.has(path)) {
        errors.push(
          `Found ${path} in the shard \`${shard.id}\` and in the inventory, expected it in one of them. Take it out of the shard, or exclude it in scope.exclude with ` +
            `the reason that \`${shard.id}\` changes it.`,
        );
      } else if (other !== undefined && other !== shard.id) {
        errors.push(`Found ${path} in the shard \`${other}\` and in \`${shard.id}\`, expected it in one of them. Take it out of one.`);
      }
      owners.set(path, shard.id);
    }
  }
  return errors;
}
