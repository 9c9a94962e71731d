import type { Statement, Value } from './statement.ts';

/** So many of the same statement go into one, and fewer as a power of two: then a handful of texts is prepared, and nearly every tick finds its own. */
const MOST = 16;

const TUPLE = /VALUES (\((?:\?(?:, )?)+\))/u;

/** Inserts into the same table as one statement with many rows. Each row must be named once, and rows of different tables must not depend on each other. */
export function batchInserts(statements: readonly Statement[]): readonly Statement[] {
  return bySql(statements).flatMap(([sql, same]) =>
    TUPLE.test(sql) ? inPowers(same).map((chunk) => ({ sql: manyRows(sql, chunk.length), values: valuesOf(chunk) })) : same,
  );
}

function manyRows(sql: string, count: number): string {
  return sql.replace(TUPLE, (_, tuple: string) => `VALUES ${Array.from({ length: count }, () => tuple).join(', ')}`);
}

export function bySql<S extends Statement>(statements: readonly S[]): readonly (readonly [string, readonly S[]])[] {
  return [...Map.groupBy(statements, ({ sql }) => sql)];
}

export function inPowers<S>(items: readonly S[]): readonly (readonly S[])[] {
  const chunks: S[][] = [];
  for (let at = 0; at < items.length;) {
    let size = MOST;
    while (size > items.length - at) size /= 2;
    chunks.push(items.slice(at, at + size));
    at += size;
  }
  return chunks;
}

export function valuesOf(statements: readonly Statement[]): readonly Value[] {
  return statements.flatMap(({ values }) => values);
}
