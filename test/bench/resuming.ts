import { z } from 'zod';
import { openSqliteJournal } from '../../src/journal/sqlite.ts';
import { begin, fan, scratch } from './house.ts';

/* Converge on a journal that outlives it: `node resuming.ts TASK`; tells when it is up, and when the run has ended. */

const task = z
  .object({ url: z.string(), agents: z.number(), concurrency: z.number(), directory: z.string() })
  .parse(JSON.parse(process.argv[2] ?? ''));

const work = async (): Promise<number> => {
  const journal = await openSqliteJournal({ directory: task.directory });
  await begin(journal);
  const run = await fan({ ...task, journal, directory: scratch() });
  process.send?.('up');
  const turns = await run();
  await journal.close();
  return turns;
};
process.send?.(await work(), () => process.exit());
