import { readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished, expect, test } from 'vitest';
import { assemble } from '../src/converge/assemble.ts';
import { openBranch } from '../src/converge/branch.ts';
import { deliver } from '../src/converge/deliver.ts';
import { pinBase } from '../src/converge/pin-base.ts';
import { settleShards } from '../src/converge/shards.ts';
import type { Config } from '../src/config.ts';
import { toJson } from '../src/domain/json.ts';
import type { Plan } from '../src/domain/plan.ts';
import type { OpenHouse } from '../src/engine/drive.ts';
import type { Hub } from '../src/github/hub.ts';
import type { Executed, House } from '../src/house.ts';
import { openSqliteJournal } from '../src/journal/sqlite.ts';
import type { Journal } from '../src/journal/journal.ts';
import { trusted } from '../src/journal/trusted.ts';
import { houseOpener } from '../src/open-house.ts';
import { changeOf } from '../src/primitives/change-of.ts';
import { PRODUCTION_WAITS } from '../src/waits.ts';
import { BOT, git, Origin, scratch, serve } from './git/origin.ts';
import { STARTED } from './journal/support.ts';
import { edits, plan, shard } from './verify/support.ts';
import { NO_POLICY } from '../src/domain/operator-policy.ts';
import { openAllowances } from '../src/allowances.ts';
import { guardOf } from './secrets/support.ts';

const RUN = 'run-1';
const EXECUTED: Executed = { kind: 'returned', divergences: 0 };
const FILES = { 'src/a.js': 'old(1);\n', 'src/b.js': 'old(2);\n' };
const SHARDS = [shard('sa', ['src/a.js']), shard('sb', ['src/b.js'])];

function config(dataDirectory: string): Config {
  return {
    appId: 1,
    privateKey: '',
    webhookSecret: 'words',
    apiUrl: 'http://127.0.0.1:9',
    siteUrl: 'http://127.0.0.1:9',
    pages: { kind: 'off' },
    metricsToken: null,
    host: '127.0.0.1',
    port: 0,
    publicUrl: null,
    dataDirectory,
    databaseUrl: null,
    allowedOwners: new Set(),
    allowedRepositories: new Set(),
    policy: NO_POLICY,
    disabled: null,
    scriptRepositories: new Set(),
    model: { apiKey: '', baseUrl: 'http://127.0.0.1:9' },
    sandbox: { confinement: 'none', setupNetwork: [], parallel: 1, memoryMegabytes: 256, diskMegabytes: 4_096, readOnly: [] },
    contentsPerHour: 450,
    limits: { budget: 1, agents: 1, concurrency: 1, repositoryMonth: {}, month: {} },
    timings: {},
    log: { level: 'info', format: 'json' },
  };
}

/** A hub on which only git is real; anything else that is asked of it is an error. */
function hubOn(url: string, token: () => string, branchHead: (branch: string) => string): Hub {
  const known: Partial<Hub> = {
    repository: async () => ({ defaultBranch: 'main', cloneUrl: url, url, private: false }),
    bot: async () => BOT,
    gitToken: async () => token(),
    branchHead: async (branch) => branchHead(branch),
    openPullRequest: async () => ({ number: 1, url: `${url}/pull/1` }),
  };
  return new Proxy<Hub>(Object.create(null), {
    get: (_, name) => {
      const verb: unknown = Reflect.get(known, name);
      if (verb === undefined) throw new Error(`the hub was asked for ${String(name)}`);
      return verb;
    },
  });
}

const refuse = (): never => {
  throw new Error('no agent here');
};

/** The App's houses on one data directory; `hubOf` as the installations are now. */
function opener(journal: Journal, dataDirectory: string, hubOf: Parameters<typeof houseOpener>[0]['hubOf']) {
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const agents = { run: refuse, submit: refuse };
  const own = config(dataDirectory);
  const allowances = openAllowances({ journal, operator: own.limits });
  return houseOpener({
    config: own,
    waits: PRODUCTION_WAITS,
    journal,
    agents,
    hubOf,
    allowances,
    shared: null,
    secrets: guardOf(),
    off: () => null,
    log,
  });
}

interface Scene {
  readonly origin: Origin;
  readonly journal: Journal;
  /** The house as the process that is there now opens it. */
  readonly enter: () => Promise<House>;
  /** The process ends, and its mirror is lost. */
  readonly lose: () => Promise<void>;
}

async function scene(): Promise<Scene> {
  const origin = new Origin(FILES);
  const data = scratch();
  const journal = await openSqliteJournal({ directory: join(data, 'journal') });
  await journal.start({ run: RUN, trigger: 'comment', event: STARTED });
  const hub = hubOn(
    origin.bare,
    () => '',
    (branch) => origin.branch(branch),
  );
  let opened = opener(journal, data, () => hub);
  let house: OpenHouse | null = null;
  const end = async (): Promise<void> => {
    await house?.close();
    await opened.close();
  };
  onTestFinished(async () => {
    await end();
    await journal.close();
  });
  return {
    origin,
    journal,
    enter: async () => {
      house = await opened.enter(RUN, new AbortController().signal);
      return house.house;
    },
    lose: async () => {
      await end();
      rmSync(join(data, 'mirrors'), { recursive: true });
      opened = opener(journal, data, () => hub);
      house = null;
    },
  };
}

