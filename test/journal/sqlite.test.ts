import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import * as fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';

import { Database } from '../../src/journal/database.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { eventsOfFile } from '../../src/journal/sealed-events.ts';
import { readableEvents } from '../../src/journal/salvage.ts';
import { openSqliteJournal, type SqliteJournal } from '../../src/journal/sqlite.ts';
import { journalConformance } from './conformance.ts';
import { sealConformance } from './seals.ts';
import { aCall, aReservation, anAccount, fill, someUsage, spendingOf, temporaryDirectory } from './support.ts';

const EXPORT = fileURLToPath(new URL('../../src/journal/export.ts', import.meta.url));

async function open(directory = temporaryDirectory()): Promise<SqliteJournal> {
  const journal = await openSqliteJournal({ directory });
  onTestFinished(() => journal.close());
  return journal;
}

describe('every journal', () => {
  journalConformance(async (clock) => {
    const directory = temporaryDirectory();
    let journal: Journal = await openSqliteJournal({ directory, clock });
    onTestFinished(() => journal.close());
    return {
      journal,
      reopen: async () => {
        await journal.close();
        journal = await openSqliteJournal({ directory, clock });
        return journal;
      },
    };
  });
});

describe('seals', () => {
  sealConformance(async () => {
    const directory = temporaryDirectory();
    const file = join(directory, 'journal.sqlite');
    let journal = await openSqliteJournal({ directory });
    onTestFinished(() => journal.close());
    return {
      journal,
      reopen: async () => {
        await journal.close();
        journal = await openSqliteJournal({ directory });
        return journal;
      },
      sql: async (statement) => {
        const database = new DatabaseSync(file);
        database.exec(statement);
        database.close();
      },
      stored: () => eventsOfFile(file),
    };
  });
});

describe('the data directory', () => {
  test('belongs to one journal at a time', async () => {
    const directory = temporaryDirectory();
    const first = await openSqliteJournal({ directory });
    await expect(openSqliteJournal({ directory })).rejects.toMatchObject({
      kind: 'journal',
      message: expect.stringContaining(`Another Converge process is writing the data directory ${directory}`),
    });
    await first.close();
    await open(directory);
  });

  test('is made when it is absent', async () => {
    const directory = join(temporaryDirectory(), 'deep', 'down');
    const journal = await open(directory);
    await journal.append('r', [{ type: 'log', text: 'here' }]);
    expect(await journal.events('r')).toHaveLength(1);
  });

  test('that cannot be used is told with its path, what was expected and what to do', async () => {
    const file = join(temporaryDirectory(), 'file');
    writeFileSync(file, '');
    await expect(openSqliteJournal({ directory: join(file, 'data') })).rejects.toMatchObject({
      kind: 'journal',
      message: expect.stringMatching(new RegExp(`${file}/data cannot be used: .*Expected a directory.*Set DATA_DIR`, 'u')),
    });
  });

  test('with a file that is no journal is told, and is not held afterwards', async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'journal.sqlite'), 'this is no database, and it is long enough to have a header '.repeat(9));
    for (let attempt = 0; attempt < 2; attempt += 1) {
      await expect(openSqliteJournal({ directory })).rejects.toMatchObject({ message: expect.stringContaining('file is not a database') });
    }
  });

  test('of a newer Converge is refused', async () => {
    const directory = temporaryDirectory();
    await (await openSqliteJournal({ directory })).close();
    const database = new DatabaseSync(join(directory, 'journal.sqlite'));
    database.exec('PRAGMA user_version = 99');
    database.close();
    await expect(openSqliteJournal({ directory })).rejects.toMatchObject({
      message: expect.stringContaining('newer Converge (version 99'),
    });
  });
});

const INDEXES = ['status', 'step', 'call', 'effect', 'signal', 'spend', 'balance', 'agent', 'work'];

/** Every row of every index table, and their definitions. */
function dump(directory: string): unknown {
  const database = new DatabaseSync(join(directory, 'journal.sqlite'), { readOnly: true });
  const tables = INDEXES.map((name) => {
    const rows = database.prepare(`SELECT * FROM ${name} ORDER BY 1, 2`).all();
    return { name, rows };
  });
  const definitions = database.prepare('SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY sql').all();
  database.close();
  return { tables, definitions };
}

