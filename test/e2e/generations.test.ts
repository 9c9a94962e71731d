import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { HERE } from './github.ts';
import { type Begun, type Scene, withScene } from './support.ts';
import { plain } from './waiting.ts';

/* What people do with a run that did not come to what they wanted: retry, drop, stop --deliver; and a kill in the middle of each. */

const WAITS = { firstBackoff: 5, longestBackoff: 20, redriveMs: 300, ciGraceMs: 200 };
const LESS = { 'test/text/table.test.js': null, 'test/text/wrap.test.js': null };

/** No good model would say this; the agent ends without a change. */
const REFUSAL = { kind: 'answer', text: 'I cannot help with that.', stop_reason: 'refusal', when: { model: 'claude-sonnet-5-5' } } as const;

async function approve({ robin }: Scene, { issue }: Begun, { planHash }: { readonly planHash: string }): Promise<void> {
  await robin.say(issue, `/workflow approve ${planHash.slice(0, 12)}`);
}

/** A run of which one shard's migrator refused, ended `partial` (or `failed`, when all others needed it). */
async function withRefused(scene: Scene): Promise<Begun> {
  const begun = await scene.begin();
  const plan = await scene.planned(begun.run);
  scene.claude.faults.next(REFUSAL);
  await approve(scene, begun, plan);
  await scene.ended(begun.run);
  return begun;
}

async function ask(scene: Scene, { issue }: Begun, text: string): Promise<string> {
  return scene.reply(issue, await scene.robin.say(issue, text));
}

async function bodyOf(scene: Scene, { run }: Begun): Promise<string> {
  const number = (await scene.facts(run))?.pullRequest?.number ?? 0;
  // Nobody is called by what Converge writes.
  return plain((await scene.robin.octokit.rest.pulls.get({ ...HERE, pull_number: number })).data.body).replaceAll('\u200B', '');
}

/** The run's end after the one that it had. */
async function endedAgain(scene: Scene, { run }: Begun, generation: number): Promise<NonNullable<Awaited<ReturnType<Scene['facts']>>>> {
  await scene.until(`generation ${generation}`, () => count(scene, 'generation.opened') >= generation - 1);
  return scene.ended(run);
}

/** All shards accepted but one, whose migrator waits for a model that does not answer; gives its id, and those that are accepted. */
async function withOneWaiting(
  scene: Scene,
  shards: number,
): Promise<Begun & { readonly waiting: string; readonly accepted: readonly string[] }> {
  const begun = await scene.begin();
  const plan = await scene.planned(begun.run);
  expect(plan.shards.all).toBe(shards);
  await approve(scene, begun, plan);
  const acceptedNow = async (): Promise<readonly string[]> => (await scene.facts(begun.run))?.shards.accepted ?? [];
  await scene.until('the foundation', async () => (await acceptedNow()).includes('groundwork'));
  scene.claude.faults.next({ kind: 'silence', when: { model: 'claude-sonnet-5-5' } });
  const accepted = await scene.until('the others', async () => {
    const now = await acceptedNow();
    return now.length === shards - 1 && now;
  });
  const { waiting } = WaitingRow.parse(
    read(
      scene,
      "SELECT body ->> 'input' ->> 'shard' AS waiting FROM event WHERE body ->> 'type' = 'call.issued' AND body ->> 'kind' = 'migrate'",
    ).find((row) => !accepted.includes(WaitingRow.parse(row).waiting)),
  );
  return { ...begun, waiting, accepted };
}

const WaitingRow = z.object({ waiting: z.string() });
const Row = z.object({ n: z.number() });

function read(scene: Scene, sql: string, ...values: readonly string[]): readonly unknown[] {
  const journal = new DatabaseSync(join(scene.dataDirectory, 'journal.sqlite'), { readOnly: true });
  try {
    return journal.prepare(sql).all(...values);
  } finally {
    journal.close();
  }
}

function count(scene: Scene, type: string): number {
  return Row.parse(read(scene, "SELECT count(*) AS n FROM event WHERE body ->> 'type' = ?", type)[0]).n;
}

function isDone(scene: Scene, step: string): boolean {
  const done = read(scene, "SELECT count(*) AS n FROM event WHERE body ->> 'type' = 'step.done' AND body ->> 'step' = ?", step);
  return Row.parse(done[0]).n > 0;
}

async function killAndRestart(scene: Scene): Promise<void> {
  await scene.kill();
  await scene.restart();
  await scene.redeliverFailed();
}

/** Shards of the commits on the run's branch, oldest first, by their trailers. */
async function landed(scene: Scene, { run }: Begun): Promise<readonly string[]> {
  const log = await scene.git(
    'log',
    '--reverse',
    '--format=%(trailers:key=Converge-Shard,valueonly,separator=%x2C)',
    `main..converge/${run}`,
  );
  return log.split('\n').filter((line) => line !== '');
}

function reviews(scene: Scene): readonly string[] {
  return [...scene.hub.state.reviews.values()].map(({ body }) => body.split('\n', 1)[0] ?? '');
}

function checks(scene: Scene): readonly (string | null)[] {
  return [...scene.hub.state.checkRuns.values()].filter(({ suite }) => suite.app.slug === 'converge').map(({ conclusion }) => conclusion);
}

