import { z } from 'zod';

import { ConvergeError } from '../domain/errors.ts';
import type { Database } from './database.ts';
import { storedEvent } from './event-schema.ts';
import { project } from './projection.ts';
import { CONTENT_TABLES, INDEX_NAMES, INDEX_TABLES, INDEX_VERSION } from './schema.ts';

/** Makes what is absent, and rebuilds the indexes when an older Converge wrote them; a newer one's are refused. */
export function prepareTables(database: Database, directory: string): void {
  const version = database.row(z.object({ user_version: z.number() }), 'PRAGMA user_version')?.user_version ?? 0;
  if (version > INDEX_VERSION) {
    throw new ConvergeError(
      'journal',
      `The journal in ${directory} was written by a newer Converge (version ${version}; this one knows ${INDEX_VERSION}). Start that one, or use another DATA_DIR.`,
    );
  }
  database.exec(CONTENT_TABLES);
  if (version < INDEX_VERSION) rebuildIndexes(database);
}

/** Drops the index tables and makes them again from the events alone (DESIGN.md §5). */
export function rebuildIndexes(database: Database): void {
  database.exec('BEGIN IMMEDIATE');
  try {
    for (const name of INDEX_NAMES) database.exec(`DROP TABLE IF EXISTS ${name}`);
    database.exec(INDEX_TABLES);
    for (const event of database.each(storedEvent, 'SELECT scope, n, at, body FROM event ORDER BY id')) project(database, event);
    database.exec(`PRAGMA user_version = ${INDEX_VERSION}; COMMIT`);
  } catch (thrown) {
    database.exec('ROLLBACK');
    throw thrown;
  }
}
