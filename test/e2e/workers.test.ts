import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, onTestFailed, test } from 'vitest';
import { z } from 'zod';
import { inheritedEnvironment } from '../../src/config.ts';
import type { Ledger } from '../../src/domain/ledger.ts';
import type { StoredEvent } from '../../src/domain/events.ts';
import { storedEvent } from '../../src/journal/event-schema.ts';
import { POSTGRES_HERE, startPostgres, type TestPostgres } from '../postgres.ts';
import { type Begun, openScene, type Scene, type SceneOptions } from './support.ts';
import { openTogether, type Together } from './together.ts';
import { tail } from './waiting.ts';

/** The latency lets kills meet responses that are under way. */
const OPTIONS: SceneOptions = {
  tests: ['text', 'stats'],
  latencyMs: 150,
  waits: { redriveMs: 200, ciGraceMs: 300, retryWaits: 5, firstBackoff: 5, longestBackoff: 20 },
};

interface End {
  readonly status: string;
  readonly tree: string;
  readonly ledger: Ledger;
}

async function approve(scene: Scene, { run, issue }: Begun): Promise<void> {
  const { planHash } = await scene.planned(run);
  await scene.robin.say(issue, `/workflow approve ${planHash.slice(0, 12)}`);
}

async function undisturbed(): Promise<End> {
  const scene = await openScene({ ...OPTIONS, latencyMs: 0 });
  try {
    const { run } = await scene.through();
    const journal = new DatabaseSync(join(scene.dataDirectory, 'journal.sqlite'), { readOnly: true });
    const end = endIn(
      z.array(storedEvent).parse(journal.prepare('SELECT scope, n, at, body FROM event WHERE scope = ? ORDER BY n').all(run)),
    );
    journal.close();
    if (end === undefined) throw new Error('the undisturbed run has no end');
    return { ...end, tree: await scene.git('rev-parse', `converge/${run}^{tree}`) };
  } finally {
    await scene.close();
  }
}

function endIn(events: readonly StoredEvent[]): Omit<End, 'tree'> | undefined {
  return events.map(({ event }) => event).find((event) => event.type === 'run.ended');
}

async function withTogether(postgres: TestPostgres, play: (together: Together) => Promise<void>): Promise<void> {
  const together = await openTogether(await postgres.database(), OPTIONS);
  onTestFailed(() => console.error(`${tail(together.scene.log)}\n${tail(together.log)}`));
  try {
    await play(together);
  } finally {
    await together.close();
  }
}

const STORED = "SELECT count(*)::int AS n FROM converge.checkpoint WHERE part = 'response'";

async function stored({ rows }: Together): Promise<number> {
  return Number((await rows(STORED))[0]?.['n']);
}

