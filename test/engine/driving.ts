import { onTestFinished } from 'vitest';
import { type Driver, type DriverParts, openDriver } from '../../src/engine/driver.ts';
import { openInProcess } from '../../src/engine/in-process.ts';
import type { House } from '../../src/house.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { openSqliteJournal } from '../../src/journal/sqlite.ts';
import { STARTED, temporaryDirectory } from '../journal/support.ts';
import { quiet } from './quiet.ts';

export const RUN = 'run-1';

/** With a run that has started. */
export async function openRunJournal(): Promise<Journal> {
  const journal = await openSqliteJournal({ directory: temporaryDirectory() });
  onTestFinished(() => journal.close());
  await journal.start({ run: RUN, trigger: '1', event: STARTED });
  return journal;
}

/** A driver around parts that do nothing, but for those given. */
export async function openTestDriver(journal: Journal, changes: Partial<DriverParts>): Promise<Driver> {
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
