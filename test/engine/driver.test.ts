import { expect, onTestFinished, test } from 'vitest';
import { Suspended } from '../../src/domain/errors.ts';
import { foldRun } from '../../src/domain/run-state.ts';
import { openDriver, SHOWN, type Driver, type DriverParts } from '../../src/engine/driver.ts';
import { openInProcess } from '../../src/engine/in-process.ts';
import type { House } from '../../src/house.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { openSqliteJournal } from '../../src/journal/sqlite.ts';
import { STARTED, temporaryDirectory } from '../journal/support.ts';
import { quiet } from './quiet.ts';

const RUN = 'run-1';

async function openJournal(): Promise<Journal> {
  const journal = await openSqliteJournal({ directory: temporaryDirectory() });
  onTestFinished(() => journal.close());
  await journal.start({ run: RUN, trigger: '1', event: STARTED });
  return journal;
}

async function open(journal: Journal, changes: Partial<DriverParts>): Promise<Driver> {
  // A run's whole house is of no matter to who drives it.
  const house: House = Object.create(null);
  const driver = await openDriver({
    journal,
    dispatch: openInProcess({ log: quiet }),
    slots: 4,
    hold: () => Promise.resolve({ journal, release: () => {} }),
    bulletin: () => Promise.resolve({ flush: () => Promise.resolve(), close: () => Promise.resolve() }),
    enter: () => Promise.resolve({ house, close: () => Promise.resolve() }),
    migrate: () => Promise.resolve(),
    quiet: () => Promise.resolve(),
    allowed: () => true,
    off: () => null,
    watchSwitch: () => () => {},
    openGenerations: () => Promise.resolve(),
    stopped: () => Promise.resolve(),
    failed: () => Promise.resolve(),
    showEarlyEnd: () => Promise.resolve(),
    redriveMs: [10],
    log: quiet,
    ...changes,
  });
  onTestFinished(() => driver.close());
  return driver;
}

test(
  'a limit that is raised while the run is letting go of its work is heard: it is driven again by itself',
  { timeout: 20_000 },
  async () => {
    const journal = await openJournal();
    const drives: number[] = [];
    const again = Promise.withResolvers<void>();
    const driver = await open(journal, {
      migrate: async () => {
        drives.push(drives.length);
        if (drives.length > 1) return again.resolve();
        // Its agents found no money, and a check is still at work: now a person raises the limit, and the push that follows is passed over.
        await journal.append(RUN, [
          { type: 'run.amended', id: '2', by: 'mona', amendment: { kind: 'budget', add: 10_000_000 }, hash: 'h' },
        ]);
        driver.drive(RUN);
        throw new Suspended('budget', 'All of it is used.');
      },
    });
    driver.drive(RUN);
    await again.promise;
    expect(foldRun(await journal.events(RUN))).toMatchObject({ status: 'active', standing: { limits: { budget: 15_000_000 } } });
  },
);

test(
  'a stop does not wait until GitHub takes what the run shows: what ended unseen is shown by another drive',
  { timeout: 20_000 },
  async () => {
    const journal = await openJournal();
    const flushing = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    onTestFinished(() => held.resolve());
    const order: string[] = [];
    let drives = 0;
    const driver = await open(journal, {
      bulletin: async (_run, _journal, after) => {
        drives += 1;
        const own = drives;
        void after.then(() => order.push(`may show ${own}`));
        // GitHub takes no writes from the first drive.
        const taken = drives === 1 ? held.promise : Promise.resolve();
        return {
          flush: async () => {
            order.push(`flush ${drives}`);
            flushing.resolve();
            await taken;
          },
          close: () => taken,
        };
      },
      migrate: async () => {
        await journal.append(RUN, [{ type: 'run.ended', status: 'completed', why: '', ledger: [] }]);
      },
      showEarlyEnd: async () => {
        order.push('shown again');
      },
    });
    const shown = Promise.withResolvers<void>();
    journal.watch(RUN, ({ event }) => {
      if (event.type === 'step.done' && event.step === SHOWN) shown.resolve();
    });
    driver.drive(RUN);
    await flushing.promise;
    expect(await journal.doneStep(RUN, SHOWN)).toBeUndefined();
    await driver.interrupt(RUN);
    await shown.promise;
    // Its words would else come after those of the second.
    expect(order).toEqual(['may show 1', 'flush 1', 'shown again', 'flush 2']);
    held.resolve();
    await driver.close();
    expect(order.at(-1)).toBe('may show 2');
  },
);

test('a process that ends waits until what the run shows was written', { timeout: 20_000 }, async () => {
  const journal = await openJournal();
  const flushing = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  const order: string[] = [];
  const driver = await open(journal, {
    bulletin: () =>
      Promise.resolve({
        flush: async () => {
          flushing.resolve();
          await held.promise;
          order.push('written');
        },
        close: () => Promise.resolve(),
      }),
    migrate: () => Promise.reject(new Suspended('budget', 'All of it is used.')),
  });
  driver.drive(RUN);
  await flushing.promise;
  const closing = driver.close().then(() => order.push('closed'));
  for (let n = 0; n < 5; n++) await journal.append('other', [{ type: 'log', text: 'passes the time' }]);
  held.resolve();
  await closing;
  expect(order).toEqual(['written', 'closed']);
});

test('a drive that breaks off though nobody told it to stop is followed by another at once; one that waits for a person by none', async () => {
  const journal = await openJournal();
  const drives: string[] = [];
  const over = Promise.withResolvers<void>();
  const driver = await open(journal, {
    // Longer than this test: whoever waits for it fails.
    redriveMs: [60_000],
    bulletin: () => Promise.resolve({ flush: () => Promise.resolve(), close: () => Promise.resolve() }),
    migrate: async () => {
      drives.push('drive');
      if (drives.length === 1) throw new Suspended('stopping', 'Another process has taken over run-1.');
      over.resolve();
      throw new Suspended('person', 'The run waits for a person.');
    },
  });
  driver.drive(RUN);
  await over.promise;
  await driver.close();
  expect(drives).toHaveLength(2);
  expect(foldRun(await journal.events(RUN)).pause).toBeNull();
});
