import { openSqliteJournal } from '../../src/journal/sqlite.ts';
import { measure, task } from './contestant.ts';
import { begin, fan, scratch } from './house.ts';

/* Converge with its journal in one SQLite file: every turn on disk before the next. */

const directory = scratch();
const journal = await openSqliteJournal({ directory });
await begin(journal);
const work = await fan({ ...task(), journal, directory });
await measure(work);
