import { shardBranch } from '../domain/branch.ts';
import type { Change } from '../domain/change.ts';
import type { Plan } from '../domain/plan.ts';
import type { Tip } from '../git/workspace.ts';
import type { House } from '../house.ts';
import { commitMessage } from '../report/commit-message.ts';
import type { AcceptedShard, SettledShards } from './shards.ts';

/** One commit of the run's branch: an accepted shard, or above `GROUP_ABOVE` shards a group of them. */
export interface DeliveredCommit {
  readonly commit: string;
  readonly shards: readonly string[];
}

export interface Assembled {
  /** What it was laid onto: the branch's tip, with a person's commits when there are any. */
  readonly onto: string;
  readonly head: string;
  readonly tree: string;
  /** In order, on top of `onto`. */
  readonly commits: readonly DeliveredCommit[];
  /** What earlier deliveries of the run brought to the branch and is below `onto`; absent in records of earlier versions: nothing. */
  readonly landed?: readonly DeliveredCommit[];
  readonly conflicts: readonly Conflict[];
}

/** A shard that conflicts with what a person pushed or with another shard, or that needs one that does: then nothing of it lands either. */
export interface Conflict {
  readonly shard: string;
  /** Of a shard that needs others: the paths in which those conflict. */
  readonly paths: readonly string[];
  /** Ids of the shards that it needs and that cannot land; empty when the conflict is its own. */
  readonly needs: readonly string[];
}

/** All that is on the branch with it: of this delivery and of those before. */
export function deliveredCommits({ landed = [], commits }: Assembled): readonly DeliveredCommit[] {
  return [...landed, ...commits];
}

export interface Laying {
  /** The branch's tip. */
  readonly onto: string;
  readonly landed: readonly DeliveredCommit[];
  readonly shards: SettledShards;
}

/** What assembling needs of a house. */
export type AssemblyHouse = Pick<House, 'run' | 'requester' | 'journal' | 'repository'>;

/** GitHub lists 250 commits of a pull request (facts/github.md §4). */
const GROUP_ABOVE = 200;

/**
 * Lays each accepted change that has not landed yet onto the tip, one commit each, in memory: shards are disjoint, so this needs no checkout and no merge,
 * unless somebody else changed the same files on the branch; then it is a three-way merge, and a conflict leaves the shard out, with all that need it, and names the paths.
 */
export async function assemble(house: AssemblyHouse, plan: Plan, { onto, landed, shards }: Laying): Promise<Assembled> {
  await keepShardBranches(house, plan, shards);
  const made = new Map(
    [...shards.accepted, ...shards.leftOver, ...shards.dropped].flatMap(({ changes }) => changes.map((change) => [change.id, change])),
  );
  const tip = { commit: onto, tree: await house.repository.treeOf(onto) };
  const there = new Set(landed.flatMap((commit) => commit.shards));
  const open = needsFirst(shards.accepted, made).filter(({ shard }) => !there.has(shard.id));
  const laying = { house, plan, accepted: shards.accepted, made };
  const { commits, conflicts } = await (tip.tree === plan.base.tree ? layEach : mergeEach)(laying, tip, grouped(open));
  const last = commits.at(-1) ?? tip;
  const delivered = commits.map(({ commit, shards: ids }) => ({ commit, shards: ids }));
  return { onto, head: last.commit, tree: last.tree, commits: delivered, landed, conflicts };
}

interface Assembling {
  readonly house: AssemblyHouse;
  readonly plan: Plan;
  readonly accepted: readonly AcceptedShard[];
  readonly made: Made;
}

type Groups = readonly (readonly AcceptedShard[])[];

interface Laid {
  readonly commits: readonly (DeliveredCommit & Tip)[];
  readonly conflicts: readonly Conflict[];
}

/** On the tree that all changes started from nothing can be in the way: one chain, written together. */
async function layEach({ house, plan, accepted, made }: Assembling, tip: Tip, groups: Groups): Promise<Laid> {
  const conflicts: Conflict[] = [];
  const laid: AcceptedShard[][] = [];
  for (const group of groups) {
    const fitting: AcceptedShard[] = [];
    for (const item of group) {
      const missing = missingFor(item, { accepted, conflicts, made });
      if (missing === null) fitting.push(item);
      else conflicts.push(missing);
    }
    if (fitting.length > 0) laid.push(fitting);
  }
  const links = laid.map((items) => ({
    ...commitTexts({ house, plan }, items),
    overlays: items.map(({ change }) => change.overlay),
  }));
  const tips = await house.repository.chain(tip, links);
  return {
    commits: tips.map(({ commit, tree }, at) => ({ commit, tree, shards: (laid[at] ?? []).map(({ shard }) => shard.id) })),
    conflicts,
  };
}