/** Plans, as far as the journal is concerned. */
async function planned(house: House): Promise<Plan> {
  const base = await house.step('base#1', trusted<Plan['base']>(), () => pinBase(house));
  const made = plan(base, SHARDS);
  await house.step('plan#1', trusted(), async () => toJson({ kind: 'planned', plan: made }));
  return made;
}

/** Every shard is migrated, the second on the first, and accepted. */
async function accepted(house: House, made: Plan): Promise<void> {
  const on = [];
  for (const { id, files } of SHARDS) {
    const overlay = edits(Object.fromEntries(files.map((file) => [file, 'fresh();\n'])));
    const change = await changeOf(
      { shard: id, on: [...on], overlay, summary: 'done', replaces: null },
      { plan: made, repository: house.repository },
    );
    on.push(change);
    const verdict = { id: `v-${id}`, change: change.id, outcome: 'accepted', findings: [], gates: [], reviewers: [] };
    for (const [kind, value] of [
      ['migrate', change],
      ['review', verdict],
    ] as const) {
      await house.journal.issue(RUN, [{ key: `${kind}-${id}`, kind, label: id, phase: '', input: { shard: id } }]);
      await house.journal.settle(RUN, `${kind}-${id}`, { kind: 'value', value: toJson(value) });
    }
    await house.journal.append(RUN, [{ type: 'shard.accepted', shard: id, change: change.id, verdict: verdict.id }]);
  }
  await house.step('executed', trusted<Executed>(), async () => EXECUTED);
}

/** Goes through the story again, from the first line. */
async function delivered(house: House) {
  const made = await planned(house);
  const branch = await openBranch(house, made);
  return deliver(house, made, { branch, executed: EXECUTED, shards: await settleShards(house, made, EXECUTED) });
}

test('a mirror that is lost before the branch was pushed: its beginning is made again, with the same id', async () => {
  const { origin, journal, enter, lose } = await scene();
  const house = await enter();
  const made = await planned(house);
  renameSync(origin.bare, `${origin.bare}-away`);
  await expect(openBranch(house, made)).rejects.toMatchObject({ kind: 'git' });
  const [begun] = await journal.effects(RUN);
  renameSync(`${origin.bare}-away`, origin.bare);
  await lose();
  const again = await enter();
  const { commit } = await openBranch(again, await planned(again));
  expect(begun?.intent).toEqual({ commit });
  expect(origin.branch(`converge/${RUN}`)).toBe(commit);
});

test('a mirror that is lost after the script ended: changes are laid again and delivered on the branch that GitHub has', async () => {
  const { origin, enter, lose } = await scene();
  const house = await enter();
  const made = await planned(house);
  const { commit } = await openBranch(house, made);
  await accepted(house, made);
  await lose();
  const { assembled } = await delivered(await enter());
  expect(origin.branch(`converge/${RUN}`)).toBe(assembled.head);
  expect(git(origin.bare, ['log', '--format=%P %s', `${commit}..${assembled.head}`]).split('\n')).toHaveLength(2);
  expect(git(origin.bare, ['show', `${assembled.head}:src/b.js`])).toBe('fresh();');
});

test('a mirror that is lost between assembling and the push: the same commits are made again and pushed', async () => {
  const { origin, enter, lose } = await scene();
  const house = await enter();
  const made = await planned(house);
  const branch = await openBranch(house, made);
  await accepted(house, made);
  const shards = await settleShards(house, made, EXECUTED);
  const before = await house.step('assembled#1', trusted<Awaited<ReturnType<typeof assemble>>>(), () =>
    assemble(house, made, { onto: branch.commit, landed: [], shards }),
  );
  await lose();
  const { assembled } = await delivered(await enter());
  expect(assembled).toEqual(before);
  expect(origin.branch(`converge/${RUN}`)).toBe(before.head);
});

test('a mirror that is lost after the push: what was delivered is fetched', async () => {
  const { enter, lose } = await scene();
  const house = await enter();
  await accepted(house, await planned(house));
  const { assembled } = await delivered(house);
  await lose();
  const again = await enter();
  expect(await again.repository.has(assembled.head)).toBe(true);
  expect(await again.repository.workspace(assembled.tree).list('src/*')).toEqual(['src/a.js', 'src/b.js']);
});

