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
  return plain((await scene.robin.octokit.rest.pulls.get({ ...HERE, pull_number: number })).data.body);
}

/** The run's end after the one that it had. */
async function endedAgain(scene: Scene, { run }: Begun, generation: number): Promise<NonNullable<Awaited<ReturnType<Scene['facts']>>>> {
  await scene.until(`generation ${generation}`, () => count(scene, 'generation.opened') >= generation - 1);
  return scene.ended(run);
}

const Row = z.object({ n: z.number() });

function count(scene: Scene, type: string): number {
  const journal = new DatabaseSync(join(scene.dataDirectory, 'journal.sqlite'), { readOnly: true });
  try {
    return Row.parse(journal.prepare("SELECT count(*) AS n FROM event WHERE body ->> 'type' = ?").get(type)).n;
  } finally {
    journal.close();
  }
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
