import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';

import type { Journal } from '../../src/journal/journal.ts';
import { eventsOfDatabase } from '../../src/journal/sealed-events.ts';
import type { SqlTransaction } from '../../src/journal/postgres-together.ts';
import { openPostgresJournal, type PostgresJournal } from '../../src/journal/postgres.ts';
import { POSTGRES_HERE, startPostgres, type TestPostgres } from '../postgres.ts';
import { journalConformance } from './conformance.ts';
import { sealConformance } from './seals.ts';
import { aCall, fill, STARTED } from './support.ts';

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

  describe('seals', () => {
    sealConformance(async () => {
      const url = await server.database();
      let journal = await openPostgresJournal({ url });
      onTestFinished(() => journal.close());
      return {
        journal,
        reopen: async () => {
          await journal.close();
          journal = await openPostgresJournal({ url });
          return journal;
        },
        sql: async (statement) => {
          const client = new Client({ connectionString: url });
          await client.connect();
          await client.query(`SET search_path TO converge; ${statement}`);
          await client.end();
        },
        stored: () => eventsOfDatabase(url),
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
      await expect(sleeper.confirm()).rejects.toMatchObject({ name: 'Suspended', reason: 'stopping' });
      await journal.fenced(second).confirm();
      await journal.fenced(second).append('r', [{ type: 'log', text: 'next' }]);
      expect((await journal.events('r')).map(({ event }) => event)).toEqual([
        { type: 'log', text: 'mine' },
        { type: 'log', text: 'next' },
      ]);
    });
  });

  describe('taking a call', () => {
    const took = (owner: string) => ({ run: 'r', key: 'a', owner });

    test('gives it with a claim that ends the one before, while it is open', async () => {
      const journal = await open(await server.database());
      await journal.start({ run: 'r', trigger: 't', event: STARTED });
      expect(await journal.takeCall(took('one'))).toBeNull();
      await journal.issue('r', [aCall('a')]);
      const first = await journal.takeCall(took('one'));
      const second = await journal.takeCall(took('two'));
      expect([first, second]).toMatchObject([
        { call: aCall('a'), claim: { key: 'a', attempt: 1 } },
        { call: aCall('a'), claim: { key: 'a', attempt: 2 } },
      ]);
      const outcome = { kind: 'value', value: 1 } as const;
      if (first === null || second === null) throw new Error('nothing was taken');
      await expect(journal.fenced(first.claim).settle('r', 'a', outcome)).rejects.toMatchObject({ reason: 'stopping' });
      await journal.fenced(second.claim).settle('r', 'a', outcome);
      expect(await journal.takeCall(took('three'))).toBeNull();
    });

    test('takes nothing of a run that has ended', async () => {
      const journal = await open(await server.database());
      await journal.start({ run: 'r', trigger: 't', event: STARTED });
      await journal.issue('r', [aCall('a')]);
      await journal.append('r', [{ type: 'run.ended', status: 'stopped', why: 'a person said so', ledger: [] }]);
      expect(await journal.takeCall(took('one'))).toBeNull();
    });
  });

  describe('a transaction with the SQL of others', () => {
    async function withJobs(): Promise<{ journal: PostgresJournal; jobs: () => Promise<readonly unknown[]> }> {
      const journal = await open(await server.database());
      await journal.transaction((tx) => tx.query('CREATE TABLE public.job (id TEXT)'));
      await journal.issue('r', [aCall('a')]);
      return { journal, jobs: () => journal.transaction(async (tx) => (await tx.query('SELECT id FROM public.job')).rows) };
    }

    test('settles and completes, and is told', async () => {
      const { journal, jobs } = await withJobs();
      const told: string[] = [];
      journal.watch('r', ({ event }) => told.push(event.type));
      const seq = await journal.settleWith({ run: 'r', key: 'a', outcome: { kind: 'value', value: 1 } }, async (tx) => {
        expect(await tx.query('INSERT INTO public.job (id) VALUES ($1)', ['done'])).toMatchObject({ rowCount: 1 });
      });
      expect(seq).toBe(1);
      expect(told).toEqual(['call.settled']);
      expect(await jobs()).toEqual([{ id: 'done' }]);
    });

    test('does neither when the others refuse', async () => {
      const { journal, jobs } = await withJobs();
      const refused = journal.settleWith({ run: 'r', key: 'a', outcome: { kind: 'value', value: 1 } }, async (tx) => {
        await tx.query("INSERT INTO public.job (id) VALUES ('done')");
        throw new Error('lost claim');
      });
      await expect(refused).rejects.toThrow('lost claim');
      expect(await journal.call('r', 'a')).toMatchObject({ settled: null });
      expect(await jobs()).toEqual([]);
    });

    test('does neither behind a claim that somebody else took', async () => {
      const { journal, jobs } = await withJobs();
      const sleeper = journal.fenced(await journal.takeClaim({ run: 'r', key: 'a', owner: 'one' }));
      await journal.takeClaim({ run: 'r', key: 'a', owner: 'two' });
      const insert = async (tx: SqlTransaction): Promise<void> => void (await tx.query("INSERT INTO public.job (id) VALUES ('done')"));
      const outcome = { kind: 'null', cause: 'late' } as const;
      await expect(sleeper.settleWith({ run: 'r', key: 'a', outcome }, insert)).rejects.toMatchObject({ reason: 'stopping' });
      await expect(sleeper.transaction(insert)).rejects.toMatchObject({ reason: 'stopping' });
      expect(await journal.call('r', 'a')).toMatchObject({ settled: null });
      expect(await jobs()).toEqual([]);
    });
  });

  describe('the index tables', () => {
    const INDEXES = ['status', 'step', 'call', 'effect', 'signal', 'spend', 'balance', 'agent', 'work'];

    /** Every row of every index table. */
    function dump(journal: PostgresJournal): Promise<unknown> {
      return journal.transaction(async (tx) => {
        const tables: unknown[] = [];
        for (const name of INDEXES) tables.push({ name, rows: (await tx.query(`SELECT * FROM converge.${name} ORDER BY 1, 2`)).rows });
        return tables;
      });
    }

    test('dropped and made again from the events are the same, also when they were damaged', async () => {
      const journal = await open(await server.database());
      await fill(journal);
      const before = await dump(journal);
      expect(JSON.stringify(before)).toContain('"account":"installation/2026-11","dollars":60');
      await journal.rebuild();
      expect(await dump(journal)).toEqual(before);
      for (const sql of ['DELETE FROM converge.call', 'UPDATE converge.balance SET dollars = 0', 'DROP TABLE converge.signal']) {
        await journal.transaction((tx) => tx.query(sql));
      }
      await journal.rebuild();
      expect(await dump(journal)).toEqual(before);
      expect(await journal.settle('a', '3', { kind: 'value', value: null })).toBe(3);
    });

    test('are made again while others write, and lose nothing', async () => {
      const url = await server.database();
      const [journal, other] = [await open(url), await open(url)];
      await fill(journal);
      const writes = Array.from({ length: 40 }, async (_, n) => {
        await other.issue('a', [aCall(`more ${n}`)]);
        await other.settle('a', `more ${n}`, { kind: 'value', value: n });
      });
      await journal.rebuild();
      await Promise.all(writes);
      const before = await dump(journal);
      await journal.rebuild();
      expect(await dump(journal)).toEqual(before);
      expect(await journal.settled('a', 0)).toHaveLength(42);
    });

    test('of an older version are rebuilt when the journal is opened, and those of a newer one are left alone', async () => {
      const url = await server.database();
      const journal = await open(url);
      await fill(journal);
      const before = await dump(journal);
      await journal.transaction((tx) => tx.query('UPDATE converge.version SET number = 0'));
      await journal.transaction((tx) => tx.query('DELETE FROM converge.spend'));
      expect(await dump(await open(url))).toEqual(before);
      await journal.transaction((tx) => tx.query('UPDATE converge.version SET number = 99'));
      const newer = { kind: 'journal', message: expect.stringContaining('newer Converge (version 99') };
      await expect(openPostgresJournal({ url })).rejects.toMatchObject(newer);
      await expect(journal.append('a', [{ type: 'log', text: 'with old rules' }])).rejects.toMatchObject(newer);
    });
  });

  test('what Postgres cannot hold is refused alone', async () => {
    const journal = await open(await server.database());
    const [held, refused] = await Promise.allSettled([
      journal.append('r', [{ type: 'log', text: 'fine: \u0000 \ud800' }]),
      journal.append('a scope with \u0000', [{ type: 'log', text: '' }]),
    ]);
    expect(held.status).toBe('fulfilled');
    expect(refused).toMatchObject({ status: 'rejected', reason: { kind: 'journal' } });
    expect((await journal.events('r')).map(({ event }) => event)).toEqual([{ type: 'log', text: 'fine: \u0000 \ud800' }]);
  });

  test('commits that were asked for before the close are written, and none after', async () => {
    const url = await server.database();
    const journal = await openPostgresJournal({ url });
    const asked = journal.append('r', [{ type: 'log', text: 'asked' }]);
    await journal.close();
    await asked;
    await expect(journal.append('r', [{ type: 'log', text: 'late' }])).rejects.toMatchObject({ kind: 'journal', retry: 'later' });
    expect(await (await open(url)).events('r')).toHaveLength(1);
  });
});
