import { expect, onTestFinished, test } from 'vitest';
import { Suspended } from '../../src/domain/errors.ts';
import { foldRun } from '../../src/domain/run-state.ts';
import { openDriver } from '../../src/engine/driver.ts';
import { openInProcess } from '../../src/engine/in-process.ts';
import type { House } from '../../src/house.ts';
import { openSqliteJournal } from '../../src/journal/sqlite.ts';
import { STARTED, temporaryDirectory } from '../journal/support.ts';
import { quiet } from './quiet.ts';

const RUN = 'run-1';

test(
  'a limit that is raised while the run is letting go of its work is heard: it is driven again by itself',
  { timeout: 20_000 },
  async () => {
    const journal = await openSqliteJournal({ directory: temporaryDirectory() });
    onTestFinished(() => journal.close());
    await journal.start({ run: RUN, trigger: '1', event: STARTED });
    const drives: number[] = [];
    const again = Promise.withResolvers<void>();
    // A run's whole house is of no matter to who drives it.
    const house: House = Object.create(null);
    const driver = await openDriver({
      journal,
      dispatch: openInProcess({ log: quiet }),
      slots: 4,
      hold: () => Promise.resolve({ journal, release: () => {} }),
      bulletin: () => Promise.resolve({ flush: () => Promise.resolve(), close: () => Promise.resolve() }),
      enter: () => Promise.resolve({ house, close: () => Promise.resolve() }),
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
    });
    onTestFinished(() => driver.close());
    driver.drive(RUN);
    await again.promise;
    expect(foldRun(await journal.events(RUN))).toMatchObject({ status: 'active', standing: { limits: { budget: 15_000_000 } } });
  },
);
