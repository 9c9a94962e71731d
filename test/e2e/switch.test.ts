import { spawnSync } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { withScene } from './support.ts';

const AUDIT = fileURLToPath(new URL('../../src/audit/export.ts', import.meta.url));

it(
  'switched off by a file, nothing is asked of the model and commands are answered with the reason; switched on, runs go on by themselves',
  { timeout: 180_000 },
  async () => {
    let switchOff: (() => Promise<void>) | null = null;
    const onRequest = async (): Promise<undefined> => {
      await switchOff?.();
      return undefined;
    };
    await withScene({ tests: ['text'], ci: false, waits: { switchMs: 20 }, onRequest }, async (scene) => {
      const file = join(scene.dataDirectory, 'DISABLED');
      const begun = await scene.begin();
      const { planHash } = await scene.planned(begun.run);

      // While it waits for people.
      await writeFile(file, 'a key leaked\n');
      expect((await scene.paused(begun.run)).why).toContain('The operator has switched Converge off (a key leaked).');
      await scene.until('the status comment to say it', () => scene.ours(begun.issue)[0]?.includes('switched Converge off (a key leaked)'));
      const approval = `/workflow approve ${planHash.slice(0, 12)}`;
      expect(await scene.reply(begun.issue, await scene.robin.say(begun.issue, approval))).toMatch(/\(a key leaked\).*Nothing was done/u);
      await rm(file);
      await scene.until('the run to go on', async () => (await scene.facts(begun.run))?.status !== 'paused');

      // While an agent is answered: that answer is kept, and none is asked for after it.
      switchOff = async () => {
        switchOff = null;
        await writeFile(file, '');
      };
      await scene.robin.say(begun.issue, approval);
      await scene.paused(begun.run);
      const { requests } = scene.claude.counts.snapshot();
      await scene.kill();
      await scene.restart();
      expect((await scene.paused(begun.run)).why).toContain('The operator has switched Converge off.');
      expect(scene.claude.counts.snapshot().requests).toBe(requests);
      expect(await scene.git('for-each-ref', '--format=%(refname)', 'refs/heads/converge')).not.toBe('');
      await rm(file);
      expect((await scene.ended(begun.run)).status).toBe('completed');
      expect(scene.claude.counts.snapshot()).toMatchObject({ repeated: 0 });

      const audit = spawnSync(process.execPath, [AUDIT, scene.dataDirectory, '--run', begun.run], { encoding: 'utf8' });
      expect(audit.status).toBe(0);
      const entries = audit.stdout
        .trim()
        .split('\n')
        .map((line): Record<string, unknown> => JSON.parse(line));
      const whats = entries.map(({ what }) => what);
      for (const what of ['run started', 'planned', 'approved', 'agent ended', 'effect done', 'shard accepted', 'run ended'])
        expect(whats).toContain(what);
      expect(whats.filter((what) => what === 'switched off')).toHaveLength(2);
      expect(entries.filter(({ what, command }) => what === 'command' && command === 'approve')).toMatchObject([
        { accepted: false, by: { login: 'robin' }, permission: 'admin' },
        { accepted: true, by: { login: 'robin' }, permission: 'admin' },
      ]);
      const agents = entries.filter(({ what }) => what === 'agent started');
      expect(agents.length).toBeGreaterThan(3);
      for (const { prompt, tools } of agents) expect([typeof prompt, Array.isArray(tools)]).toEqual(['string', true]);

      // Its body names the record, and what each shard rests on.
      const { pullRequest } = (await scene.facts(begun.run)) ?? {};
      const { data } = await scene.robin.octokit.rest.pulls.get({ owner: 'acme', repo: 'tally', pull_number: pullRequest?.number ?? 0 });
      expect(data.body).toMatch(/Receipts: \d+ shards?</u);
      const [, n, seal] = /Record: event (\d+), seal `([0-9a-f]{64})`/u.exec(data.body ?? '') ?? [];
      expect(Number(n)).toBeGreaterThan(20);
      const journal = new DatabaseSync(join(scene.dataDirectory, 'journal.sqlite'), { readOnly: true });
      expect(journal.prepare('SELECT seal FROM event WHERE scope = ? AND n = ?').get(begun.run, Number(n))).toEqual({ seal });
      journal.close();
    });
  },
);