describe('retry', { timeout: 180_000 }, () => {
  it('of a run that failed completes it, on the same branch and pull request; what waited goes along, and nothing is paid twice', async () => {
    await withScene({ tests: ['text'], files: LESS, ci: false, waits: WAITS }, async (scene) => {
      const begun = await withRefused(scene);
      const before = await scene.facts(begun.run);
      expect(before).toMatchObject({ status: 'failed', shards: { accepted: [] } });
      const reply = await ask(scene, begun, '/workflow retry');
      expect(reply).toContain('Trying again: `groundwork`, `test-text`.');
      expect(reply).toMatch(/What succeeded stays and costs nothing; \$\d+\.\d\d of \$\d+\.\d\d are spent so far\./u);
      const after = await endedAgain(scene, begun, 2);
      expect(after).toMatchObject({ status: 'completed', pullRequest: before?.pullRequest, shards: { leftOver: [] } });
      // The one that was refused.
      expect(scene.claude.counts.snapshot()).toMatchObject({ repeated: 1 });
      expect(await bodyOf(scene, begun)).toContain('## ✅ Completed');
      await scene.until('the last words', () => scene.ours(begun.issue)[0]?.startsWith('### ✅ Completed'));
      expect(await ask(scene, begun, '/workflow retry')).toContain('is completed: no shard is left over');
    });
  });
});

describe('stop --deliver', { timeout: 240_000 }, () => {
  it('delivers and proves what is accepted and ends stopped; a retry then does the rest on top of it; each killed in the middle', async () => {
    await withScene({ tests: ['text', 'stats'], files: LESS, waits: WAITS, latencyMs: 100 }, async (scene) => {
      const begun = await withOneWaiting(scene, 3);
      const { waiting, accepted } = begun;
      const asked = scene.claude.counts.snapshot().requests;
      const said = scene.robin.say(begun.issue, '/workflow stop --deliver');
      await scene.until('the script to be over', () => isDone(scene, 'executed'));
      await killAndRestart(scene);
      expect(await scene.reply(begun.issue, await said)).toMatch(
        /^Stopping\. No new agent starts\. The 2 accepted shards are converged, pushed and proved by CI; then it ends with its report\. It cost \$\d+\.\d\d\./u,
      );
      const stopped = await scene.ended(begun.run);
      expect(stopped).toMatchObject({
        status: 'stopped',
        shards: { leftOver: [{ shard: waiting, reason: 'the run was stopped by @robin before' }] },
      });
      expect(stopped.ledger?.['migrated']).toBeGreaterThan(0);
      expect(stopped.ledger?.['not-started']).toBeGreaterThan(0);
      expect(scene.claude.counts.snapshot().requests).toBe(asked);
      const body = await bodyOf(scene, begun);
      expect(body).toContain('## ⏹️ Stopped');
      expect(body).toContain('Stopped by @robin, after what was accepted was delivered.');
      expect(body).toMatch(/\| test \| \[✅ success\]\([^)]+\) \| \[✅ success\]\([^)]+\) \|/u);
      await scene.until('the last words', () => scene.ours(begun.issue)[0]?.startsWith('### ⏹️ Stopped'));
      const first = await scene.git('rev-parse', `converge/${begun.run}`);
      expect((await landed(scene, begun)).toSorted((a, b) => a.localeCompare(b))).toEqual(accepted.toSorted((a, b) => a.localeCompare(b)));

      const retried = scene.robin.say(begun.issue, `/workflow retry ${waiting}`);
      await scene.until('the second generation', () => count(scene, 'generation.opened') > 0);
      await killAndRestart(scene);
      expect(await scene.reply(begun.issue, await retried)).toContain(`Trying again: \`${waiting}\`.`);
      expect(await endedAgain(scene, begun, 2)).toMatchObject({ status: 'completed', pullRequest: stopped.pullRequest });
      expect(await landed(scene, begun)).toHaveLength(3);
      expect((await landed(scene, begun)).at(-1)).toBe(waiting);
      await scene.git('merge-base', '--is-ancestor', first, `converge/${begun.run}`);
      expect(reviews(scene).toSorted((a, b) => a.localeCompare(b))).toEqual(
        [...accepted, waiting].map((shard) => `### ✅ Accepted: \`${shard}\``).toSorted((a, b) => a.localeCompare(b)),
      );
      expect(await bodyOf(scene, begun)).toContain('## ✅ Completed');
      await scene.until('the last words', () => scene.ours(begun.issue)[0]?.startsWith('### ✅ Completed'));
      expect(checks(scene).at(-1)).toBe('success');
    });
  });
});

describe('drop', { timeout: 240_000 }, () => {
  it('takes shards out that are at work or accepted, for good; completed counts them as approved; killed in the middle', async () => {
    await withScene({ tests: ['text', 'stats', 'parse'], files: LESS, ci: false, waits: WAITS, latencyMs: 100 }, async (scene) => {
      const begun = await withOneWaiting(scene, 4);
      const { waiting, accepted } = begun;
      expect(await ask(scene, begun, '/workflow drop nowhere')).toContain(
        `Found \`nowhere\`, expected ids of the plan's shards: \`groundwork\``,
      );
      const [kept, out] = accepted.filter((shard) => shard !== 'groundwork');
      const said = scene.robin.say(begun.issue, `/workflow drop ${waiting} ${out}`);
      await scene.until('the drop', () => count(scene, 'run.amended') > 0);
      await killAndRestart(scene);
      expect(await scene.reply(begun.issue, await said)).toContain(`Dropped: \`${waiting}\`, \`${out}\`. No agent works on them any more`);
      const facts = await scene.ended(begun.run);
      expect(facts).toMatchObject({ status: 'completed', shards: { leftOver: [] }, agents: { running: 0 } });
      expect(facts.ledger?.['dropped']).toBeGreaterThan(0);
      expect(await landed(scene, begun)).toEqual(['groundwork', kept]);
      const body = await bodyOf(scene, begun);
      expect(body).toContain('## ✅ Completed');
      expect(body).toContain('dropped by @robin, who may approve, and so approved to leave it out');
      expect(await ask(scene, begun, `/workflow retry ${waiting}`)).toContain(`\`${waiting}\` stays out: dropped by @robin`);
    });
  });
});
