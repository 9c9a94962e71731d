import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { inheritedEnvironment } from '../../src/config.ts';
import type { RunFacts } from '../../src/local/scene.ts';
import { HERE } from './github.ts';
import { type Begun, openScene, type Scene } from './support.ts';
import { plain } from './waiting.ts';

/* The main job from a comment to one converged pull request: one run, looked at from all sides. */

const BOT = 'converge[bot]';

let scene: Scene;
let begun: Begun;
let plan: RunFacts & { readonly planHash: string };
let facts: RunFacts;
/** What was seen before the approval. */
let waiting: {
  readonly check: readonly string[];
  readonly draft: boolean;
  readonly refusal: string;
  readonly comments: readonly string[];
  readonly begin: string;
};
/** Every state of our check runs that was seen while it went on, in order. */
const seen: string[] = [];

beforeAll(async () => {
  scene = await openScene({ tests: ['text', 'stats', 'grids'], latencyMs: 20 });
  begun = await scene.begin();
  await scene.until('a reaction', () => reactionsOn(begun.comment).includes('eyes'));
  await scene.until('the status comment', () => scene.ours(begun.issue).length > 0);
  plan = await scene.planned(begun.run);
  const wrong = await scene.robin.say(begun.issue, '/workflow approve 0123456789ab');
  const refusal = await scene.reply(begun.issue, wrong);
  const { data } = await scene.robin.octokit.rest.pulls.get({ ...HERE, pull_number: plan.pullRequest?.number ?? 0 });
  const begin = await scene.git('rev-parse', `converge/${begun.run}`);
  waiting = { check: ourChecks(), draft: data.draft ?? false, refusal, comments: scene.ours(begun.issue), begin };
  await scene.robin.say(begun.issue, `/workflow approve ${plan.planHash.slice(0, 12)}`);
  facts = await scene.until(
    'the end',
    async () => {
      for (const check of ourChecks()) if (!seen.includes(check)) seen.push(check);
      const now = await scene.facts(begun.run);
      return now?.ledger === null ? undefined : now;
    },
    150_000,
  );
  await scene.until('the last words', () => scene.ours(begun.issue)[0]?.startsWith('### 🟡 Partial'));
}, 240_000);

afterAll(() => scene.close());

function reactionsOn(comment: number): readonly string[] {
  return [...scene.hub.state.reactions.values()]
    .filter(({ subjectId, user }) => subjectId === comment && user.login === BOT)
    .map(({ content }) => content);
}

function ourChecks(): readonly string[] {
  return [...scene.hub.state.checkRuns.values()]
    .filter(({ suite }) => suite.app.slug === 'converge')
    .map(({ suite, status, conclusion }) => `${suite.headSha.slice(0, 7)} ${status}${conclusion === null ? '' : ` ${conclusion}`}`);
}

function pullRequest() {
  return scene.robin.octokit.rest.pulls.get({ ...HERE, pull_number: facts.pullRequest?.number ?? 0 }).then(({ data }) => data);
}

const head = (): string => `converge/${begun.run}`;

it('reacts to the command at once, and has one status comment that is edited in place', () => {
  expect(reactionsOn(begun.comment)).toEqual(['eyes']);
  const statuses = [...scene.hub.state.comments.values()].filter(
    ({ author, body, issueNumber }) => issueNumber === begun.issue && author.login === BOT && body.includes('<sub>Converge run'),
  );
  expect(statuses).toHaveLength(1);
  expect(statuses[0]?.updatedAt).toBeGreaterThan(statuses[0]?.createdAt ?? 0);
  expect(plain(statuses[0]?.body)).toContain('10 migrated and verified · 1 left over');
});

it('shows the plan with its hash, scope, shards, checks, estimate and script, and waits', () => {
  const shown = waiting.comments.find((body) => body.startsWith('## Plan'));
  for (const part of [
    `/workflow approve ${plan.planHash.slice(0, 12)}`,
    plan.planHash,
    '11 files',
    '`test-stats`',
    '**test** after each shard: `npm test`',
    '**Expected cost**',
    'export const meta =',
    'at most 4 pushes',
  ])
    expect(shown).toContain(part);
  expect(waiting.comments[0]).toContain('Waiting for approval');
});

