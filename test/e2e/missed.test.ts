import { expect, it } from 'vitest';
import { withScene } from './support.ts';

it(
  'a command that was given while the App was down is answered after its start, once, without anybody’s redelivery',
  { timeout: 120_000 },
  async () => {
    await withScene({ tests: ['text'], ci: false }, async (scene) => {
      const { data } = await scene.robin.octokit.rest.issues.create({ owner: 'acme', repo: 'tally', title: 'Help' });
      await scene.kill();
      const missed = await scene.robin.say(data.number, '/workflow help');
      await scene.hub.settled();
      await scene.restart();
      expect(await scene.reply(data.number, missed)).toContain('/workflow migrate');
      await scene.kill();
      await scene.restart();
      // What is asked later is answered after what was asked before.
      await scene.reply(data.number, await scene.robin.say(data.number, '/workflow status'));
      expect(scene.ours(data.number)).toHaveLength(2);
      const reactions = await scene.robin.octokit.rest.reactions.listForIssueComment({ owner: 'acme', repo: 'tally', comment_id: missed });
      expect(reactions.data).toHaveLength(1);
    });
  },
);
