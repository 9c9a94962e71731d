import { expect, test } from 'vitest';
import { Suspended } from '../../src/domain/errors.ts';
import { foldRun } from '../../src/domain/run-state.ts';
import type { SwitchedOff } from '../../src/domain/switched-off.ts';
import type { DriverParts } from '../../src/engine/driver.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { openRunJournal, openTestDriver, RUN } from './driving.ts';

interface Scene {
  readonly journal: Journal;
  readonly turn: (to: SwitchedOff | null) => void;
  readonly drive: () => void;
  readonly types: () => Promise<readonly string[]>;
}

async function scene(changes: (journal: Journal) => Partial<DriverParts>, begin: SwitchedOff | null, there?: Journal): Promise<Scene> {
  const journal = there ?? (await openRunJournal());
  let off = begin;
  const listeners = new Set<() => void>();
  const driver = await openTestDriver(journal, {
    off: () => off,
    watchSwitch: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    redriveMs: [5],
    ...changes(journal),
  });
  return {
    journal,
    turn: (to) => {
      off = to;
      for (const listener of listeners) listener();
    },
    drive: () => driver.drive(RUN),
    types: async () => (await journal.events(RUN)).map(({ event }) => event.type),
  };
}

/** Resolves when the run's record has an event of that type. */
function heard(journal: Journal, type: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = journal.watch(RUN, ({ event }) => {
    if (event.type === type) resolve();
  });
  return promise.finally(stop);
}

test('a run that is driven while Converge is switched off enters no house: it pauses once, says why, and goes on by itself', async () => {
  let entered = 0;
  const migrated = Promise.withResolvers<void>();
  const { journal, turn, drive, types } = await scene(
    () => ({
      migrate: () => {
        entered += 1;
        migrated.resolve();
        return Promise.resolve();
      },
    }),
    { reason: 'a leak' },
  );
  const paused = heard(journal, 'run.paused');
  drive();
  await paused;
  expect(foldRun(await journal.events(RUN)).pause).toMatchObject({
    reason: 'switched-off',
    message: expect.stringContaining('The operator has switched Converge off (a leak)'),
  });
  expect(entered).toBe(0);
  turn(null);
  await migrated.promise;
  expect((await types()).filter((type) => type === 'run.paused')).toHaveLength(1);
  expect(foldRun(await journal.events(RUN)).status).toBe('active');
});

test('switched off under way: what is in flight is finished, then the run is interrupted and pauses; stop still ends it', async () => {
  const inFlight = Promise.withResolvers<void>();
  const working = Promise.withResolvers<void>();
  const order: string[] = [];
  let signal: AbortSignal | null = null;
  let stopped = 0;
  const { journal, turn, drive } = await scene(
    (journal) => ({
      quiet: () => inFlight.promise,
      enter: (_run, _journal, own) => {
        signal = own;
        return Promise.resolve({ house: Object.create(null), close: () => Promise.resolve() });
      },
      migrate: () => {
        working.resolve();
        return new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => {
            order.push('interrupted');
            reject(new Suspended('stopping', 'The run was told to stop.'));
          });
        });
      },
      stopped: async () => {
        stopped += 1;
        await journal.append(RUN, [{ type: 'run.ended', status: 'stopped', why: 'asked', ledger: [] }]);
      },
    }),
    null,
  );
  const paused = heard(journal, 'run.paused');
  drive();
  await working.promise;
  turn({ reason: '' });
  await new Promise((resolve) => setImmediate(resolve));
  order.push('answered');
  inFlight.resolve();
  await paused;
  expect(order).toEqual(['answered', 'interrupted']);
  expect(foldRun(await journal.events(RUN)).pause?.reason).toBe('switched-off');
  const ended = heard(journal, 'run.ended');
  await journal.signal(RUN, { id: '9', name: 'stop', by: 'mona', text: '' });
  drive();
  await ended;
  expect(stopped).toBe(1);
});

test('switched on again while the run lets go: it is driven again by itself', async () => {
  let drives = 0;
  const again = Promise.withResolvers<void>();
  const working = Promise.withResolvers<void>();
  let signal: AbortSignal | null = null;
  const { turn, drive } = await scene(
    () => ({
      enter: (_run, _journal, own) => {
        signal = own;
        return Promise.resolve({ house: Object.create(null), close: () => Promise.resolve() });
      },
      migrate: () => {
        drives += 1;
        if (drives > 1) {
          again.resolve();
          return Promise.resolve();
        }
        working.resolve();
        return new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => {
            turn(null);
            reject(new Suspended('stopping', 'The run was told to stop.'));
          });
        });
      },
    }),
    null,
  );
  drive();
  await working.promise;
  turn({ reason: '' });
  await again.promise;
  expect(drives).toBe(2);
});

test('a run whose repository was taken off the list enters no house, once or after a start: it pauses and says why; on the list again, the next start goes on', async () => {
  const journal = await openRunJournal();
  let entered = 0;
  const starts = async (mayBe: boolean): Promise<Scene> => {
    const parts: Partial<DriverParts> = {
      allowed: ({ owner, repo }) => mayBe && `${owner}/${repo}` === 'octo/farm',
      migrate: async () => {
        entered += 1;
        await journal.append(RUN, [{ type: 'step.done', step: 'migrated', result: null }]);
      },
    };
    return scene(() => parts, null, journal);
  };
  const paused = heard(journal, 'run.paused');
  (await starts(false)).drive();
  await paused;
  expect(foldRun(await journal.events(RUN)).pause).toMatchObject({
    reason: 'not-allowed',
    message: expect.stringContaining('The operator does not let `octo/farm` spend any more.'),
  });
  const closed = Promise.withResolvers<void>();
  const second = await scene(
    () => ({
      allowed: () => false,
      bulletin: () => Promise.resolve({ flush: () => Promise.resolve(), close: () => Promise.resolve(closed.resolve()) }),
    }),
    null,
    journal,
  );
  second.drive();
  await closed.promise;
  expect(entered).toBe(0);
  const migrated = heard(journal, 'step.done');
  const third = await starts(true);
  third.drive();
  await migrated;
  expect((await third.types()).filter((type) => type === 'run.paused')).toHaveLength(1);
  expect(foldRun(await journal.events(RUN)).status).toBe('active');
});