it('opens a draft pull request on an empty commit of the base', async () => {
  expect(waiting.draft).toBe(true);
  expect(await scene.git('rev-parse', `${waiting.begin}^{tree}`)).toBe(await scene.git('rev-parse', 'main^{tree}'));
  expect(await scene.git('rev-parse', `${waiting.begin}^`)).toBe(await scene.git('rev-parse', 'main'));
});

it('E4 refuses another hash with the reason', () => {
  expect(waiting.refusal).toContain('Found the hash `0123456789ab`');
  expect(waiting.refusal).toContain(`expected \`${plan.planHash.slice(0, 12)}\``);
});

it('has a check run that is queued until the approval, goes on, and ends in a true conclusion', async () => {
  const first = waiting.begin.slice(0, 7);
  const last = (await scene.git('rev-parse', head())).slice(0, 7);
  expect(waiting.check).toEqual([`${first} queued`]);
  expect(seen).toContain(`${first} in_progress`);
  expect(ourChecks().at(-1)).toBe(`${last} completed action_required`);
  expect(ourChecks().filter((check) => !check.includes(' completed'))).toEqual([]);
});

it('tells the truth: what is migrated, what is left over, and a ledger that sums to the inventory', async () => {
  expect(facts.status).toBe('partial');
  expect(facts.ledger).toEqual({ migrated: 10, skipped: 0, 'left-over': 1, unverified: 0, dropped: 0, 'not-started': 0 });
  expect(facts.inventory).toBe(11);
  const { body: posted, draft, title } = await pullRequest();
  const body = plain(posted);
  expect(draft).toBe(false);
  expect(title).toBe('Migrate tests from lib/bdd.js to node:test');
  expect(body).toContain('## 🟡 Partial: 10 migrated and verified · 1 left over');
  expect(body).toContain(`Asked for in #${begun.issue}.`);
  expect(body).toMatch(/### Where to look first\n\n1\. \*\*Left over\*\*, `test-grids` \(`test\/grids\/interest-grid\.test\.js`\)/u);
  expect(body).toMatch(/\| ⛔ left over \| 1 \|\n\| ✅ migrated and verified \| 10 \|/u);
  for (const part of ['Verdicts: 3 accepted shards', '### Cost', 'took 2 rounds: The tolerance 1e-12 was replaced'])
    expect(body).toContain(part);
});

it('has a CI table that says what CI said, base beside head', async () => {
  const { body } = await pullRequest();
  const [base, tip] = [waiting.begin, await scene.git('rev-parse', head())];
  expect(body).toContain(`| Check | Base \`${base.slice(0, 12)}\` | Head \`${tip.slice(0, 12)}\` |`);
  expect(body).toMatch(/\| test \| \[✅ success\]\([^)]+\) \| \[✅ success\]\([^)]+\) \|/u);
  const runs = [...scene.hub.state.checkRuns.values()].filter(({ suite }) => suite.app.slug === 'local-ci');
  expect(runs.map(({ suite, conclusion }) => [suite.headSha, conclusion])).toEqual([
    [base, 'success'],
    [tip, 'success'],
  ]);
});

it('posts one review for each delivered commit, as a comment, and one comment for what is left over', async () => {
  const number = facts.pullRequest?.number ?? 0;
  const { data } = await scene.robin.octokit.rest.pulls.listReviews({ ...HERE, pull_number: number });
  const delivered = (await scene.git('rev-list', '--reverse', `${waiting.begin}..${head()}`)).split('\n');
  expect(data.map((review) => [review.commit_id, review.state])).toEqual(delivered.map((commit) => [commit, 'COMMENTED']));
  const revised = data.find(({ body }) => body.includes('### ✅ Accepted: `test-stats`'));
  expect(revised?.body).toContain('**Round 1: sent back and mended**');
  expect(revised?.body).toContain('- check.near(line.slope, 2, 1e-12);\n+ near(line.slope, 2);');
  expect(scene.ours(number)).toHaveLength(1);
  expect(scene.ours(number)[0]).toContain('## 1 shard left over');
  expect(scene.ours(number)[0]).toContain('Files, unchanged in this pull request: `test/grids/interest-grid.test.js`');
});