describe('the index tables', () => {
  test('dropped and made again from the events are the same', async () => {
    const directory = temporaryDirectory();
    const journal = await open(directory);
    await fill(journal);
    const before = dump(directory);
    expect(JSON.stringify(before)).toContain('"account":"installation/2026-11","dollars":60');
    await journal.rebuild();
    expect(dump(directory)).toEqual(before);
  });

  test('that were damaged are mended by a rebuild', async () => {
    const directory = temporaryDirectory();
    const journal = await open(directory);
    await fill(journal);
    const before = dump(directory);
    const damage = new DatabaseSync(join(directory, 'journal.sqlite'));
    damage.exec("DELETE FROM call; UPDATE balance SET dollars = 0; UPDATE status SET status = 'paused'; DROP TABLE signal");
    damage.close();
    await journal.rebuild();
    expect(dump(directory)).toEqual(before);
    expect(await journal.settle('a', '3', { kind: 'value', value: null })).toBe(3);
  });

  test('of an older version are rebuilt when the journal is opened', async () => {
    const directory = temporaryDirectory();
    const journal = await openSqliteJournal({ directory });
    await fill(journal);
    const before = dump(directory);
    await journal.close();
    const older = new DatabaseSync(join(directory, 'journal.sqlite'));
    older.exec('PRAGMA user_version = 0; DELETE FROM spend');
    older.close();
    await open(directory);
    expect(dump(directory)).toEqual(before);
  });
});

describe('a damaged file', () => {
  /** Writes noise over pages in the middle of a journal with so many events; gives the lines of the events before that. */
  async function damage(directory: string): Promise<readonly string[]> {
    const file = join(directory, 'journal.sqlite');
    const journal = await openSqliteJournal({ directory });
    for (let n = 0; n < 200; n += 1) await journal.append('r', [{ type: 'log', text: `${n} ${'x'.repeat(2000)}` }]);
    await journal.close();
    const sound = [...readableEvents(file)];
    expect(sound).toHaveLength(200);
    const bytes = readFileSync(file);
    const middle = bytes.indexOf('100 xxx');
    bytes.fill(0xab, middle - (middle % 4096), middle - (middle % 4096) + 4096);
    writeFileSync(file, bytes);
    return sound;
  }

  test('is not written to; what is wrong and what to do is told', async () => {
    const directory = temporaryDirectory();
    await damage(directory);
    const before = readFileSync(join(directory, 'journal.sqlite'));
    for (let attempt = 0; attempt < 2; attempt += 1) {
      await expect(openSqliteJournal({ directory })).rejects.toMatchObject({
        kind: 'journal',
        message: expect.stringMatching(/journal\.sqlite is damaged: .*Nothing was written.*npm run --silent export -- .*> events\.jsonl/su),
      });
    }
    expect(readFileSync(join(directory, 'journal.sqlite')).equals(before)).toBe(true);
  });

  test('of which only the index of the events is damaged is refused as well, and all of it can be read', async () => {
    const directory = temporaryDirectory();
    const file = join(directory, 'journal.sqlite');
    const journal = await openSqliteJournal({ directory });
    for (let n = 0; n < 40; n += 1) await journal.append('scope-a', [{ type: 'log', text: `${n}` }]);
    await journal.close();
    const sound = [...readableEvents(file)];
    spoilIndex(file, 'scope-a');
    await expect(openSqliteJournal({ directory })).rejects.toMatchObject({
      kind: 'journal',
      message: expect.stringMatching(/is damaged: .*index.*npm run --silent export -- /su),
    });
    expect([...readableEvents(file)]).toEqual(sound);
  });

  /** Other keys for three of the index's rows: no page is broken, and nobody finds these events by their scope. */
  function spoilIndex(file: string, key: string): void {
    const database = new DatabaseSync(file);
    const found = database
      .prepare("SELECT rootpage, page_size FROM sqlite_schema, pragma_page_size WHERE name = 'sqlite_autoindex_event_1'")
      .get();
    database.close();
    const { rootpage, page_size: size } = z.object({ rootpage: z.number(), page_size: z.number() }).parse(found);
    const bytes = readFileSync(file);
    const page = bytes.subarray((rootpage - 1) * size, rootpage * size);
    for (let at = page.indexOf(key), rows = 0; at !== -1 && rows < 3; at = page.indexOf(key, at + 1), rows += 1)
      page[at + key.length - 1] = 122;
    writeFileSync(file, bytes);
  }

  test('gives every event that lies on other pages', async () => {
    const directory = temporaryDirectory();
    const sound = await damage(directory);
    const { stdout, stderr } = spawnSync(process.execPath, [EXPORT, directory], { encoding: 'utf8' });
    const read = stdout.trim().split('\n');
    expect(sound).toEqual(expect.arrayContaining(read));
    expect(read.length).toBeLessThan(200);
    expect(read.length).toBeGreaterThanOrEqual(196);
    expect(JSON.parse(read.at(-1) ?? '')).toMatchObject({
      scope: 'r',
      n: 200,
      event: { type: 'log', text: expect.stringMatching(/^199 x/u) },
    });
    expect(stderr).toContain(`${read.length} events of`);
  });

  test('that is not there is told by the export', () => {
    const directory = temporaryDirectory();
    expect(spawnSync(process.execPath, [EXPORT, directory], { encoding: 'utf8' })).toMatchObject({
      status: 1,
      stderr: expect.stringContaining(directory),
    });
  });

  test.each([[['one', 'two']], [['--from', 'one']]])('%j: the export refuses what it does not take', (words) => {
    expect(spawnSync(process.execPath, [EXPORT, ...words], { encoding: 'utf8' })).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringContaining('usage: npm run --silent export --'),
    });
  });
});

