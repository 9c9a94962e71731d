import type { z } from 'zod';

export type Value = string | number | null;

/** SQL that SQLite and Postgres both understand; values stand at `?`. */
export interface Statement {
  readonly sql: string;
  readonly values: readonly Value[];
}

/** A statement that gives rows, and what one of them is. */
export interface Query<T> extends Statement {
  readonly row: z.ZodType<T>;
}
