import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';

import type { StoredEvent } from '../../src/domain/events.ts';
import { openPostgresJournal, type PostgresJournal } from '../../src/journal/postgres.ts';
import { POSTGRES_HERE, startPostgres, type TestPostgres } from '../postgres.ts';
import { cuttable } from './cut.ts';
import { aCall, STARTED } from './support.ts';

describe.skipIf(!POSTGRES_HERE)('Postgres with several processes and faults', () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());

  async function open(url: string): Promise<PostgresJournal> {
    const journal = await openPostgresJournal({ url });
    onTestFinished(() => journal.close());
    return journal;
  }

  function log(text: string): { readonly type: 'log'; readonly text: string } {
    return { type: 'log', text };
  }

  /** Texts of log events, and that their numbers have no gap. */
  function texts(events: readonly StoredEvent[]): readonly string[] {
    expect(events.map(({ n }) => n)).toEqual(events.map((_, index) => index + 1));
    return events.flatMap(({ event }) => (event.type === 'log' ? [event.text] : []));
  }

  describe.each(['before the commit', 'after the commit'] as const)('a connection that is cut %s', (when) => {
    test('loses nothing and does nothing twice', async () => {
      const url = await server.database();
      const cut = await cuttable(url);
      const journal = await open(cut.url);
      const told: StoredEvent[] = [];
      journal.watch(null, (event) => told.push(event));
      cut.next(when);
      const answers = await Promise.all([
        journal.start({ run: 'r', trigger: '1', event: STARTED }),
        journal.append('r', [log('once')]),
        journal.intend('r', 'comment', null),
        journal.signal('r', { id: '5', name: 'approve', by: 'mona', text: '' }),
        journal.takeClaim({ run: 'r', key: null, owner: 'me' }),
      ]);
      expect(cut.count).toBe(1);
      const [started, appended, intended, signalled, claim] = answers;
      expect(started).toEqual({ run: 'r', created: true });
      expect(appended).toHaveLength(1);
      expect(intended).toEqual({ fresh: true, done: false, result: null });
      expect(signalled).toBe(true);
      expect(claim.attempt).toBe(1);
      const events = await journal.events('r');
      expect(events.map(({ event }) => event.type)).toEqual(['run.started', 'log', 'effect.intended', 'signal.received']);
      expect(told).toEqual(events);
    });

    test('in a transaction with others’ SQL, neither', async () => {
      const url = await server.database();
      const cut = await cuttable(url);
      const journal = await open(cut.url);
      await journal.transaction((tx) => tx.query('CREATE TABLE public.job (id TEXT)'));
      await journal.issue('r', [aCall('a')]);
      cut.next(when);
      const seq = await journal.settleWith({ run: 'r', key: 'a', outcome: { kind: 'value', value: 1 } }, async (tx) => {
        await tx.query("INSERT INTO public.job (id) VALUES ('done')");
      });
      expect(cut.count).toBe(1);
      expect(seq).toBe(1);
      expect(await journal.settled('r', 0)).toHaveLength(1);
      expect(await journal.transaction(async (tx) => (await tx.query('SELECT id FROM public.job')).rows)).toEqual([{ id: 'done' }]);
    });
  });

  test('a server that crashes under two writers loses nothing that was acknowledged and doubles nothing', async () => {
    const url = await server.database();
    const writers = [await open(url), await open(url)];
    const seen: StoredEvent[] = [];
    (await open(url)).watch('r', (event) => seen.push(event));
    const acknowledged: string[] = [];
    const life = { over: false };
    const lanes = writers.flatMap((journal, writer) =>
      ['a', 'b', 'c'].map(async (lane) => {
        for (let round = 0; !life.over; round += 1) {
          const text = `${writer} ${lane} ${round}`;
          await journal.append('r', [log(text)]);
          acknowledged.push(text);
          await journal.issue('r', [aCall(text)]);
          await journal.settle('r', text, { kind: 'value', value: text });
        }
      }),
    );
    for (let crash = 0; crash < 3; crash += 1) {
      const before = acknowledged.length;
      await vi.waitFor(() => expect(acknowledged.length).toBeGreaterThan(before + 20), { timeout: 20_000 });
      await server.crash();
    }
    const before = acknowledged.length;
    await vi.waitFor(() => expect(acknowledged.length).toBeGreaterThan(before + 20), { timeout: 20_000 });
    life.over = true;
    await Promise.all(lanes);
    const [journal = writers[1]] = writers;
    if (journal === undefined) throw new Error('no writer');
    const events = await journal.events('r');
    expect(texts(events).toSorted()).toEqual(acknowledged.toSorted());
    const settled = await journal.settled('r', 0);
    expect(settled.map(({ seq }) => seq)).toEqual(settled.map((_, index) => index + 1));
    expect(settled.map(({ key }) => key).toSorted()).toEqual(acknowledged.toSorted());
    await vi.waitFor(() => expect(seen).toHaveLength(events.length), { timeout: 20_000 });
    expect(seen).toEqual(events);
  }, 120_000);

  test('what others commit while nobody could hear it is told after the connection is back, in order and once', async () => {
    const url = await server.database();
    const cut = await cuttable(url);
    const listening = await open(cut.url);
    const told: StoredEvent[] = [];
    listening.watch('r', (event) => told.push(event));
    const other = await open(url);
    for (let n = 0; n < 30; n += 1) {
      if (n % 7 === 0) cut.all();
      await other.append('r', [log(`theirs ${n}`)]);
      if (n % 3 === 0) await listening.append('r', [log(`ours ${n}`)]);
    }
    const events = await other.events('r');
    await vi.waitFor(() => expect(told).toHaveLength(events.length), { timeout: 20_000 });
    expect(told).toEqual(events);
  });

  test('commits of a run are numbered without a gap, whoever makes them', async () => {
    const url = await server.database();
    const journals = [await open(url), await open(url), await open(url)];
    const [first] = journals;
    const keys = Array.from({ length: 90 }, (_, n) => String(n));
    await first?.issue(
      'r',
      keys.map((key) => aCall(key)),
    );
    const read: number[][] = [];
    await Promise.all(
      keys.map(async (key, n) => {
        const journal = journals[n % journals.length];
        if (journal === undefined) return;
        await journal.settle('r', key, { kind: 'value', value: n });
        read.push((await journal.settled('r', 0)).map(({ seq }) => seq));
      }),
    );
    // Whoever reads number n + 1 has read n.
    for (const numbers of read) expect(numbers).toEqual(numbers.map((_, index) => index + 1));
    expect(read.at(-1)).toHaveLength(keys.length);
    // And the same call, settled by all at once, ends once.
    await first?.issue('r', [aCall('same')]);
    const numbers = await Promise.all(journals.map((journal, n) => journal.settle('r', 'same', { kind: 'value', value: n })));
    expect(numbers).toEqual([91, 91, 91]);
  });

  test('a server that is not there is told, with its place and without its password', async () => {
    const url = new URL(await server.database());
    url.password = 'hush';
    url.pathname = '/nowhere';
    const refused = openPostgresJournal({ url: url.href });
    await expect(refused).rejects.toMatchObject({
      kind: 'journal',
      message: expect.stringMatching(/127\.0\.0\.1:\d+\/nowhere cannot be used.*DATABASE_URL/u),
    });
    await expect(refused).rejects.not.toMatchObject({ message: expect.stringContaining('hush') });
  });
});
