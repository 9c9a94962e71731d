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
    const behind = statements.executeSql('SELECT 7 AS n;');
    await expect(batch).rejects.toMatchObject({ code: '22012' });
    expect((await behind).rows).toEqual([{ n: 7 }]);
    expect((await statements.executeSql('SELECT $1::int AS n', [8])).rows).toEqual([{ n: 8 }]);
  });

  test('do not wait behind several in one text that wait for a lock', async () => {
    const url = await server.database();
    const statements = new Statements(url);
    onTestFinished(() => statements.close());
    const holder = new Statements(url);
    onTestFinished(() => holder.close());
    await holder.executeSql('SELECT pg_advisory_lock(1)');
    let waits = true;
    const upkeep = statements.executeSql('BEGIN; SELECT pg_advisory_xact_lock(1); SELECT 9 AS n; COMMIT').finally(() => (waits = false));
    expect((await statements.executeSql('SELECT $1::int AS n', [7])).rows).toEqual([{ n: 7 }]);
    expect(waits).toBe(true);
    await holder.executeSql('SELECT pg_advisory_unlock(1)');
    await upkeep;
  });
});
