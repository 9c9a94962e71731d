import { createHash } from 'node:crypto';
import { closeSync, fdatasyncSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { assemble } from '../../src/converge/assemble.ts';
import type { AcceptedShard } from '../../src/converge/shards.ts';
import { runBranch, shardBranch } from '../../src/domain/branch.ts';
import type { Change } from '../../src/domain/change.ts';
import type { Plan } from '../../src/domain/plan.ts';
import type { Shard } from '../../src/domain/shard.ts';
import { openRepository } from '../../src/git/mirror.ts';
import type { Repository } from '../../src/git/workspace.ts';
import { openSqliteJournal } from '../../src/journal/sqlite.ts';
import { changeOf } from '../../src/primitives/change-of.ts';
import { begin, RUN, scratch } from './house.ts';
import { planFor } from './plan.ts';
import { type Farm, freshRemote, git, migrated, newObjects, plainTree, plantFarm, shardsOf, worktrees } from './shard-farm.ts';
import { atMost, type Bench, median, round, type Table } from './table.ts';

const SHARDS = 500;
const AT_ONCE = 16;
const ROUNDS = 3;
/** Shards that worktrees and merges are tried with. */
const SAMPLE = 4;
const AT = '2026-11-01T00:00:00.000Z';

/** Wall time and CPU (this process and the gits that it has waited for), both in seconds. */
interface Spent {
  readonly wall: number;
  readonly cpu: number;
}

interface Round {
  readonly changes: Spent;
  readonly assembling: Spent;
  readonly floor: Spent;
  readonly floorEach: Spent;
  readonly push: Spent;
  readonly plainPush: Spent;
  readonly objects: number;
  readonly bytes: number;
  /** Of the branch as the remote has it. */
  readonly tree: string;
}

/** 500 shards from their workspaces to one push, by the product's own parts. */
export const bench: Bench = {
  name: 'shards',
  async run(): Promise<Table> {
    const directory = scratch();
    const farm = plantFarm(directory);
    const shards = shardsOf(SHARDS);
    const rounds: Round[] = [];
    for (let at = 0; at < ROUNDS; at += 1) rounds.push(await once(farm, shards, join(directory, `round-${at}`)));
    const some = shards.slice(0, SAMPLE);
    const naive = worktrees(farm, some, join(directory, 'worktrees'));
    const expected = plainTree(farm, shards);
    const wrong = rounds.filter(({ tree }) => tree !== expected).length + (naive.tree === plainTree(farm, some) ? 0 : 1);
    return tableOf(rounds, { wrong, edited: (naive.edited / SAMPLE) * SHARDS, merged: (naive.merged / SAMPLE) * SHARDS });
  },
};

function tableOf(rounds: readonly Round[], naive: { readonly wrong: number; readonly edited: number; readonly merged: number }): Table {
  const of = (pick: (one: Round) => number): number => median(rounds.map(pick));
  const row = (name: string, pick: (one: Round) => Spent): readonly (string | number)[] => [
    name,
    round(of((one) => pick(one).wall)),
    round(of((one) => pick(one).cpu)),
  ];
  const both = (pick: keyof Spent) => (one: Round) => (one.changes[pick] + one.assembling[pick]) / one.floor[pick];
  const whole = of((one) => one.changes.wall + one.assembling.wall + one.push.wall);
  return {
    title: `shards: ${SHARDS} writing shards of 8 files, ${AT_ONCE} at once, on 15,000 files`,
    columns: ['work', 'seconds', 'CPU seconds'],
    rows: [
      row('workspaces, edits, changes', (one) => one.changes),
      row('shard branches, the chain of commits, one tree', (one) => one.assembling),
      row('floor: sha1, deflate, one file, one fdatasync', (one) => one.floor),
      row('the same with an fdatasync for each shard', (one) => one.floorEach),
      row('one push', (one) => one.push),
      row('floor: plain `git push` of the same branch', (one) => one.plainPush),
      [`git worktree, edits, commit, × ${SHARDS} (from ${SAMPLE})`, round(naive.edited), ''],
      [`git merge × ${SHARDS} (from ${SAMPLE})`, round(naive.merged), ''],
      ['worktrees and merges ÷ Converge with its push', round((naive.edited + naive.merged) / whole), ''],
    ],
    verdicts: [
      atMost('workspaces to commits and one tree ÷ floor', of(both('wall')), 4),
      atMost('the same in CPU ÷ floor', of(both('cpu')), 4),
      atMost(
        'push ÷ plain push',
        of((one) => one.push.wall / one.plainPush.wall),
        1.5,
      ),
      atMost('trees that are not those of plain git', naive.wrong, 0),
    ],
    notes: [
      `the floor's bytes: the ${of((one) => one.objects)} objects (${round(of((one) => one.bytes) / 1e6)} MB) that the shards' branches and the converged branch have and the base has not`,
      'both by the product’s level of deflate, 1; the product does not sync them: they are a cache of the journal, and what a loss of power spoils is made again',
      `ratios are medians of ${ROUNDS} rounds, each with its own mirror and remotes; worktrees are measured once with ${SAMPLE} shards, one after the other, and multiplied plainly`,
    ],
  };
}

async function once(farm: Farm, shards: readonly Shard[], directory: string): Promise<Round> {
  mkdirSync(directory);
  const remote = join(directory, 'remote.git');
  freshRemote(farm, remote);
  const mirror = join(directory, 'mirror.git');
  const repository = await openRepository({
    directory: mirror,
    remote: { url: remote, token: () => Promise.resolve(undefined) },
    bot: { name: 'converge[bot]', email: 'converge@localhost' },
  });
  const journal = await openSqliteJournal({ directory });
  await begin(journal);
  const base = { branch: 'main', ...(await repository.pin({ run: RUN, commit: farm.head })) };
  const plan = planFor(base, { script: '', shards, concurrency: AT_ONCE });
  const onto = await repository.commit({ message: 'Begin\n', parents: [base.commit], tree: base.tree, date: AT });
  const branch = runBranch(RUN);

  const made = await timed(() => changesOf(shards, plan, repository));
  const accepted = made.value.map((change, at) => acceptedOf(shards[at], { change, start: base.tree }));
  const house = { run: RUN, requester: { login: 'mona', id: 42 }, journal, repository };
  const settled = { accepted, leftOver: [], dropped: [] };
  const laid = await timed(() => assemble(house, plan, { onto, landed: [], shards: settled }));

  const tips = git(mirror, ['for-each-ref', '--format=%(objectname)', `refs/heads/${shardBranch(RUN, '')}`]);
  const objects = newObjects(mirror, [...tips.toString('latin1').trim().split('\n'), laid.value.head], base.commit);
  const floor = await timed(() => written(objects, { file: join(directory, 'floor'), syncs: 1 }));
  const floorEach = await timed(() => written(objects, { file: join(directory, 'floor-each'), syncs: SHARDS }));

  // The branch is there since the plan.
  await repository.push({ commit: onto, branch });
  const beside = join(directory, 'beside.git');
  freshRemote({ ...farm, bare: remote }, beside);
  const plainPush = await timed(() => git(mirror, ['push', '--quiet', beside, `${laid.value.head}:refs/heads/${branch}`]));
  const push = await timed(() => repository.push({ commit: laid.value.head, branch }));
  if (push.value.kind !== 'pushed') throw new Error(`found ${push.value.kind}, expected a push`);
  const tree = git(remote, ['rev-parse', `refs/heads/${branch}^{tree}`])
    .toString('latin1')
    .trim();
  await repository.close();
  await journal.close();
  const bytes = objects.reduce((sum, { length }) => sum + length, 0);
  return {
    changes: made.spent,
    assembling: laid.spent,
    floor: floor.spent,
    floorEach: floorEach.spent,
    push: push.spent,
    plainPush: plainPush.spent,
    objects: objects.length,
    bytes,
    tree,
  };
}

/** As many at once as agents are, each with a workspace of its own. */
async function changesOf(shards: readonly Shard[], plan: Plan, repository: Repository): Promise<readonly Change[]> {
  const changes: Change[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let at = next++; at < shards.length; at = next++) {
      const shard = shards[at];
      if (shard === undefined) return;
      const workspace = repository.workspace(plan.base.tree);
      for (const path of shard.files) {
        const file = await workspace.read(path);
        if (file.kind !== 'file') throw new Error(`found a ${file.kind} at ${path}, expected a file`);
        await workspace.write(path, Buffer.from(migrated(file.bytes.toString('utf8'))));
      }
      const work = { shard: shard.id, on: [], overlay: await workspace.overlay(), summary: 'Calls are fresh.', replaces: null };
      changes[at] = await changeOf(work, { plan, repository });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return changes;
}

function acceptedOf(shard: Shard | undefined, { change, start }: { readonly change: Change; readonly start: string }): AcceptedShard {
  if (shard === undefined) throw new Error(`found no shard of ${change.id}`);
  const verdict = { id: `v-${shard.id}`, change: change.id, outcome: 'accepted', findings: [], gates: [], reviewers: [] } as const;
  return { shard, changes: [change], verdicts: [verdict], change, verdict, at: AT, start, returned: false };
}

/** Hashes, deflates and syncs these objects into one file. */
function written(objects: readonly Buffer[], { file, syncs }: { readonly file: string; readonly syncs: number }): void {
  const descriptor = openSync(file, 'w');
  const each = Math.ceil(objects.length / syncs);
  for (let at = 0; at < objects.length; at += each) {
    for (const object of objects.slice(at, at + each)) {
      writeSync(descriptor, createHash('sha1').update(object).digest());
      writeSync(descriptor, deflateSync(object, { level: 1 }));
    }
    fdatasyncSync(descriptor);
  }
  closeSync(descriptor);
}

async function timed<T>(work: () => T | Promise<T>): Promise<{ readonly value: T; readonly spent: Spent }> {
  const [started, cpu] = [performance.now(), cpuSeconds()];
  const value = await work();
  return { value, spent: { wall: (performance.now() - started) / 1000, cpu: cpuSeconds() - cpu } };
}

/** Of this process and of the gits that it started, living and ended; Linux alone tells of them: 100 ticks a second. */
function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  const living = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
  const ticks = [ticksOf('self').slice(2), ...living.map((child) => ticksOf(child))].flat().reduce((sum, one) => sum + one, 0);
  return (user + system) / 1e6 + ticks / 100;
}

/** Of a process in user and system mode, and then of its children that have ended. */
function ticksOf(process: string): readonly number[] {
  const [, fields = ''] = /\) (.*)$/su.exec(readFileSync(`/proc/${process}/stat`, 'utf8')) ?? [];
  return fields.split(' ').slice(11, 15).map(Number);
}