test('a commit is synced before it is acknowledged: SQLite syncs its log before it copies from it, and we sync the log after each commit', async () => {
  const directory = temporaryDirectory();
  const database = new Database(join(directory, 'journal.sqlite'));
  onTestFinished(() => database.close());
  expect(database.first({ sql: 'PRAGMA journal_mode', values: [] })).toEqual({ journal_mode: 'wal' });
  // 1 is NORMAL: https://sqlite.org/pragma.html#pragma_synchronous
  expect(database.first({ sql: 'PRAGMA synchronous', values: [] })).toEqual({ synchronous: 1 });
  database.commit([{ sql: 'CREATE TABLE t (a)', values: [] }]);
  await database.sync();
  const log = statSync(join(directory, 'journal.sqlite-wal'));
  const open = readdirSync('/proc/self/fd').map((fd) => statSync(`/proc/self/fd/${fd}`, { throwIfNoEntry: false })?.ino);
  expect(open.filter((inode) => inode === log.ino)).toHaveLength(2);
});

describe('commits', () => {
  test('of one tick share one transaction', async () => {
    const directory = temporaryDirectory();
    const journal = await open(directory);
    const log = join(directory, 'journal.sqlite-wal');
    const commitsBefore = committedTransactions(readFileSync(log));
    await Promise.all(Array.from({ length: 50 }, (_, n) => journal.append('r', [{ type: 'log', text: `${n}` }])));
    expect(committedTransactions(readFileSync(log)) - commitsBefore).toBe(1);
    await journal.append('r', [{ type: 'log', text: 'another tick' }]);
    expect(committedTransactions(readFileSync(log)) - commitsBefore).toBe(2);
  });

  test('that resolved are in a copy of the files taken at that moment', async () => {
    const directory = temporaryDirectory();
    const journal = await open(directory);
    const copy = temporaryDirectory();
    await journal.append('r', [{ type: 'log', text: 'kept' }]);
    cpSync(directory, copy, { recursive: true });
    expect(await (await open(copy)).events('r')).toHaveLength(1);
  });

  test('that were asked for before the close are written, and none after', async () => {
    const directory = temporaryDirectory();
    const journal = await openSqliteJournal({ directory });
    const asked = journal.append('r', [{ type: 'log', text: 'asked' }]);
    await journal.close();
    await asked;
    await expect(journal.append('r', [{ type: 'log', text: 'late' }])).rejects.toMatchObject({ kind: 'journal', retry: 'later' });
    expect(await (await open(directory)).events('r')).toHaveLength(1);
  });
});

