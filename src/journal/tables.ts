import { z } from 'zod';

import { ConvergeError } from '../domain/errors.ts';
import type { Database } from './database.ts';
import { Draft } from './draft.ts';
import { eventsOfAll } from './reads.ts';
import { addSeals, contentTables, INDEX_NAMES, indexTables, INDEX_VERSION, SQLITE } from './schema.ts';

/** Makes what is absent, and rebuilds the indexes when an older Converge wrote them; a newer one's are refused. */
export function prepareTables(database: Database, directory: string): void {
  const [version = 0] = database.rows({ row: versionRow, sql: 'PRAGMA user_version', values: [] });
  if (version > INDEX_VERSION) {
    throw new ConvergeError(
      'journal',
      `The journal in ${directory} was written by a newer Converge (version ${version}; this one knows ${INDEX_VERSION}). Start that one, or use another DATA_DIR.`,
    );
  }
  database.exec(contentTables(SQLITE));
  if (!database.rows(columnsOfEvent).includes('seal')) database.exec(addSeals(SQLITE));
  if (version < INDEX_VERSION) rebuildIndexes(database);
}

const versionRow = z.object({ user_version: z.number() }).transform((row) => row.user_version);

const columnsOfEvent = {
  row: z.object({ name: z.string() }).transform(({ name }) => name),
  sql: `SELECT name FROM pragma_table_info('event')`,
  values: [],
};

/** So many events are in memory at once. */
const PAGE = 1000;

/** Drops the index tables and makes them again from the events alone (DESIGN.md §5). */
export function rebuildIndexes(database: Database): void {
  database.exec('BEGIN IMMEDIATE');
  try {
    for (const name of INDEX_NAMES) database.exec(`DROP TABLE IF EXISTS ${name}`);
    database.exec(indexTables(SQLITE));
    let page = database.rows(eventsOfAll(0, PAGE));
    while (page.length > 0) {
      const draft = new Draft(() => new Date());
      const events = page.map(({ event }) => event);
      for (const lookup of draft.projectionLookups(events)) lookup.found(database.first(lookup));
      draft.projectAgain(events);
      for (const statement of draft.statements()) database.write(statement);
      page = database.rows(eventsOfAll(page.at(-1)?.id ?? 0, PAGE));
    }
    database.exec(`PRAGMA user_version = ${INDEX_VERSION}; COMMIT`);
  } catch (thrown) {
    database.exec('ROLLBACK');
    throw thrown;
  }
}