it('writes commits of its own with trailers, one for each shard, and names who asked', async () => {
  const log = await scene.git(
    'log',
    '--reverse',
    '--format=%an|%ae|%cn|%P|%(trailers:key=Converge-Run,valueonly,separator=%x2C)|%(trailers:key=Converge-Shard,valueonly,separator=%x2C)|%(trailers:key=Co-authored-by,valueonly,separator=%x2C)',
    `${waiting.begin}..${head()}`,
  );
  const commits = log.split('\n').map((line) => line.split('|'));
  const bot = [...scene.hub.state.accounts.values()].find(({ login }) => login === BOT)?.id ?? 0;
  const robin = [...scene.hub.state.accounts.values()].find(({ login }) => login === 'robin')?.id ?? 0;
  for (const [author, email, committer, parents, run, , coAuthor] of commits) {
    expect([author, committer, run]).toEqual([BOT, BOT, begun.run]);
    expect(email).toMatch(new RegExp(`^${bot}\\+converge\\[bot\\]@users\\.noreply\\.`, 'u'));
    expect(coAuthor).toMatch(new RegExp(`^robin <${robin}\\+robin@users\\.noreply\\.`, 'u'));
    expect(parents?.split(' ')).toHaveLength(1);
  }
  expect(commits.map((fields) => fields[5])[0]).toBe('groundwork');
  expect(commits.map((fields) => fields[5] ?? '').toSorted()).toEqual(['groundwork', 'test-stats', 'test-text']);
});

it('changes what accepted shards own and nothing else, byte for byte', async () => {
  const changed = (await scene.git('diff', '--name-only', `main..${head()}`)).split('\n');
  expect(changed).toEqual([
    'CONTRIBUTING.md',
    'test/stats/histogram.test.js',
    'test/stats/mean.test.js',
    'test/stats/percentile.test.js',
    'test/stats/regression.test.js',
    'test/stats/variance.test.js',
    'test/support/near.js',
    'test/text/pad.test.js',
    'test/text/plural.test.js',
    'test/text/slug.test.js',
    'test/text/table.test.js',
    'test/text/wrap.test.js',
  ]);
  expect(await scene.git('diff', '--summary', `main..${head()}`)).toBe(' create mode 100644 test/support/near.js');
  expect(await scene.git('show', `${head()}:test/stats/regression.test.js`)).toContain('near(line.slope, 2, 1e-12)');
});

it('leaves the base branch alone, and pushes no shard branch and no more than it said', async () => {
  expect((await scene.git('for-each-ref', '--format=%(refname)', 'refs/heads')).split('\n').toSorted()).toEqual([
    `refs/heads/${head()}`,
    'refs/heads/main',
  ]);
  expect(await scene.git('rev-list', '--count', 'main')).toBe('1');
  expect(scene.hub.counts.get(BOT)?.pushes).toBe(2);
  expect(facts.pushes).toBe(2);
});

it('delivers a head on which the repository’s own tests pass', async () => {
  const directory = join(scene.scratch, 'head');
  await mkdir(directory);
  await scene.git('--work-tree', directory, 'checkout', '--force', head(), '--', '.');
  const { stdout } = await promisify(execFile)('npm', ['test'], { cwd: directory, env: inheritedEnvironment() });
  expect(stdout).toContain('# lib/bdd: 1 files, ');
  expect(stdout).toContain('# node:test: 11 files, passed');
});

it('asks the model nothing twice and nothing that the model service refuses', () => {
  expect(scene.claude.counts.snapshot()).toMatchObject({ repeated: 0, refused: 0 });
  expect(facts.agents).toMatchObject({ running: 0, failed: 0 });
  expect(facts.dollars).toBeGreaterThan(0);
});

it('writes no secret anywhere', async () => {
  const Bodies = z.array(z.object({ body: z.string().nullable() }));
  const bodies = Bodies.parse([...scene.hub.state.comments.values(), ...scene.hub.state.reviews.values()]).map(({ body }) => body);
  const text = [...bodies, ...scene.log, await scene.git('log', '-p', '--all')].join('\n');
  expect(text).not.toMatch(/ghs_|PRIVATE KEY|a secret of the end-to-end tests/u);
  expect(text).not.toContain(scene.world.personToken);
});
