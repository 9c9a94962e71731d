import { z } from 'zod';

import { bySql } from './batch-inserts.ts';
import type { Lookup } from './draft.ts';
import type { Statement, Value } from './statement.ts';

/** A list as Postgres writes it: https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO */
export function textArray(items: readonly Value[]): string {
  return `{${items.map((item) => `"${String(item).replaceAll(/["\\]/gu, String.raw`\$&`)}"`).join(',')}}`;
}

/** For a statement that looks for nothing. */
const NONE = 'SELECT 0 AS kind, 0 AS place, NULL::json AS row WHERE false';

const answer = z.object({ kind: z.number(), place: z.number(), row: z.unknown() });

/** Any number of lookups as one statement: for each kind one part, whose text is the same however many rows it looks for. Ids and keys are looked for, all of them texts. */
export function allLookups(lookups: readonly Lookup[]): Statement & { found(rows: readonly unknown[]): void } {
  const kinds = inOneOrder(bySql(lookups));
  return {
    sql: [NONE, ...kinds.map(([sql, [first]], kind) => lookupsOfKind(sql, first?.values.length ?? 0, kind))].join(' UNION ALL '),
    values: kinds.flatMap(([, same]) => columns(same)),
    found: (rows) => {
      const answers = new Map<string, unknown>();
      for (const row of rows) {
        const { kind, place, row: found } = answer.parse(row);
        answers.set(`${kind} ${place}`, found);
      }
      for (const [kind, [, same]] of kinds.entries())
        for (const [index, lookup] of same.entries()) lookup.found(answers.get(`${kind} ${index + 1}`));
    },
  };
}

/** `OFFSET 0`: each row is found by its key; a join might read the table. */
function lookupsOfKind(sql: string, width: number, kind: number): string {
  const names = Array.from({ length: width }, (_, index) => `v${index}`);
  let next = 0;
  const each = sql.replaceAll('?', () => `asked.${names[next++] ?? ''}`);
  return `SELECT ${kind} AS kind, asked.place, row_to_json(found) AS row
    FROM unnest(${names.map(() => '?::text[]').join(', ')}) WITH ORDINALITY AS asked(${names.join(', ')}, place), LATERAL (${each} OFFSET 0) AS found`;
}

function columns(lookups: readonly Lookup[]): readonly string[] {
  const [first] = lookups;
  return (first?.values ?? []).map((_, index) => textArray(lookups.map(({ values }) => values[index] ?? '')));
}

/** The same kinds make the same text, whichever came first: every text is planned and kept. */
function inOneOrder<S>(kinds: readonly (readonly [string, S])[]): readonly (readonly [string, S])[] {
  return kinds.toSorted(([a], [b]) => (a < b ? -1 : 1));
}

const INSERT = /^INSERT INTO (\w+) \(([\w, ]+)\) VALUES \((?:\?(?:, )?)+\)/u;

/**
 * Any number of inserts of rows as one statement: for each kind one part, whose text is the same however many rows it has. Rows of a kind are inserted in their order; kinds must
 * not depend on each other. Tells the listeners of the channel each of the messages, at the commit. What looks at other rows, maybe at these, follows as it is.
 */
export function allInserts(
  statements: readonly Statement[],
  { channel, messages }: { channel: string; messages: readonly string[] },
): readonly Statement[] {
  const kinds = inOneOrder(bySql(statements.filter(({ sql }) => INSERT.test(sql))));
  const parts = kinds.map(([sql], kind) => `kind_${kind} AS (${manyRows(sql)})`);
  const rows = {
    sql: `${parts.length === 0 ? '' : `WITH ${parts.join(', ')} `}SELECT pg_notify('${channel}', message) FROM json_array_elements_text(?) AS message`,
    values: [...kinds.map(([sql, same]) => rowsOf(sql, same)), JSON.stringify(messages)],
  };
  return [rows, ...statements.filter(({ sql }) => !INSERT.test(sql))];
}

function manyRows(sql: string): string {
  return sql.replace(
    INSERT,
    (_, table: string, names: string) => `INSERT INTO ${table} (${names}) SELECT ${names} FROM json_populate_recordset(NULL::${table}, ?)`,
  );
}

function rowsOf(sql: string, inserts: readonly Statement[]): string {
  const names = INSERT.exec(sql)?.[2]?.split(', ') ?? [];
  return JSON.stringify(inserts.map(({ values }) => Object.fromEntries(names.map((name, index) => [name, values[index] ?? null]))));
}
