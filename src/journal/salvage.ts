import { DatabaseSync } from 'node:sqlite';

import { z } from 'zod';

const eventRow = z.object({ id: z.number(), scope: z.string(), n: z.number(), at: z.string(), body: z.string() });

const COLUMNS = 'SELECT id, scope, n, at, body FROM event';

/** Between two readable events at most so many places are tried one by one. */
const MOST_PLACES = 1_000_000;

/**
 * Every event that can still be read in a journal's file, damaged or sound, as a line of JSON `{id, scope, n, at, event}`, in the order of the journal. Changes nothing.
 * What lies on a damaged page is left out; `n` counts from 1 in each scope, so that a gap shows what is missing.
 */
export function* readableEvents(file: string): Generator<string> {
  const sqlite = new DatabaseSync(file, { readOnly: true });
  try {
    let last = 0;
    for (const row of untilDamage(sqlite, `${COLUMNS} ORDER BY id`)) {
      last = row.id;
      yield eventLine(row);
    }
    // Then from the other end, and what lies between one by one.
    const end = [...untilDamage(sqlite, `${COLUMNS} WHERE id > ${last} ORDER BY id DESC`)].toReversed();
    const one = sqlite.prepare(`${COLUMNS} WHERE id = ?`);
    const until = Math.min(end[0]?.id ?? last, last + MOST_PLACES);
    for (let id = last + 1; id < until; id += 1) {
      const found = orNothing(() => one.get(id));
      if (found !== undefined) yield eventLine(eventRow.parse(found));
    }
    for (const row of end) yield eventLine(row);
  } finally {
    sqlite.close();
  }
}

function* untilDamage(sqlite: DatabaseSync, sql: string): Generator<z.infer<typeof eventRow>> {
  const rows = orNothing(() => sqlite.prepare(sql).iterate());
  for (;;) {
    const next = orNothing(() => rows?.next());
    if (next === undefined || next.done === true) return;
    const row = eventRow.safeParse(next.value);
    if (row.success) yield row.data;
  }
}

/** An event as a line of JSON; a body that is none stands as it is, as `unreadable`. */
export function eventLine({ body, ...place }: z.infer<typeof eventRow>): string {
  const event = orNothing((): unknown => JSON.parse(body));
  return JSON.stringify(event === undefined ? { ...place, unreadable: body } : { ...place, event });
}

function orNothing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
