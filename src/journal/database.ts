import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import type { z } from 'zod';

export type Values = readonly SQLInputValue[];

/** One open SQLite file; statements are prepared once, and rows come out parsed. Synchronous: nothing may be awaited inside a transaction. */
export class Database {
  readonly #sqlite: DatabaseSync;
  readonly #prepared = new Map<string, StatementSync>();

  /** WAL with synchronous FULL: a commit that returned survives a power cut (facts/engine.md §6). */
  constructor(path: string) {
    this.#sqlite = new DatabaseSync(path);
    this.#sqlite.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
  }

  get inTransaction(): boolean {
    return this.#sqlite.isOpen && this.#sqlite.isTransaction;
  }

  /** Statements without values, e.g. table definitions and transaction control. */
  exec(sql: string): void {
    this.#sqlite.exec(sql);
  }

  /** Number of rows changed. */
  write(sql: string, values: Values): number {
    return Number(this.#statement(sql).run(...values).changes);
  }

  row<T>(schema: z.ZodType<T>, sql: string, values: Values = []): T | undefined {
    const found = this.#statement(sql).get(...values);
    return found === undefined ? undefined : schema.parse(found);
  }

  rows<T>(schema: z.ZodType<T>, sql: string, values: Values = []): readonly T[] {
    return this.#statement(sql)
      .all(...values)
      .map((found) => schema.parse(found));
  }

  /** Rows one by one, for what does not fit in memory at once. */
  *each<T>(schema: z.ZodType<T>, sql: string): Generator<T> {
    for (const found of this.#sqlite.prepare(sql).iterate()) yield schema.parse(found);
  }

  close(): void {
    this.#sqlite.close();
  }

  #statement(sql: string): StatementSync {
    const known = this.#prepared.get(sql);
    if (known) return known;
    const prepared = this.#sqlite.prepare(sql);
    this.#prepared.set(sql, prepared);
    return prepared;
  }
}
