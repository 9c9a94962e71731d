import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { Statements } from '../../src/journal/postgres-statements.ts';
import { POSTGRES_HERE, startPostgres, type TestPostgres } from '../postgres.ts';

describe.skipIf(!POSTGRES_HERE)('statements of a queue', () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());

  test('go on after a transaction in one text that failed on its way, those in line with it too', async () => {
    const statements = new Statements(await server.database());
    onTestFinished(() => statements.close());
    const batch = statements.executeSql('BEGIN; SELECT 1 / 0; COMMIT');
    const behind = statements.executeSql('SELECT $1::int AS n', [7]);
    await expect(batch).rejects.toMatchObject({ code: '22012' });
    expect((await behind).rows).toEqual([{ n: 7 }]);
    expect((await statements.executeSql('SELECT 8 AS n')).rows).toEqual([{ n: 8 }]);
  });
});