test('what landed is not committed again in a new generation, whatever became known of its push, and whoever pushed on top', async () => {
  const { origin, journal, enter, lose } = await scene();
  const house = await enter();
  await accepted(house, await planned(house));
  const first = (await delivered(house)).assembled;
  const branch = `converge/${RUN}`;
  const theirs = git(origin.bare, [
    '-c',
    'user.name=p',
    '-c',
    'user.email=p@x',
    'commit-tree',
    `${first.head}^{tree}`,
    '-p',
    first.head,
    '-m',
    'by hand',
  ]).trim();
  git(origin.bare, ['update-ref', `refs/heads/${branch}`, theirs]);
  await journal.append(RUN, [{ type: 'generation.opened', generation: 2, id: '1', by: 'ada', shards: [], calls: [] }]);
  await lose();
  const second = (await delivered(await enter())).assembled;
  expect(second).toMatchObject({ onto: theirs, head: theirs, commits: [], landed: first.commits, conflicts: [] });
  expect(origin.branch(branch)).toBe(theirs);
});

test('a shard that is dropped between its acceptance and the push is taken out; one that is on its way stays', async () => {
  const { journal, enter } = await scene();
  const house = await enter();
  const made = await planned(house);
  const branch = await openBranch(house, made);
  await accepted(house, made);
  const shards = await settleShards(house, made, EXECUTED);
  const drop = (shard: string) =>
    journal.append(RUN, [{ type: 'run.amended', id: shard, by: 'ada', amendment: { kind: 'drop', shards: [shard] }, hash: 'h' }]);
  await drop('sb');
  const result = await deliver(house, made, { branch, executed: EXECUTED, shards });
  expect(result.assembled.commits.map((commit) => commit.shards)).toEqual([['sa']]);
  expect(result.shards.dropped.map(({ shard, by }) => [shard.id, by])).toEqual([['sb', 'ada']]);
  const pushes = (await journal.effects(RUN)).filter(({ key }) => key.startsWith('push/converged/'));
  expect(pushes.map(({ key, result: came }) => [key, came])).toEqual([
    ['push/converged/1', { kind: 'withdrawn' }],
    ['push/converged/2', { kind: 'pushed' }],
  ]);
  await drop('sa');
  expect((await settleShards(house, made, EXECUTED)).accepted.map(({ shard }) => shard.id)).toEqual(['sa']);
});

test('a branch that is gone here and on GitHub is told as such', async () => {
  const { origin, enter, lose } = await scene();
  const house = await enter();
  await accepted(house, await planned(house));
  await delivered(house);
  git(origin.bare, ['update-ref', '-d', `refs/heads/converge/${RUN}`]);
  await lose();
  await expect(enter()).rejects.toMatchObject({
    kind: 'git',
    message: expect.stringMatching(/`converge\/run-1` are gone .* Restore the branch/u),
  });
});

test('an App that was installed anew talks to git with the new installation, also for repositories that it knew', async () => {
  const origin = new Origin(FILES);
  const { url } = await serve(origin, 'token of 8');
  const data = scratch();
  const journal = await openSqliteJournal({ directory: join(data, 'journal') });
  for (const [run, installation] of [
    ['run-1', 7],
    ['run-2', 8],
    ['run-3', 7],
  ] as const) {
    await journal.start({ run, trigger: run, event: { ...STARTED, place: { ...STARTED.place, installation } } });
  }
  const houses = opener(journal, data, ({ installation }) =>
    hubOn(
      url,
      () => `token of ${installation}`,
      (branch) => origin.branch(branch),
    ),
  );
  onTestFinished(async () => {
    await houses.close();
    await journal.close();
  });
  const { signal } = new AbortController();
  const old = await houses.enter('run-1', signal);
  await expect(pinBase(old.house)).rejects.toThrow("refused the App's token");
  for (const run of ['run-2', 'run-3']) {
    const open = await houses.enter(run, signal);
    expect(await open.house.repository.remoteHead('main')).toBe(origin.head());
    await open.close();
  }
  await old.close();
});

test('repositories whose names look alike have mirrors of their own', async () => {
  const data = scratch();
  const journal = await openSqliteJournal({ directory: join(data, 'journal') });
  const origins = new Map([
    ['a/b--c', new Origin({ 'one.txt': '1' })],
    ['a--b/c', new Origin({ 'two.txt': '2' })],
  ]);
  const houses = opener(journal, data, ({ owner, repo }) => {
    const origin = origins.get(`${owner}/${repo}`);
    if (origin === undefined) throw new Error(`no ${owner}/${repo}`);
    return hubOn(
      origin.bare,
      () => '',
      (branch) => origin.branch(branch),
    );
  });
  onTestFinished(async () => {
    await houses.close();
    await journal.close();
  });
  for (const [name, origin] of origins) {
    const [owner = '', repo = ''] = name.split('/');
    const run = owner;
    await journal.start({ run, trigger: run, event: { ...STARTED, place: { ...STARTED.place, owner, repo } } });
    const open = await houses.enter(run, new AbortController().signal);
    expect((await pinBase(open.house)).commit).toBe(origin.head());
    await open.close();
  }
  expect(readdirSync(join(data, 'mirrors'))).toHaveLength(2);
});
