import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';

import { Database } from '../../src/journal/database.ts';
import { GroupCommit } from '../../src/journal/group-commit.ts';
import { prepareTables } from '../../src/journal/tables.ts';
import { append } from '../../src/journal/tasks.ts';
import { temporaryDirectory } from './support.ts';

/** A database whose disk does as it is told: `sync` waits until it is let go, and `refuse` makes it refuse the next commits or syncs. */
function onSlowDisk() {
  const directory = temporaryDirectory();
  const database = new Database(join(directory, 'journal.sqlite'));
  onTestFinished(() => database.close());
  prepareTables(database, directory);
  const syncs: PromiseWithResolvers<void>[] = [];
  const disk = { full: false, syncs };
  const told: string[] = [];
  const commits = new GroupCommit({
    clock: () => new Date(),
    committed: ({ events }) => told.push(...events.map(({ event }) => (event.type === 'log' ? event.text : event.type))),
    database: {
      first: (statement) => database.first(statement),
      commit: (statements) => {
        if (disk.full) throw new Error('database or disk is full');
        database.commit(statements);
      },
      sync: () => {
        const sync = Promise.withResolvers<void>();
        syncs.push(sync);
        return sync.promise;
      },
    },
  });
  /** Follows what becomes of a write. */
  const say = (text: string): { readonly text: string; fate: string } => {
    const said = { text, fate: 'open' };
    commits.write(append('r', [{ type: 'log', text }])).then(
      () => (said.fate = 'written'),
      (thrown: Error) => (said.fate = thrown.message),
    );
    return said;
  };
  return { database, disk, commits, told, say };
}

/** Until the writes that wait are committed, as far as they can be. */
async function ticks(): Promise<void> {
  for (let tick = 0; tick < 4; tick += 1) await new Promise((resolve) => setImmediate(resolve));
}

const bodyRow = z.object({ body: z.string() }).transform(({ body }) => z.object({ text: z.string() }).parse(JSON.parse(body)).text);

function texts(database: Database): readonly string[] {
  return database.rows({ sql: 'SELECT body FROM event ORDER BY n', values: [], row: bodyRow });
}

describe('a commit', () => {
  test('is acknowledged, told and shown when the disk has it, and not before', async () => {
    const { disk, commits, told, say } = onSlowDisk();
    const first = say('first');
    await ticks();
    expect(disk.syncs).toHaveLength(1);
    let seen = false;
    void commits.synced().then(() => (seen = true));
    await ticks();
    expect([first.fate, told, seen]).toEqual(['open', [], false]);
    disk.syncs[0]?.resolve();
    await ticks();
    expect([first.fate, told, seen]).toEqual(['written', ['first'], true]);
  });

  test('takes with it all that was asked for while the one before was on its way', async () => {
    const { disk, told, say } = onSlowDisk();
    say('first');
    await ticks();
    const later = [say('second'), say('third')];
    await ticks();
    say('fourth');
    await ticks();
    expect(disk.syncs).toHaveLength(1);
    disk.syncs[0]?.resolve();
    await ticks();
    expect(disk.syncs).toHaveLength(2);
    disk.syncs[1]?.resolve();
    await ticks();
    expect(later.map(({ fate }) => fate)).toEqual(['written', 'written']);
    expect(told).toEqual(['first', 'second', 'third', 'fourth']);
  });

  test('that the disk has no room for fails with all that was asked for before everybody could know, and what comes later is written', async () => {
    const { database, commits, disk, say } = onSlowDisk();
    disk.full = true;
    const together: { fate: string }[] = [];
    const first = commits.write(append('r', [{ type: 'log', text: 'first' }])).catch((thrown: Error) => {
      together.push(say('in the tick in which it was told'));
      return thrown.message;
    });
    expect(await first).toContain('could not be written: database or disk is full. Nothing of it was recorded');
    disk.full = false;
    await ticks();
    expect(together.map(({ fate }) => fate)).toEqual([await first]);
    const later = say('later');
    await ticks();
    disk.syncs[0]?.resolve();
    await ticks();
    expect(later.fate).toBe('written');
    expect(texts(database)).toEqual(['later']);
  });

  test('that the disk does not confirm is the last: nobody can say what the next would stand on', async () => {
    const { database, disk, commits, told, say } = onSlowDisk();
    const first = say('first');
    await ticks();
    const second = say('second');
    const waited = commits.synced();
    const refused = expect(waited, 'who reads').rejects.toThrow('the disk did not confirm');
    disk.syncs[0]?.reject(new Error('EIO: i/o error, fdatasync'));
    await ticks();
    const third = say('third');
    await ticks();
    for (const { fate } of [first, second, third])
      expect(fate).toMatch(/the disk did not confirm that it holds it: EIO.*Nothing more is written by this process; check the disk/u);
    expect(told).toEqual([]);
    // The database shows what its author was told is refused: nobody may read it.
    expect(texts(database)).toEqual(['first']);
    await refused;
    await expect(commits.synced()).rejects.toThrow('the disk did not confirm');
  });
});
