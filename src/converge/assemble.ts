import { shardBranch } from '../domain/branch.ts';
import type { Change } from '../domain/change.ts';
import type { Plan } from '../domain/plan.ts';
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
  readonly commits: readonly DeliveredCommit[];
  /** Shards that conflict with what a person pushed, or with each other. */
  readonly conflicts: readonly { readonly shard: string; readonly paths: readonly string[] }[];
}

/** GitHub lists 250 commits of a pull request (facts/github.md §4). */
const GROUP_ABOVE = 200;

/**
 * Lays each accepted change onto the tip, one commit each, in memory: shards are disjoint, so this needs no checkout and no merge,
 * unless somebody else changed the same files on the branch; then it is a three-way merge, and a conflict leaves the shard out and names the paths.
 */
export async function assemble(house: House, plan: Plan, { onto, shards }: { onto: string; shards: SettledShards }): Promise<Assembled> {
  await keepShardBranches(house, plan, shards);
  const changes = new Map(shards.accepted.map((item) => [item.change.id, item.change]));
  let head = onto;
  let tree = await house.repository.treeOf(onto);
  const moved = tree !== plan.base.tree;
  const commits: DeliveredCommit[] = [];
  const conflicts: { shard: string; paths: readonly string[] }[] = [];
  for (const group of grouped(shards.accepted)) {
    const landed: AcceptedShard[] = [];
    for (const item of group) {
      const next = moved
        ? await mergeOnto(house, { tree, item, changes })
        : { kind: 'tree' as const, tree: await house.repository.layer(tree, [item.change.overlay]) };
      if (next.kind === 'conflict') {
        conflicts.push({ shard: item.shard.id, paths: next.paths });
        continue;
      }
      tree = next.tree;
      landed.push(item);
    }
    const last = landed.at(-1);
    if (last === undefined) continue;
    head = await house.repository.commit({
      message: commitMessage({ run: house.run, requester: house.requester, plan, shards: landed }),
      parents: [head],
      tree,
      date: last.at,
    });
    commits.push({ commit: head, shards: landed.map((item) => item.shard.id) });
  }
  return { onto, head, tree, commits, conflicts };
}

function grouped(accepted: readonly AcceptedShard[]): readonly (readonly AcceptedShard[])[] {
  const size = Math.ceil(accepted.length / GROUP_ABOVE);
  const groups: AcceptedShard[][] = [];
  for (let at = 0; at < accepted.length; at += size) groups.push(accepted.slice(at, at + size));
  return groups;
}

interface Laying {
  readonly tree: string;
  readonly item: AcceptedShard;
  readonly changes: ReadonlyMap<string, Change>;
}

/** The shard's own edits against the tree that it started from (with the changes it was laid on), merged into the tip's tree. */
async function mergeOnto(house: House, { tree, item, changes }: Laying): ReturnType<House['repository']['merge']> {
  const under = item.change.on.flatMap((id) => changes.get(id)?.overlay ?? []);
  const start = await house.repository.layer(item.start, [under]);
  return house.repository.merge({ base: start, ours: tree, theirs: item.change.tree });
}

/** Each shard's branch in the mirror has its latest change at its tip, accepted or not, so that nothing that was paid for is lost. */
async function keepShardBranches(house: House, plan: Plan, shards: SettledShards): Promise<void> {
  const [first] = await house.journal.events(house.run);
  for (const history of [...shards.accepted, ...shards.leftOver]) {
    const change = history.changes.at(-1);
    if (change === undefined || first === undefined) continue;
    const message = commitMessage({ run: house.run, requester: house.requester, plan, shards: [{ ...history, change }] });
    const commit = await house.repository.commit({ message, parents: [plan.base.commit], tree: change.tree, date: first.at });
    await house.repository.setRef(`refs/heads/${shardBranch(house.run, history.shard.id)}`, commit);
  }
}