async function mergeEach({ house, plan, accepted, made }: Assembling, tip: Tip, groups: Groups): Promise<Laid> {
  let { commit: head, tree } = tip;
  const commits: (DeliveredCommit & Tip)[] = [];
  const conflicts: Conflict[] = [];
  for (const group of groups) {
    const laid: AcceptedShard[] = [];
    for (const item of group) {
      const missing = missingFor(item, { accepted, conflicts, made });
      if (missing !== null) {
        conflicts.push(missing);
        continue;
      }
      const next = await mergeOnto(house, { tree, item, made });
      if (next.kind === 'conflict') {
        conflicts.push({ shard: item.shard.id, paths: next.paths, needs: [] });
        continue;
      }
      tree = next.tree;
      laid.push(item);
    }
    if (laid.length === 0) continue;
    head = await house.repository.commit({ ...commitTexts({ house, plan }, laid), parents: [head], tree });
    commits.push({ commit: head, tree, shards: laid.map(({ shard }) => shard.id) });
  }
  return { commits, conflicts };
}

function commitTexts(
  { house, plan }: Pick<Assembling, 'house' | 'plan'>,
  laid: readonly AcceptedShard[],
): { readonly message: string; readonly date: string } {
  const message = commitMessage({ run: house.run, requester: house.requester, plan, shards: laid });
  return { message, date: laid.at(-1)?.at ?? '' };
}

function grouped(accepted: readonly AcceptedShard[]): readonly (readonly AcceptedShard[])[] {
  const size = Math.ceil(accepted.length / GROUP_ABOVE);
  const groups: AcceptedShard[][] = [];
  for (let at = 0; at < accepted.length; at += size) groups.push(accepted.slice(at, at + size));
  return groups;
}

type Made = ReadonlyMap<string, Change>;

/** Shards that an accepted one needs: by the plan, and by what its change was laid on. */
function needsOf(item: AcceptedShard, made: Made): readonly string[] {
  return [...new Set([...item.shard.after, ...item.change.on.flatMap((id) => made.get(id)?.shard ?? [])])];
}

/** Each after all that it needs, else in the order given: a script may lay a change on one that the plan does not order before it. */
function needsFirst(accepted: readonly AcceptedShard[], made: Made): readonly AcceptedShard[] {
  const placed = new Map<string, AcceptedShard>();
  const place = (item: AcceptedShard, above: readonly string[]): void => {
    const { id } = item.shard;
    if (placed.has(id) || above.includes(id)) return;
    const needs = needsOf(item, made);
    for (const needed of accepted) if (needs.includes(needed.shard.id)) place(needed, [...above, id]);
    placed.set(id, item);
  };
  for (const item of accepted) place(item, []);
  return [...placed.values()];
}

interface SoFar {
  readonly accepted: readonly AcceptedShard[];
  readonly conflicts: readonly Conflict[];
  readonly made: Made;
}

/** What keeps a shard from landing before it is tried: a conflict of what it needs, or a change under it that is not the accepted one of its shard. */
function missingFor(item: AcceptedShard, { accepted, conflicts, made }: SoFar): Conflict | null {
  const needs = needsOf(item, made);
  const blocking = conflicts.filter((conflict) => needs.includes(conflict.shard));
  const unaccepted = item.change.on
    .flatMap((id) => made.get(id) ?? [])
    .filter((under) => accepted.every(({ change }) => change.id !== under.id));
  if (blocking.length === 0 && unaccepted.length === 0) return null;
  return {
    shard: item.shard.id,
    paths: [...new Set([...blocking.flatMap((conflict) => conflict.paths), ...unaccepted.flatMap((under) => under.files)])],
    needs: [...new Set([...blocking, ...unaccepted].map(({ shard }) => shard))],
  };
}

interface Upon {
  readonly tree: string;
  readonly item: AcceptedShard;
  readonly made: Made;
}

/** The shard's own edits against the tree that it started from (with the changes it was laid on), merged into the tip's tree. */
async function mergeOnto(house: AssemblyHouse, { tree, item, made }: Upon): ReturnType<AssemblyHouse['repository']['merge']> {
  const under = item.change.on.flatMap((id) => made.get(id)?.overlay ?? []);
  const start = await house.repository.layer(item.start, [under]);
  return house.repository.merge({ base: start, ours: tree, theirs: item.change.tree });
}

/** Each shard's branch in the mirror has its latest change at its tip, accepted or not, so that nothing that was paid for is lost. */
async function keepShardBranches(house: AssemblyHouse, plan: Plan, shards: SettledShards): Promise<void> {
  const [first] = await house.journal.events(house.run);
  const tips = await Promise.all(
    [...shards.accepted, ...shards.leftOver, ...shards.dropped].map(async (history) => {
      const change = history.changes.at(-1);
      if (change === undefined || first === undefined) return [];
      const message = commitMessage({ run: house.run, requester: house.requester, plan, shards: [{ ...history, change }] });
      const commit = await house.repository.commit({ message, parents: [plan.base.commit], tree: change.tree, date: first.at });
      return [{ ref: `refs/heads/${shardBranch(house.run, history.shard.id)}`, commit }];
    }),
  );
  await house.repository.setRefs(tips.flat());
}
