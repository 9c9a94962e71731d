import { DatabaseSync } from 'node:sqlite';

import { z } from 'zod';

import { Connection } from './postgres-connection.ts';
import type { SealedEvent } from './seal.ts';
import type { Query } from './statement.ts';

/** So many events are in memory at once. */
const PAGE = 1000;

const row = z.object({ id: z.number(), scope: z.string(), n: z.number(), at: z.string(), body: z.string(), seal: z.string().nullable() });

/** With its place among all events of the journal. */
type Row = z.infer<typeof row> & SealedEvent;

function page(after: number): Query<Row> {
  return { row, sql: `SELECT id, scope, n, at, body, seal FROM event WHERE id > ? ORDER BY id LIMIT ${PAGE}`, values: [after] };
}

/** Every event of a journal's file, in order, beside whoever writes it. Changes nothing. */
export async function* eventsOfFile(file: string): AsyncGenerator<Row> {
  const sqlite = new DatabaseSync(file, { readOnly: true });
  try {
    const columns = sqlite.prepare(`SELECT name FROM pragma_table_info('event') WHERE name = 'seal'`).all();
    const { sql } = page(0);
    const statement = sqlite.prepare(columns.length === 0 ? sql.replace('seal', 'NULL AS seal') : sql);
    yield* pages(async (after) => statement.all(after).map((found) => row.parse(found)));
  } finally {
    sqlite.close();
  }
}

/** The same of a journal in Postgres. */
export async function* eventsOfDatabase(url: string): AsyncGenerator<Row> {
  const connection = new Connection(url);
  try {
    yield* pages((after) => connection.rows(page(after)));
  } finally {
    await connection.close();
  }
}

async function* pages(read: (after: number) => Promise<readonly Row[]>): AsyncGenerator<Row> {
  for (let after = 0; ;) {
    const rows = await read(after);
    const last = rows.at(-1);
    if (last === undefined) return;
    yield* rows;
    after = last.id;
  }
}
