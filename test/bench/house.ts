import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { openAgents } from '../../src/agents/open-agents.ts';
import type { Owner } from '../../src/agents/spending.ts';
import { PRODUCTION_TIMINGS } from '../../src/agents/timings.ts';
import { runAccount } from '../../src/domain/account.ts';
import type { Place, Settings } from '../../src/domain/run.ts';
import { openRepository } from '../../src/git/mirror.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { openPrimitives } from '../../src/primitives/table.ts';
import type { Commands } from '../../src/sandbox/commands.ts';
import type { Carry } from '../../src/script/calls.ts';
import { runScript } from '../../src/script/replay.ts';
import { deliveredBudget } from '../../src/script/budget.ts';
import { openThreads } from '../../src/script/sandbox.ts';
import { planFor } from './plan.ts';
import { guardOf } from '../secrets/support.ts';

export const RUN = 'bench';

/** A directory that is gone when the process ends. */
export function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), 'converge-bench-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A repository with these files and one commit, and the mirror that Converge makes of it. */
export async function repositoryWith(files: Readonly<Record<string, string>>, directory: string) {
  const origin = join(directory, 'origin');
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(origin, path)), { recursive: true });
    writeFileSync(join(origin, path), text);
  }
  const git = (...args: readonly string[]): string =>
    execFileSync('git', ['-c', 'user.name=b', '-c', 'user.email=b@b', ...args], { cwd: origin, encoding: 'utf8' }).trim();
  git('init', '--quiet', '--initial-branch=main');
  git('add', '--all');
  git('commit', '--quiet', '--message=Base');
  git('config', 'uploadpack.allowAnySHA1InWant', 'true');
  git('config', 'uploadpack.allowFilter', 'true');
  const repository = await openRepository({
    directory: join(directory, 'mirror.git'),
    remote: { url: origin, token: () => Promise.resolve(undefined) },
    bot: { name: 'converge[bot]', email: 'converge@localhost' },
  });
  const base = { branch: 'main', ...(await repository.pin({ run: RUN, commit: git('rev-parse', 'HEAD') })) };
  return { origin, repository, base };
}

const NO_COMMANDS: Commands = {
  caveats: [],
  on: () => Promise.reject(new Error('no command is run here')),
  close: () => Promise.resolve(),
};

const FARM: Place = { owner: 'octo', repo: 'farm', installation: 7, number: 3, kind: 'issue' };

/** The start of a run, as a journal has it. */
export async function begin(journal: Journal, place: Place = FARM): Promise<void> {
  const { limits, models } = planFor({ branch: 'main', commit: '', tree: '' }, { script: '', shards: [], concurrency: 16 });
  const settings: Settings = {
    base: 'main',
    paths: [],
    limits,
    models,
    setup: null,
    checks: [],
    protectedPaths: [],
    exclude: [],
    approvers: { logins: [], permission: 'write' },
    publishShards: false,
    planOnly: false,
    planOnlyReason: null,
  };
  await journal.start({
    run: RUN,
    trigger: '1001',
    event: { type: 'run.started', place, requester: { login: 'mona', id: 42 }, comment: '1001', task: 'Move.', settings },
  });
}

export interface Fan {
  readonly url: string;
  readonly agents: number;
  readonly concurrency: number;
  readonly journal: Journal;
  readonly directory: string;
  /** What agents write to, and as whom, where others share the journal. */
  readonly shared?: { readonly journal: Journal; readonly owner: Owner };
}

/** What carries the calls of that many read-only agents out, in any process: the real primitives and agents. */
export async function openFan({ url, agents: count, concurrency, journal, directory, shared }: Fan) {
  const { repository, base } = await repositoryWith({ 'src/a.js': 'old(1, 2);\n', 'src/b.js': 'old(3, 4);\n' }, directory);
  const script = `export const meta = { name: 'fan', description: 'many agents', phases: [{ title: 'Look' }] };
phase('Look');
const found = await parallel(Array.from({ length: ${count} }, (_, at) => () => agent(\`Look at part \${at}.\`, { label: \`part \${at}\` })));
return found.filter((one) => one !== null).length;`;
  const plan = planFor(base, { script, shards: [], concurrency });
  const agents = openAgents({
    client: { apiKey: 'k', baseUrl: url },
    journal: shared?.journal ?? journal,
    ...(shared === undefined ? {} : { owner: shared.owner }),
    allowanceOf: () => ({ accounts: [{ name: runAccount(RUN), limits: { dollars: plan.limits.budget } }], concurrency }),
    timings: PRODUCTION_TIMINGS,
    off: () => null,
    discretion: { secrets: guardOf({ key: 'a key as long as such keys are' }) },
    concurrency,
  });
  const { signal } = new AbortController();
  const predicate = { holds: () => Promise.resolve(false) };
  const primitives = openPrimitives({
    run: RUN,
    task: 'Move.',
    plan,
    journal,
    repository,
    agents,
    commands: NO_COMMANDS,
    predicate,
    signal,
    retryWaits: [],
    secrets: guardOf(),
  });
  return { script, plan, primitives, signal };
}

/** As many read-only agents of two turns, from a script: the real runtime, replay, primitives, agents and journal. Gives how to run it, and how many turns that are. */
export async function fan(options: Fan, carry?: Carry): Promise<() => Promise<number>> {
  const { agents: count, journal } = options;
  const threads = openThreads();
  const { script, plan, primitives, signal } = await openFan(options);
  const { opening, budgetAt } = deliveredBudget({ journal, run: RUN, totals: { tokens: null, budget: plan.limits.budget } });
  return async () => {
    const end = await runScript({
      run: RUN,
      source: script,
      journal,
      signal,
      threads,
      budgetAt,
      ...(carry === undefined ? {} : { carry }),
      view: { args: {}, shards: [], budget: opening },
      calls: primitives,
    });
    if (end.kind !== 'returned' || end.value !== count) throw new Error(`found ${JSON.stringify(end)}, expected ${count} agents`);
    return count * 2;
  };
}