describe('what is remembered of the last commits', () => {
  test('gives the events after any place as the file has them, however many runs write in between', async () => {
    const directory = temporaryDirectory();
    const journal = await open(directory);
    const scopes = ['a', 'b', 'c'];
    await Promise.all(
      Array.from({ length: 700 }, (_, n) => scopes.map((scope) => journal.append(scope, [{ type: 'log', text: `${scope} ${n}` }]))).flat(),
    );
    const copy = temporaryDirectory();
    cpSync(directory, copy, { recursive: true });
    const read = await open(copy);
    for (const scope of [...scopes, 'never written'])
      for (const after of [0, 1, 300, 349, 350, 351, 420, 500, 698, 699, 700, 701])
        expect(await journal.events(scope, after), `${scope} after ${after}`).toEqual(await read.events(scope, after));
  });

  test('gives the calls that settled after any place as the file has them, however many runs settle in between', async () => {
    const directory = temporaryDirectory();
    const journal = await open(directory);
    for (const run of ['a', 'b'])
      await journal.issue(
        run,
        Array.from({ length: 400 }, (_, n) => aCall(`${n}`, { args: [n] })),
      );
    await Promise.all(
      Array.from({ length: 400 }, (_, n) =>
        ['a', 'b'].map((run) =>
          journal.settle(run, `${399 - n}`, n % 2 === 0 ? { kind: 'value', value: n } : { kind: 'null', cause: `${n}` }),
        ),
      ).flat(),
    );
    const copy = temporaryDirectory();
    cpSync(directory, copy, { recursive: true });
    const read = await open(copy);
    for (const run of ['a', 'b', 'never written'])
      for (const after of [0, 1, 150, 250, 271, 272, 273, 300, 398, 399, 400, 401])
        expect(await journal.settled(run, after), `${run} after ${after}`).toEqual(await read.settled(run, after));
  });

  test('a record that was read gives what is written after it, too, and an open call as it was issued', async () => {
    const directory = temporaryDirectory();
    const journal = await openSqliteJournal({ directory });
    await fill(journal);
    await journal.close();
    const again = await open(directory);
    const record = await again.events('a');
    await again.append('a', [{ type: 'log', text: 'later' }]);
    expect(await again.events('a')).toMatchObject([...record, { n: record.length + 1, event: { text: 'later' } }]);
    expect(await again.events('a', record.length)).toHaveLength(1);
    expect(await again.events('a', record.length + 1)).toEqual([]);

    const call = { key: 'open#1', kind: 'agent', label: 'l', phase: 'p', input: { prompt: 'x' }, args: ['x'] };
    await again.issue('a', [call]);
    expect(await again.call('a', call.key)).toEqual({ ...call, settled: null });
    await again.settle('a', call.key, { kind: 'value', value: 1 });
    expect((await again.call('a', call.key))?.settled).toMatchObject({ outcome: { kind: 'value', value: 1 } });
  });

  test('a write that is refused leaves nothing of itself there', async () => {
    const directory = temporaryDirectory();
    const journal = await open(directory);
    await fill(journal);
    const together = await Promise.allSettled([
      journal.append('a', [
        { type: 'log', text: 'goes with what is refused' },
        { type: 'spend.charged', id: 'nobody', amount: 1, usage: someUsage(), known: true },
      ]),
      journal.append('a', [{ type: 'log', text: 'beside it' }]),
    ]);
    expect(together.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
    const events = await journal.events('a');
    expect(await journal.events('a', events.length - 1)).toMatchObject([{ n: events.length, event: { text: 'beside it' } }]);
    await journal.append('a', [{ type: 'log', text: 'after it' }]);
    expect(await journal.events('a', events.length)).toMatchObject([{ n: events.length + 1, event: { text: 'after it' } }]);
    const before = dump(directory);
    await journal.rebuild();
    expect(dump(directory)).toEqual(before);
  });
});

/** Frames whose header names a database size end a transaction: https://sqlite.org/fileformat2.html#walformat */
function committedTransactions(log: Buffer): number {
  const pageSize = log.readUInt32BE(8);
  let commits = 0;
  for (let frame = 32; frame + 24 + pageSize <= log.length; frame += 24 + pageSize) if (log.readUInt32BE(frame + 4) !== 0) commits += 1;
  return commits;
}

describe('the limit (invariant 3)', () => {
  const action = fc.oneof(
    fc.record({ kind: fc.constant('reserve' as const), amount: fc.integer({ min: 0, max: 400 }), together: fc.boolean() }),
    fc.record({
      kind: fc.constant('charge' as const),
      pick: fc.nat(),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
      together: fc.boolean(),
    }),
  );

  test('is never passed by what was spent and reserved, in whatever order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 1000 }), fc.array(action, { maxLength: 60 }), async (limit, actions) => {
        await expectWithinLimit(limit, actions);
      }),
      { numRuns: 40 },
    );
  });

  type Action = { kind: 'reserve'; amount: number; together: boolean } | { kind: 'charge'; pick: number; share: number; together: boolean };

  async function expectWithinLimit(limit: number, actions: readonly Action[]): Promise<void> {
    const directory = temporaryDirectory();
    const journal = await openSqliteJournal({ directory });
    const expected = { spent: 0, reserved: 0 };
    const open: { id: string; amount: number }[] = [];
    const pending: Promise<void>[] = [];
    for (const [index, act] of actions.entries()) {
      if (act.kind === 'reserve') {
        const id = String(index);
        const fits = expected.spent + expected.reserved + act.amount <= limit;
        if (fits) {
          open.push({ id, amount: act.amount });
          expected.reserved += act.amount;
        }
        pending.push(
          journal
            .reserve('r', aReservation(id, { amount: act.amount, accounts: [anAccount('r', { dollars: limit })] }))
            .then((answer) => expect(answer.ok).toBe(fits)),
        );
      } else if (open.length > 0) {
        const [{ id, amount } = { id: '', amount: 0 }] = open.splice(act.pick % open.length, 1);
        const cost = Math.floor(amount * act.share);
        expected.spent += cost;
        expected.reserved -= amount;
        pending.push(journal.charge('r', { id, amount: cost, usage: someUsage(), known: true }));
      }
      if (!act.together) {
        await Promise.all(pending.splice(0));
        expect(await spendingOf(journal, 'r')).toMatchObject({ ...expected });
      }
    }
    await Promise.all(pending);
    const { spent, reserved } = await spendingOf(journal, 'r');
    expect({ spent, reserved }).toEqual(expected);
    expect(spent + reserved).toBeLessThanOrEqual(limit);
    await journal.close();
  }
});
