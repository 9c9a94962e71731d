import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import type { Change } from '../../src/domain/change.ts';
import { toJson } from '../../src/domain/json.ts';
import type { Plan } from '../../src/domain/plan.ts';
import type { Place } from '../../src/domain/run.ts';
import { foldRun } from '../../src/domain/run-state.ts';
import type { Shard } from '../../src/domain/shard.ts';
import type { Verdict } from '../../src/domain/verdict.ts';
import { changeId } from '../../src/git/change-id.ts';
import { openRepository } from '../../src/git/mirror.ts';
import type { Hub } from '../../src/github/hub.ts';
import { openHubs } from '../../src/github/open-hubs.ts';
import type { Executed, House } from '../../src/house.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { openSqliteJournal } from '../../src/journal/sqlite.ts';
import { durableSteps } from '../../src/journal/step.ts';
import { startLocalGitHub, type LocalGitHub } from '../../src/local/github/server.ts';
import { migrate } from '../../src/migration.ts';
import { openPredicate } from '../../src/plan/predicate.ts';
import { openBulletin } from '../../src/publish/bulletin.ts';
import type { Commands } from '../../src/sandbox/commands.ts';
import { waitsFrom } from '../../src/waits.ts';
import { begin, RUN, scratch } from './house.ts';
import { planFor } from './plan.ts';
import { atMost, type Bench, type Table } from './table.ts';
import { guardOf } from '../secrets/support.ts';

/* What a run asks of GitHub and makes there: the real story, converging, publishing and hub over the local GitHub; only planner and script are played. */

const SIZES = [10, 100, 1000];
const FILES_EACH = 5;
/** One shard in so many was sent back once, and one is left over. */
const REVISED_EVERY = 4;
const LEFT_OVER_EVERY = 50;
const AT_ONCE = 50;
const OWNER = 'acme';
const REPO = 'widgets';

const CALLS = 'old(1, 2);\n'.repeat(10);
const MIGRATED = 'fresh(2, 1);\n'.repeat(10);

interface Counted {
  readonly shards: number;
  readonly pushes: number;
  readonly contents: number;
  readonly writes: number;
  readonly requests: number;
  readonly status: string;
}

export const bench: Bench = { name: 'github', run };

async function run(): Promise<Table> {
  const counted: Counted[] = [];
  for (const shards of SIZES) counted.push(await count(shards));
  const largest = counted.at(-1);
  return {
    title: `A run on GitHub: shards of ${FILES_EACH} files, one in ${REVISED_EVERY} revised once, one in ${LEFT_OVER_EVERY} left over`,
    columns: ['shards', 'pushes', 'contents made', 'other writes', 'all requests', 'ended as'],
    rows: counted.map(({ shards, pushes, contents, writes, requests, status }) => [
      shards,
      pushes,
      contents,
      writes - contents,
      requests,
      status,
    ]),
    verdicts: [
      atMost('contents made at 1,000 shards', largest?.contents ?? Number.NaN, 100),
      atMost('pushes at 1,000 shards', largest?.pushes ?? Number.NaN, 5),
    ],
    notes: [
      'contents: comments, pull requests and reviews, counted by the local GitHub, which enforces 80 a minute and 500 an hour. All requests: REST, GraphQL and git, and what the App asks as itself.',
      'Real: story, convergence, publishing, hub with its journal, git over HTTP, CI reads. Played: planner and script, which decide what is accepted; the person who approves. Waits are 0.',
      'Replies to commands are not in it: one reaction, and at most one comment, for each command.',
      'Edits of the status comment and the check run depend on how long a run takes: at most one of each in 15 seconds. They make nothing new. Here the script takes no time.',
      'CI is looked at once a second here, as long as it runs: too seldom to count the machine instead of the product.',
    ],
  };
}

