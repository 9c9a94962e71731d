import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type Begun, type Scene, type SceneOptions, TASK, withScene } from './support.ts';

/* What a run may cost is said before it is approved, holds while it works, and is told at the end; a person raises it and nothing is paid twice. */

const TESTS: SceneOptions = { tests: ['text', 'stats', 'parse', 'collections'], ci: false };
const CONFIGURATION = new URL('../../fixtures/repositories/assert-to-node-test/.github/converge.yml', import.meta.url);
const ENTRY = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const PLAN_COMMENT = /^## Plan/u;

async function approve(scene: Scene, { issue, run }: Begun): Promise<void> {
  const { planHash } = await scene.planned(run);
  await scene.robin.say(issue, `/workflow approve ${planHash.slice(0, 12)}`);
}

async function ask(scene: Scene, number: number, text: string): Promise<string> {
  return scene.reply(number, await scene.robin.say(number, text));
}

describe('B3', () => {
  it('the estimate is shown before the approval, the limit is enforced, and both are reported', { timeout: 180_000 }, async () => {
    await withScene(TESTS, async (scene) => {
      const begun = await scene.begin(`${TASK} --budget $0.50`);
      await scene.planned(begun.run);
      const plan = await scene.until('the plan', () => scene.ours(begun.issue).find((body) => PLAN_COMMENT.test(body)));
      expect(plan).toMatch(/\*\*Expected cost\*\* \| \*\*\$\d+\.\d\d\*\* \(\$\d+\.\d\d to \$\d+\.\d\d\), never above \$0\.50/u);
      expect(plan).toMatch(/\*\*Expected time\*\* \| .+ of work/u);
      await approve(scene, begun);

      const paused = await scene.paused(begun.run);
      expect(paused.why).toMatch(
        /\$0\.\d\d of the run's limit of \$0\.50 are used.*All work is kept\. `\/workflow budget \+\$N` raises the limit/u,
      );
      expect(paused.dollars).toBeLessThanOrEqual(0.5);
      await scene.until('the status comment to say it', () =>
        // As it is read: a dollar sign has a backslash before it, since two of them would be a formula.
        scene
          .ours(begun.issue)[0]
          ?.replaceAll(String.raw`\$`, '$')
          .includes("of the run's limit of $0.50 are used"),
      );

      // The work and the pause outlive the process.
      const { requests } = scene.claude.counts.snapshot();
      await scene.kill();
      await scene.restart();
      expect(await ask(scene, begun.issue, '/workflow budget +$60')).toContain("The run's limit is now $50.00, and it goes on.");
      const facts = await scene.ended(begun.run);
      expect(facts.status).toBe('completed');
      const counts = scene.claude.counts.snapshot();
      expect(counts.requests).toBeGreaterThan(requests);
      expect(counts).toMatchObject({ repeated: 0 });

      const body = await scene.until('the final body', async () => {
        const text = await scene.robin.octokit.rest.pulls.get({
          owner: 'acme',
          repo: 'tally',
          pull_number: facts.pullRequest?.number ?? 0,
        });
        return text.data.body?.includes('Came to, with planning') === true ? text.data.body : undefined;
      });
      expect(body).toMatch(/\*\*Dollars\*\* \| \$[\d.]+ \(\$[\d.]+ to \$[\d.]+\) \| \*\*\$[\d.]+\*\* of \$50\.00/u);
      for (const row of ['Agents', 'Tokens read', 'Tokens written', 'Time of work']) expect(body).toContain(`| **${row}** | `);
      expect(body).toContain('raised a limit of the run by $49.50');
    });
  });
});

describe('other limits', () => {
  it('of turns, from the repository: the run pauses with its work, and goes on when raised', { timeout: 180_000 }, async () => {
    const configuration = (await readFile(CONFIGURATION, 'utf8')).replace('limits:', 'limits:\n  run_turns: 12');
    await withScene({ ...TESTS, tests: ['text'], files: { '.github/converge.yml': configuration } }, async (scene) => {
      const begun = await scene.begin();
      const { planHash } = await scene.planned(begun.run);
      expect(await ask(scene, begun.issue, '/workflow budget +$1')).toContain('is not approved yet');
      await scene.robin.say(begun.issue, `/workflow approve ${planHash.slice(0, 12)}`);
      expect((await scene.paused(begun.run)).why).toMatch(
        /^12 turns of the run's limit of 12 turns are used\. All work is kept\. `\/workflow budget \+N turns`/u,
      );
      expect(scene.claude.counts.snapshot().answered).toBe(12);
      expect(await ask(scene, begun.issue, '/workflow budget +5 hours')).toContain('has no limit of hours');
      expect(await ask(scene, begun.issue, '/workflow budget +500 turns')).toContain("The run's limit is now 512 turns, and it goes on.");
      expect((await scene.ended(begun.run)).status).toBe('completed');
      expect(scene.claude.counts.snapshot()).toMatchObject({ repeated: 0 });
    });
  });

  it('of the repository in a month: a second run pauses at what the first left', { timeout: 180_000 }, async () => {
    const environment = { MAX_TOKENS_PER_REPOSITORY_MONTH: '160000' };
    const program = (): { readonly entry: string; readonly environment: typeof environment } => ({ entry: ENTRY, environment });
    await withScene({ ...TESTS, tests: ['text'], program }, async (scene) => {
      const begun = await scene.begin();
      await approve(scene, begun);
      const { why } = await scene.paused(begun.run);
      expect(why).toMatch(
        /tokens of this repository's \d{4}-\d\d limit of 160,000 tokens are used.*when the next month begins \(UTC\).*`MAX_TOKENS_PER_REPOSITORY_MONTH`/u,
      );
      expect(await ask(scene, begun.issue, '/workflow stop')).toContain('Stopped.');
      const second = await scene.begin();
      expect((await scene.paused(second.run)).why).toContain("of this repository's");
    });
  });

  it('of agents in a month: who has begun ends, nobody else begins, and with more the run goes on', { timeout: 180_000 }, async () => {
    // The planner and the shard's migrator; its verifiers come too late.
    let most = '2';
    const program = (): ReturnType<NonNullable<SceneOptions['program']>> => ({
      entry: ENTRY,
      environment: { MAX_AGENTS_PER_REPOSITORY_MONTH: most },
    });
    await withScene({ ...TESTS, tests: ['text'], program }, async (scene) => {
      const begun = await scene.begin();
      await approve(scene, begun);
      const paused = await scene.paused(begun.run);
      expect(paused.why).toMatch(
        /^2 agents of this repository's \d{4}-\d\d limit of 2 agents are used\. All work is kept\..*`MAX_AGENTS_PER_REPOSITORY_MONTH`/u,
      );
      expect(paused.agents).toMatchObject({ finished: 2 });
      await scene.until('the status comment to say it', () => scene.ours(begun.issue)[0]?.includes('limit of 2 agents are used'));
      most = '9';
      await scene.kill();
      await scene.restart();
      expect((await scene.ended(begun.run)).status).toBe('completed');
      expect(scene.claude.counts.snapshot()).toMatchObject({ repeated: 0 });
    });
  });
});
