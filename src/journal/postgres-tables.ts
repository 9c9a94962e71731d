import type { Client } from 'pg';

import { Draft } from './draft.ts';
import { allLookups } from './postgres-batch.ts';
import { prepared } from './postgres-connection.ts';
import { demandVersion, leave, locks, send, VERSION } from './postgres-transaction.ts';
import { eventsOfAll } from './reads.ts';
import { addSeals, contentTables, INDEX_NAMES, indexTables, INDEX_VERSION, POSTGRES, sharedTables } from './schema.ts';

/** Makes what is absent in schema `converge`, and rebuilds the indexes when an older Converge wrote them; a newer one's are refused. */
export async function prepareTables(client: Client): Promise<void> {
  await inTransaction(client, async () => {
    await send(client, [locks(['tables']), 'CREATE SCHEMA IF NOT EXISTS converge', contentTables(POSTGRES), sharedTables(POSTGRES)]);
    const [version, columns] = await send(client, [VERSION, COLUMNS_OF_EVENT]);
    if (columns?.rows.every(({ name }) => name !== 'seal') === true) await send(client, [addSeals(POSTGRES)]);
    if (demandVersion(version?.rows[0]) < INDEX_VERSION) await rebuild(client);
  });
}

const COLUMNS_OF_EVENT = "SELECT attname AS name FROM pg_attribute WHERE attrelid = 'event'::regclass AND attnum > 0";

/** Drops the index tables and makes them again from the events alone; writers wait meanwhile. */
export async function rebuildIndexes(client: Client): Promise<void> {
  await inTransaction(client, async () => {
    await send(client, [locks(['tables'])]);
    await rebuild(client);
  });
}

/** So many events are in memory at once. */
const PAGE = 1000;

async function rebuild(client: Client): Promise<void> {
  const drops = INDEX_NAMES.map((name) => `DROP TABLE IF EXISTS ${name}`);
  await send(client, ['LOCK TABLE event IN ACCESS EXCLUSIVE MODE', ...drops, indexTables(POSTGRES)]);
  for (let after = 0; ;) {
    const query = eventsOfAll(after, PAGE);
    const page = (await client.query(prepared(query))).rows.map((row: unknown) => query.row.parse(row));
    const last = page.at(-1);
    if (last === undefined) break;
    const draft = new Draft(() => new Date());
    const events = page.map(({ event }) => event);
    const lookups = allLookups(draft.projectionLookups(events));
    const [found] = await send(client, [lookups]);
    lookups.found(found?.rows ?? []);
    draft.projectAgain(events);
    await send(client, leave(draft.statements(), []));
    after = last.id;
  }
  await send(client, ['DELETE FROM version', { sql: 'INSERT INTO version (number) VALUES (?)', values: [INDEX_VERSION] }]);
}

async function inTransaction(client: Client, work: () => Promise<void>): Promise<void> {
  await client.query('BEGIN');
  try {
    await work();
    await client.query('COMMIT');
  } catch (thrown) {
    await client.query('ROLLBACK').catch(() => {});
    throw thrown;
  }
}
