import { mkdtemp, rm } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { priceOf } from '../../../src/agents/models.ts';
import { openAgents } from '../../../src/agents/open-agents.ts';
import { PRODUCTION_TIMINGS } from '../../../src/agents/timings.ts';
import { parseRepositoryConfiguration } from '../../../src/domain/repository-configuration.ts';
import { OPERATOR_DEFAULTS } from '../../../src/domain/operator-limits.ts';
import { resolveSettings } from '../../../src/domain/settings.ts';
import { openRepository } from '../../../src/git/mirror.ts';
import { openSqliteJournal } from '../../../src/journal/sqlite.ts';
import { startLocalClaude } from '../../../src/local/claude/server.ts';
import { openPredicate } from '../../../src/plan/predicate.ts';
import { planMigration } from '../../../src/plan/planner.ts';
import { openPrimitives } from '../../../src/primitives/table.ts';
import { openCommands } from '../../../src/sandbox/commands-of.ts';
import { DEFAULT_SCRIPT } from '../../../src/script/default-script.ts';
import { DIALECT } from '../../../src/script/dialect.ts';
import { parseScript } from '../../../src/script/parse.ts';
import { runScript } from '../../../src/script/replay.ts';
import { copyFixture, remove, textIn } from './support.ts';
import { anAllowance } from '../../journal/support.ts';
import { guardOf } from '../../secrets/support.ts';

const RUN = 'r1';

async function openStack() {
  const root = await mkdtemp(join(tmpdir(), 'stack-'));
  const origin = await copyFixture();
  const claude = await startLocalClaude();
  const journal = await openSqliteJournal({ directory: root });
  const repository = await openRepository({
    directory: join(root, 'mirror.git'),
    remote: { url: origin, token: () => Promise.resolve(undefined) },
    bot: { name: 'converge[bot]', email: 'converge@localhost' },
  });
  const commit = execFileSync('git', ['rev-parse', 'HEAD'], { cwd: origin, encoding: 'utf8' }).trim();
  const base = { branch: 'main', ...(await repository.pin({ run: RUN, commit })) };
  const configured = parseRepositoryConfiguration(await textIn(origin, '.github/converge.yml'));
  if (configured.kind !== 'enabled') throw new Error('the fixture does not enable Converge');
  const settings = resolveSettings({
    configuration: configured.configuration,
    flags: { paths: [], planOnly: false },
    operator: OPERATOR_DEFAULTS,
    effortOf: (_model, wished) => wished,
    base: 'main',
    planOnlyReason: null,
  });
  const directory = join(root, 'sandbox');
  const commands = await openCommands({
    repository,
    settings: {
      confinement: 'none',
      directory,
      setup: null,
      setupNetwork: [],
      parallel: 2,
      memoryMegabytes: 1024,
      diskMegabytes: 4096,
      readOnly: [],
    },
  });
  const agents = openAgents({
    client: { apiKey: 'k', baseUrl: claude.url },
    journal,
    allowanceOf: (run) => anAllowance(run, { dollars: settings.limits.budget }, settings.limits.concurrency),
    timings: PRODUCTION_TIMINGS,
    off: () => null,
    discretion: { secrets: guardOf() },
  });
  onTestFinished(async () => {
    await agents.close();
    await commands.close();
    await repository.close();
    await journal.close();
    await claude.close();
    await remove(origin);
    await rm(root, { recursive: true, force: true });
  });
  const { signal } = new AbortController();
  return { run: RUN, task: 'Migrate the tests to node:test.', claude, journal, repository, base, settings, commands, agents, signal };
}

it('goes through the planner, the default script and the primitives: one revision, one shard left over', { timeout: 180_000 }, async () => {
  const stack = await openStack();
  const planned = await planMigration({
    ...stack,
    parseScript,
    pinCalls: () => Promise.resolve({ scripts: [], errors: [] }),
    priceOf,
    dialect: DIALECT,
    defaultScript: DEFAULT_SCRIPT,
    grants: { workflows: false },
  });
  if (planned.kind !== 'planned') throw new Error([planned.reason, ...planned.errors].join('\n'));
  const { plan } = planned;
  expect(plan.inventory).toHaveLength(37);
  expect(plan.skipped.map((file) => file.path)).toEqual(['test/money/currency-table.test.js']);

  const predicate = await openPredicate(plan.draft.predicate, stack);
  const budget = { total: null, spent: 0, dollars: { total: plan.limits.budget, spent: 0 } };
  const end = await runScript({
    ...stack,
    source: plan.script,
    view: {
      args: { rounds: plan.limits.rounds, reviewers: plan.limits.reviewers },
      shards: plan.shards.map(({ id, files, owner, after, kind }) => ({ id, files, owner, after, kind })),
      budget,
    },
    budgetAt: () => budget,
    calls: openPrimitives({ ...stack, plan, predicate, retryWaits: [], secrets: guardOf() }),
  });
  await predicate.close();

  if (end.kind !== 'returned') throw new Error(end.message);
  const grids = plan.shards.find((shard) => shard.files.includes('test/grids/interest-grid.test.js'))?.id;
  const others = plan.shards.map((shard) => shard.id).filter((id) => id !== grids);
  expect(end.value).toMatchObject({ accepted: others, leftOver: [{ shard: grids }] });
  const stats = plan.shards.find((shard) => shard.files.includes('test/stats/regression.test.js'))?.id;
  const revised = (await stack.journal.calls(RUN)).filter((call) => call.kind === 'revise').map((call) => call.label);
  expect(revised.toSorted()).toEqual([`${grids} revision 1`, `${grids} revision 2`, `${stats} revision 1`]);
  expect(stack.claude.counts.snapshot()).toMatchObject({ repeated: 0, refused: 0, faults: 0 });
});