async function count(shards: number): Promise<Counted> {
  const directory = scratch();
  const files = Object.fromEntries(
    Array.from({ length: shards * FILES_EACH }, (_, n) => [pathOf(Math.floor(n / FILES_EACH), n % FILES_EACH), CALLS]),
  );
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, 'seed', path)), { recursive: true });
    writeFileSync(join(directory, 'seed', path), text);
  }
  const passed = { name: 'test', conclusion: 'success' as const, summary: 'fine' };
  const github = await startLocalGitHub({ root: join(directory, 'github'), ci: { run: () => Promise.resolve([passed]) } });
  const journal = await openSqliteJournal({ directory: join(directory, 'journal') });
  const life = new AbortController();
  try {
    const app = await installed(github, join(directory, 'seed'));
    const { id: appId, privateKey, place } = app;
    const zero = { writeSpacingMs: 0, contentSpacingMs: 0, effectLookupsMs: 0, ciPollMs: 1000, ciGraceMs: 0, ciSettleMs: 1 };
    const timings = waitsFrom(zero).github;
    const facts = { appId, privateKey, apiUrl: github.apiUrl, contentsPerHour: 450, markerSecret: 'of the bench' };
    const hub = openHubs({ ...facts, timings, journal, secrets: guardOf(), minted: () => {}, signal: life.signal }).of(place);
    await begin(journal, place);
    const house = await houseOf({ hub, journal, directory, place, shards, signal: life.signal });
    const bulletin = openBulletin({
      after: Promise.resolve(),
      run: RUN,
      journal,
      hub,
      intervalMs: 2000,
      pageUrl: null,
      caveats: [],
      months: () => Promise.resolve([]),
      onProblem: () => {},
    });
    await migrate(house);
    await bulletin.flush();
    await bulletin.close();
    const bot = github.counts.get('converge[bot]');
    const asApp = github.counts.get('app/converge')?.requests ?? 0;
    return {
      shards,
      pushes: bot?.pushes ?? 0,
      contents: bot?.contentWrites ?? 0,
      writes: bot?.writes ?? 0,
      requests: (bot?.requests ?? 0) + asApp,
      status: foldRun(await journal.events(RUN)).end?.status ?? 'not ended',
    };
  } finally {
    life.abort();
    await github.settled();
    await github.close();
    await journal.close();
  }
}

function pathOf(shard: number, file: number): string {
  return `packages/module-${Math.floor(shard / 10)}/src/part-${shard}/file-${file}.js`;
}

