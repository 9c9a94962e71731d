import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';

import type { Journal } from '../../src/journal/journal.ts';
import { openPostgresJournal, type PostgresJournal } from '../../src/journal/postgres.ts';
import { POSTGRES_HERE, startPostgres, type TestPostgres } from '../postgres.ts';
import { journalConformance } from './conformance.ts';

describe.skipIf(!POSTGRES_HERE)('Postgres', () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());

  async function open(url: string, clock?: () => Date): Promise<PostgresJournal> {
    const journal = await openPostgresJournal({ url, ...(clock === undefined ? {} : { clock }) });
    onTestFinished(() => journal.close());
    return journal;
  }

  describe('every journal', () => {
    journalConformance(async (clock) => {
      const url = await server.database();
      let journal: Journal = await openPostgresJournal({ url, clock });
      onTestFinished(() => journal.close());
      return {
        journal,
        reopen: async () => {
          await journal.close();
          journal = await openPostgresJournal({ url, clock });
          return journal;
        },
      };
    });
  });

  describe('a claim', () => {
    test('that somebody else took since writes nothing, and says who', async () => {
      const journal = await open(await server.database());
      const first = await journal.takeClaim({ run: 'r', key: null, owner: 'a' });
      const sleeper = journal.fenced(first);
      await sleeper.append('r', [{ type: 'log', text: 'mine' }]);
      const second = await journal.takeClaim({ run: 'r', key: null, owner: 'b' });
      expect([first.attempt, second.attempt]).toEqual([1, 2]);
      await expect(sleeper.append('r', [{ type: 'log', text: 'late' }])).rejects.toMatchObject({
        name: 'Suspended',
        reason: 'stopping',
        message: expect.stringContaining('(b) has taken over run r'),
      });
      await journal.fenced(second).append('r', [{ type: 'log', text: 'next' }]);
      expect((await journal.events('r')).map(({ event }) => event)).toEqual([
        { type: 'log', text: 'mine' },
        { type: 'log', text: 'next' },
      ]);
    });
  });
});
