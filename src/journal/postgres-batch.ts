import { bySql, inPowers, valuesOf } from './batch-inserts.ts';
import type { Lookup } from './draft.ts';
import type { Statement } from './statement.ts';

interface LookupBatch extends Statement {
  /** Takes all rows that Postgres gave. */
  found(rows: readonly Record<string, unknown>[]): void;
}

/** Lookups of the same kind as one statement, whose rows say by `lookup` which of them they answer. */
export function batchLookups(lookups: readonly Lookup[]): readonly LookupBatch[] {
  return bySql(lookups).flatMap(([sql, same]) =>
    inPowers(same).map((chunk) => ({
      sql: chunk.map((_, index) => `SELECT ${index} AS lookup, found.* FROM (${sql}) AS found`).join(' UNION ALL '),
      values: valuesOf(chunk),
      found: (rows) => {
        const answers = new Map(rows.map((row) => [row['lookup'], row]));
        for (const [index, lookup] of chunk.entries()) lookup.found(answers.get(index));
      },
    })),
  );
}