describe.skipIf(!POSTGRES_HERE)('a run that is shared by processes on one Postgres', () => {
  let postgres: TestPostgres;
  let expected: End;
  beforeAll(async () => {
    postgres = await startPostgres();
    expected = await undisturbed();
  }, 120_000);
  afterAll(async () => {
    await postgres.stop();
  });

  test('two workers carry out its calls; one is killed, and the other goes on where it was', async () => {
    await withTogether(postgres, async (together) => {
      const { scene } = together;
      const doomed = await together.worker();
      await together.worker();
      const begun = await scene.begin();
      await approve(scene, begun);
      const planned = await scene.until('calls with the workers', async () => {
        const events = await together.events(begun.run);
        const at = events.findIndex(({ event }) => event.type === 'call.issued');
        return at === -1 ? undefined : await stored(together);
      });
      await scene.until('a few turns of the workers', async () => (await stored(together)) >= planned + 3);
      await doomed.end('SIGKILL');
      const unfinished = scene.claude.counts.snapshot().requests - (await stored(together));
      const end = await scene.until('the end', async () => endIn(await together.events(begun.run)), 150_000);
      expect(end.status).toBe(expected.status);
      expect(end.ledger).toEqual(expected.ledger);
      expect(await scene.git('rev-parse', `converge/${begun.run}^{tree}`)).toBe(expected.tree);
      const { answered, repeated } = scene.claude.counts.snapshot();
      expect(answered - (await stored(together))).toBeLessThanOrEqual(unfinished);
      expect(repeated).toBeLessThanOrEqual(unfinished);
    });
  }, 240_000);

  test('an App that drives it is killed, and another one takes it over', async () => {
    await withTogether(postgres, async (together) => {
      const { scene } = together;
      await together.worker();
      const begun = await scene.begin();
      await approve(scene, begun);
      await scene.until('a call of the script', async () =>
        (await together.events(begun.run)).some(({ event }) => event.type === 'call.issued'),
      );
      const other = await together.app();
      await scene.kill();
      const end = await scene.until('the end', async () => endIn(await together.events(begun.run)), 150_000);
      expect(end.status).toBe(expected.status);
      expect(end.ledger).toEqual(expected.ledger);
      expect(await scene.git('rev-parse', `converge/${begun.run}^{tree}`)).toBe(expected.tree);
      await scene.until('the other App to show it', async () => (await other.facts(begun.run))?.status === expected.status);
      const { answered } = scene.claude.counts.snapshot();
      expect(answered).toBe(await stored(together));
    });
  }, 240_000);

  test('switched off for all, workers ask for nothing more; switched on, the run goes on by itself, and the audit log tells it', async () => {
    await withTogether(postgres, async (together) => {
      const { scene } = together;
      await together.worker();
      const begun = await scene.begin();
      await approve(scene, begun);
      await scene.until('a call of the script', async () =>
        (await together.events(begun.run)).some(({ event }) => event.type === 'call.issued'),
      );
      const environment = { ...inheritedEnvironment(), DATABASE_URL: together.url };
      const program = (file: string, ...words: readonly string[]) =>
        spawnSync(process.execPath, [fileURLToPath(new URL(`../../src/${file}`, import.meta.url)), ...words], {
          encoding: 'utf8',
          env: environment,
        });
      expect(program('turn-switch.ts', 'off', 'a leak').status).toBe(0);
      expect((await scene.paused(begun.run)).why).toContain('The operator has switched Converge off (a leak).');
      const { requests } = scene.claude.counts.snapshot();
      await scene.until('all answers to be stored', async () => (await stored(together)) === scene.claude.counts.snapshot().answered);
      expect(scene.claude.counts.snapshot().requests).toBe(requests);
      expect(program('turn-switch.ts', 'on').status).toBe(0);
      const end = await scene.until('the end', async () => endIn(await together.events(begun.run)), 150_000);
      expect(end.ledger).toEqual(expected.ledger);
      expect(await scene.git('rev-parse', `converge/${begun.run}^{tree}`)).toBe(expected.tree);
      expect(scene.claude.counts.snapshot()).toMatchObject({ repeated: 0 });

      const audit = program('audit/export.ts', '--run', begun.run);
      expect(audit).toMatchObject({ status: 0, stderr: expect.not.stringContaining('BROKEN') });
      for (const what of ['approved', 'agent ended', 'effect done', 'switched off', 'switched on'])
        expect(audit.stdout).toContain(`"what":"${what}"`);
    });
  }, 240_000);

  test('a shard that comes back is made again on what a person pushed, and nothing of theirs is taken back', async () => {
    await withTogether(postgres, async (together) => {
      const { scene } = together;
      await together.worker();
      const begun = await scene.begin();
      await scene.planned(begun.run);
      const branch = `converge/${begun.run}`;
      const path = 'test/text/plural.test.js';
      const text = (await scene.git('show', `main:${path}`)).replaceAll("'plural'", "'plurals, by hand'");
      await scene.push(branch, { [path]: `${text}\n`, 'NOTES.md': 'Mind the gap.\n' }, 'Another title');
      await approve(scene, begun);
      await scene.until('the end', async () => endIn(await together.events(begun.run)), 150_000);
      expect((await together.events(begun.run)).some(({ event }) => event.type === 'shard.returned')).toBe(true);
      expect(await scene.git('show', `${branch}:NOTES.md`)).toBe('Mind the gap.');
      expect(await scene.git('show', `${branch}:${path}`)).toContain('plurals, by hand');
    });
  }, 240_000);
});
