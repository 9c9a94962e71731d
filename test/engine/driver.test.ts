import { expect, onTestFinished, test, vi } from 'vitest';
import { Suspended } from '../../src/domain/errors.ts';
import { foldRun } from '../../src/domain/run-state.ts';
import { SHOWN } from '../../src/engine/drive.ts';
import { openRunJournal as openJournal, openTestDriver as open, RUN } from './driving.ts';

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

test('a pause whose telling fails after nobody waited for it is told again', { timeout: 20_000 }, async () => {
  const journal = await openJournal();
  const refused = Promise.withResolvers<void>();
  const told = Promise.withResolvers<void>();
  const flushing = Promise.withResolvers<void>();
  const working = Promise.withResolvers<void>();
  const letGo = Promise.withResolvers<void>();
  let drives = 0;
  const driver = await open(journal, {
    bulletin: () => {
      drives += 1;
      const own = drives;
      const flush = async (): Promise<void> => {
        if (own > 1) return told.resolve();
        flushing.resolve();
        await refused.promise;
        throw new Error('GitHub does not answer.');
      };
      return Promise.resolve({ flush, close: () => Promise.resolve() });
    },
    enter: (_run, _journal, signal) => {
      signal.addEventListener('abort', () => letGo.resolve());
      return Promise.resolve({ house: Object.create(null), close: () => Promise.resolve() });
    },
    migrate: async () => {
      working.resolve();
      await letGo.promise;
      throw new Suspended('stopping', 'The run was told to stop.');
    },
  });
  driver.drive(RUN);
  await working.promise;
  await journal.signal(RUN, { id: '2', name: 'pause', by: 'mona', text: '' });
  await flushing.promise;
  expect(drives).toBe(1);
  refused.resolve();
  await told.promise;
  expect(drives).toBe(2);
});

test('whoever interrupts a run is not kept by a drive that cannot let go: it ends by itself later', { timeout: 20_000 }, async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const journal = await openJournal();
  const writing = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  const driver = await open(journal, {
    migrate: async () => {
      writing.resolve();
      await held.promise;
    },
  });
  driver.drive(RUN);
  await writing.promise;
  const interrupted = driver.interrupt(RUN);
  await vi.advanceTimersByTimeAsync(20_000);
  await interrupted;
  held.resolve();
});
