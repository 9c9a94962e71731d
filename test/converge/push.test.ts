import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { pushOnce, type Pusher } from '../../src/converge/push.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { openPostgresJournal } from '../../src/journal/postgres.ts';
import { STARTED } from '../journal/support.ts';
import { POSTGRES_HERE, startPostgres, type TestPostgres } from '../postgres.ts';

const PUSH = { key: 'push/converged/1', commit: 'c0ffee', branch: 'converge/r' };

describe.skipIf(!POSTGRES_HERE)('a push by a driver', () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());

  /** A driver with its claim; `asleep` happens between what it intends and what it does. */
  async function driver(asleep: (take: () => Promise<unknown>) => Promise<unknown>): Promise<{ house: Pusher; pushed: readonly string[] }> {
    const journal = await openPostgresJournal({ url: await server.database() });
    onTestFinished(() => journal.close());
    await journal.start({ run: 'r', trigger: '1', event: STARTED });
    const mine: Journal = journal.fenced(await journal.takeClaim({ run: 'r', key: null, owner: 'me' }));
    const pushed: string[] = [];
    const house: Pusher = {
      run: 'r',
      journal: {
        intend: async (...intent) => {
          const state = await mine.intend(...intent);
          await asleep(() => journal.takeClaim({ run: 'r', key: null, owner: 'another' }));
          return state;
        },
        events: (scope) => mine.events(scope),
        confirm: () => mine.confirm(),
        done: (...done) => mine.done(...done),
      },
      repository: {
        push: ({ branch }) => {
          pushed.push(branch);
          return Promise.resolve({ kind: 'pushed' });
        },
      },
    };
    return { house, pushed };
  }

  test('is made while the run is its own', async () => {
    const { house, pushed } = await driver(() => Promise.resolve());
    expect(await pushOnce(house, PUSH)).toMatchObject({ kind: 'pushed', replayed: false });
    expect(pushed).toEqual(['converge/r']);
  });

  test('that slept while another took the run over is not made', async () => {
    const { house, pushed } = await driver((take) => take());
    await expect(pushOnce(house, PUSH)).rejects.toMatchObject({ name: 'Suspended', reason: 'stopping' });
    expect(pushed).toEqual([]);
  });
});
