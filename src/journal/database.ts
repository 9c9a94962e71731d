import { DatabaseSync, type StatementSync } from 'node:sqlite';

import { z } from 'zod';

import type { Query, Statement } from './statement.ts';

const checkRow = z.object({ quick_check: z.string() });

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

  /**
   * What is wrong with the file, in SQLite's words, or null. Reads every page once, about a second for a gigabyte; indexes are not compared with their tables, which
   * takes several times as long: ours are made again from the events.
   */
  damage(): string | null {
    const found = checkRow.parse(this.#sqlite.prepare('PRAGMA quick_check(1)').get());
    return found.quick_check === 'ok' ? null : found.quick_check;
  }

  /** Statements without values, e.g. table definitions and transaction control. */
  exec(sql: string): void {
    this.#sqlite.exec(sql);
  }

  write({ sql, values }: Statement): void {
    this.#statement(sql).run(...values);
  }

  /** The first row as SQLite gives it. */
  first({ sql, values }: Statement): unknown {
    return this.#statement(sql).get(...values);
  }

  rows<T>({ sql, values, row }: Query<T>): readonly T[] {
    return this.#statement(sql)
      .all(...values)
      .map((found) => row.parse(found));
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
