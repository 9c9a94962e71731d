import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Begun, type Scene, type SceneOptions, withScene } from './support.ts';

/* A run under way obeys people: it waits when told, hears what is said to it, and is undone. */

const SMALL: SceneOptions = { tests: ['text'], ci: false, latencyMs: 20 };

/** Begins, and approves the plan. */
async function underWay(scene: Scene, command?: string): Promise<Begun & { readonly planHash: string }> {
  const begun = await scene.begin(command);
  const { planHash } = await scene.planned(begun.run);
  await scene.robin.say(begun.issue, `/workflow approve ${planHash.slice(0, 12)}`);
  return { ...begun, planHash };
}

async function ask(scene: Scene, number: number, text: string): Promise<string> {
  return scene.reply(number, await scene.robin.say(number, text));
}

async function agentsAtWork(scene: Scene, run: string): Promise<void> {
  await scene.until('agents at work', async () => ((await scene.facts(run))?.agents.running ?? 0) > 0);
}

/** Responses that are on disk. */
function stored(scene: Scene): number {
  const journal = new DatabaseSync(join(scene.dataDirectory, 'journal.sqlite'), { readOnly: true });
  try {
    return z.object({ n: z.number() }).parse(journal.prepare("SELECT count(*) AS n FROM checkpoint WHERE part = 'response'").get()).n;
  } finally {
    journal.close();
  }
}

describe('pause and resume', () => {
  it('waits until somebody says go on, over a SIGKILL too, and pays nothing twice', { timeout: 180_000 }, async () => {
    await withScene(SMALL, async (scene) => {
      const { issue, run } = await underWay(scene);
      await agentsAtWork(scene, run);
      expect(await ask(scene, issue, '/workflow pause')).toMatch(/^Pausing\. No agent begins a new turn; .* It has cost \$\d/u);
      expect((await scene.paused(run)).why).toContain('Paused by @robin');
      await scene.until('the status comment to say it', () => scene.ours(issue)[0]?.includes('Paused by'));
      // What was under way was finished and kept.
      const { requests, answered } = scene.claude.counts.snapshot();
      expect(answered).toBe(requests);
      expect(stored(scene)).toBe(answered);

      await scene.kill();
      await scene.restart();
      // Its reply comes after the restarted App has looked at the run.
      expect(await ask(scene, issue, '/workflow status')).toContain('Paused by');
      expect(await ask(scene, issue, '/workflow pause')).toContain('It is paused already, by robin');
      expect((await scene.facts(run))?.status).toBe('paused');
      expect(scene.claude.counts.snapshot().requests).toBe(requests);

      expect(await ask(scene, issue, '/workflow resume')).toContain('Going on where it was');
      expect((await scene.ended(run)).status).toBe('completed');
      const after = scene.claude.counts.snapshot();
      expect(after.requests).toBeGreaterThan(requests);
      expect(after).toMatchObject({ repeated: 0, answered: stored(scene) });
      expect(await ask(scene, issue, '/workflow resume')).toContain('There is no unfinished run here');
    });
  });

  it('waits while it waits for approval, and can be stopped then', { timeout: 120_000 }, async () => {
    await withScene(SMALL, async (scene) => {
      const { issue, run } = await scene.begin();
      const { planHash } = await scene.planned(run);
      expect(await ask(scene, issue, '/workflow resume')).toContain('It is not paused');
      await scene.robin.say(issue, '/workflow pause');
      await scene.paused(run);
      // Two in quick succession keep their order: approved while it is held, it goes on with the approval.
      await scene.robin.say(issue, `/workflow approve ${planHash.slice(0, 12)}`);
      await scene.robin.say(issue, '/workflow resume');
      await agentsAtWork(scene, run);
      await scene.robin.say(issue, '/workflow pause');
      await scene.paused(run);
      expect(await ask(scene, issue, '/workflow stop')).toContain('Stopped.');
      expect((await scene.ended(run)).why).toContain('Stopped by robin');
    });
  });

  it('is nothing that a person without write access says', { timeout: 120_000 }, async () => {
    await withScene(SMALL, async (scene) => {
      const { issue, run } = await scene.begin();
      await scene.planned(run);
      for (const command of ['pause', 'resume', 'steer faster', 'undo'])
        expect(await scene.reply(issue, await scene.casey.say(issue, `/workflow ${command}`))).toContain('expected write access');
      expect((await scene.facts(run))?.status).toBe('active');
    });
  });
});