async function installed(github: LocalGitHub, from: string): Promise<{ id: number; privateKey: string; place: Place }> {
  github.createUser(OWNER, { type: 'Organization' });
  const { token } = github.createUser('robin');
  await github.createRepository({ owner: OWNER, name: REPO, from });
  github.setPermission(`${OWNER}/${REPO}`, 'robin', 'admin');
  const write = { contents: 'write', pull_requests: 'write', issues: 'write', checks: 'write', statuses: 'read', actions: 'read' } as const;
  const hooks = { webhookUrl: 'http://127.0.0.1:9/', webhookSecret: 'unused', events: [] };
  const { id, privateKey } = await github.createApp({ slug: 'converge', name: 'Converge', permissions: write, ...hooks });
  const installation = github.install(id, `${OWNER}/${REPO}`);
  const answer = await fetch(`${github.apiUrl}/repos/${OWNER}/${REPO}/issues`, {
    method: 'POST',
    headers: { authorization: `token ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ title: 'Migrate' }),
  });
  if (answer.status !== 201) throw new Error(`the local GitHub answered ${answer.status} to a new issue`);
  return { id, privateKey, place: { owner: OWNER, repo: REPO, installation, number: 1, kind: 'issue' } };
}

interface Furnished {
  readonly hub: Hub;
  readonly journal: Journal;
  readonly directory: string;
  readonly place: Place;
  readonly shards: number;
  readonly signal: AbortSignal;
}

const COMMANDS: Commands = {
  caveats: ['no command was run'],
  on: () => Promise.reject(new Error('no command is run here')),
  close: () => Promise.resolve(),
};

async function houseOf({ hub, journal, directory, place, shards, signal }: Furnished): Promise<House> {
  const { cloneUrl } = await hub.repository();
  const remote = { url: cloneUrl, token: () => hub.gitToken() };
  const repository = await openRepository({ directory: join(directory, 'mirror.git'), remote, bot: await hub.bot() });
  const state = foldRun(await journal.events(RUN));
  const refuse = (): never => {
    throw new Error('no agent is asked here');
  };
  return {
    run: RUN,
    place,
    requester: state.requester,
    task: state.task,
    settings: state.settings,
    journal,
    generation: 1,
    stoppedBy: null,
    hub,
    repository,
    commands: COMMANDS,
    signal,
    pageUrl: null,
    patient: true,
    step: durableSteps(journal, RUN),
    agents: { run: refuse, submit: refuse },
    planner: {
      plan: async (_, { base }) => {
        // A person approves as soon as there is a plan.
        await journal.signal(RUN, { id: '2002', name: 'approve', by: 'robin', text: 'ffff' });
        return { kind: 'planned', plan: planFor(base, { script: '// played', shards: shardsOf(shards), concurrency: 16 }) };
      },
    },
    scripts: { standard: '', run: (house, plan) => play(house, plan) },
    predicates: { open: (plan) => openPredicate(plan.draft.predicate, { commands: COMMANDS }) },
  };
}

function shardsOf(shards: number): readonly Shard[] {
  return Array.from({ length: shards }, (_, n) => ({
    id: `module-${n}`,
    kind: 'inventory' as const,
    files: Array.from({ length: FILES_EACH }, (_, file) => pathOf(n, file)),
    owner: null,
    after: [],
    task: '',
  }));
}

/** What the default script's calls leave in the journal. */
async function play(house: House, plan: Plan): Promise<Executed> {
  const numbered = plan.shards.map((shard, n) => ({ shard, n }));
  for (let at = 0; at < numbered.length; at += AT_ONCE)
    await Promise.all(numbered.slice(at, at + AT_ONCE).map(({ shard, n }) => playShard(house, plan, { shard, n })));
  return { kind: 'returned', divergences: 0 };
}

async function playShard(house: House, plan: Plan, { shard, n }: { readonly shard: Shard; readonly n: number }): Promise<void> {
  const overlay = shard.files.map((path) => ({ path, mode: '100644' as const, content: { utf8: MIGRATED } }));
  const change: Change = {
    id: changeId({ shard: shard.id, on: [], overlay, baseTree: plan.base.tree }),
    shard: shard.id,
    on: [],
    overlay,
    tree: await house.repository.layer(plan.base.tree, [overlay]),
    files: shard.files,
    added: 10 * FILES_EACH,
    removed: 10 * FILES_EACH,
    summary: 'done',
    replaces: null,
    revision: 0,
  };
  await settle(house, { key: `migrate-${n}`, kind: 'migrate', value: change });
  if (n % REVISED_EVERY === 0 || n % LEFT_OVER_EVERY === 0) await settle(house, reviewed(change, n, 'revise'));
  if (n % LEFT_OVER_EVERY === 0) return;
  const verdict = reviewed(change, n, 'accepted');
  await settle(house, verdict);
  await house.journal.append(RUN, [{ type: 'shard.accepted', shard: shard.id, change: change.id, verdict: verdict.value.id }]);
}

interface Call<Value> {
  readonly key: string;
  readonly kind: string;
  readonly value: Value;
}

function reviewed(change: Change, n: number, outcome: 'accepted' | 'revise'): Call<Verdict> {
  const path = change.files[0] ?? '';
  const value: Verdict = {
    id: `${outcome}-${n}`,
    change: change.id,
    outcome,
    findings: [
      {
        rule: 'G1',
        severity: outcome === 'revise' ? 'blocking' : 'note',
        path,
        line: 1,
        side: 'RIGHT',
        claim: 'The arguments are in the other order now; a caller that relied on the first one should be looked at by a person.',
        evidence: { kind: 'lines', before: 'old(1, 2);', after: 'fresh(2, 1);' },
        source: 'verifier',
      },
    ],
    gates: ['parses', 'owned files', 'predicate'].map((gate) => ({ gate, outcome: 'passed', detail: '' })),
    reviewers: ['behaviour', 'completeness'].map((lens) => ({ lens, answered: true, cause: null, model: 'claude-opus-5-5' })),
  };
  return { key: `review-${outcome}-${n}`, kind: 'review', value };
}

async function settle({ journal }: House, { key, kind, value }: Call<unknown>): Promise<void> {
  await journal.issue(RUN, [{ key, kind, label: key, phase: 'Migrate', input: null }]);
  await journal.settle(RUN, key, { kind: 'value', value: toJson(value) });
}
