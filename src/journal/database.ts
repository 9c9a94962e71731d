import { closeSync, fdatasync, fdatasyncSync, openSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { promisify } from 'node:util';

import { z } from 'zod';

import { quickestSync } from './disk-sync.ts';
import type { Query, Statement } from './statement.ts';

const checkRow = z.object({ integrity_check: z.string() });

const BEGIN: Statement = { sql: 'BEGIN IMMEDIATE', values: [] };
const COMMIT: Statement = { sql: 'COMMIT', values: [] };

const synced = promisify(fdatasync);

/** One open SQLite file; statements are prepared once, and rows come out parsed. Synchronous but for `sync`: nothing may be awaited inside a transaction. */
export class Database {
  readonly #sqlite: DatabaseSync;
  readonly #prepared = new Map<string, StatementSync>();

  readonly #logPath: string;
  #log: number | null = null;

  /**
   * WAL with synchronous NORMAL: SQLite syncs its log before it copies from it, and leaves the sync of each commit to `sync`, which is what FULL would do while everybody
   * waits (facts/engine.md §6).
   */
  constructor(path: string) {
    this.#logPath = `${path}-wal`;
    this.#sqlite = new DatabaseSync(path);
    this.#sqlite.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
  }

  /**
   * What is wrong with the file, in SQLite's words, or null. Reads every page, about two seconds for a gigabyte. Not `quick_check`, which leaves out whether an index has what
   * its table has: events are found by one, and what it lacks would be lost without a word.
   */
  damage(): string | null {
    const found = checkRow.parse(this.#sqlite.prepare('PRAGMA integrity_check(1)').get());
    return found.integrity_check === 'ok' ? null : found.integrity_check;
  }

  /** Statements without values, e.g. table definitions and transaction control. */
  exec(sql: string): void {
    this.#sqlite.exec(sql);
  }

  write({ sql, values }: Statement): void {
    this.#statement(sql).run(...values);
  }

  /** All of it in one transaction, or nothing. It survives a power cut when a `sync` that began after it has resolved. */
  commit(statements: readonly Statement[]): void {
    if (statements.length === 0) return;
    this.write(BEGIN);
    try {
      for (const statement of statements) this.write(statement);
      this.write(COMMIT);
    } catch (thrown) {
      if (this.#sqlite.isTransaction) this.exec('ROLLBACK');
      throw thrown;
    }
  }

  /** Syncs what was committed to the disk: in a thread of the system where it takes time, so that this one goes on. */
  readonly sync: () => Promise<void> = quickestSync({
    here: () => fdatasyncSync(this.#logFile()),
    aside: () => synced(this.#logFile()),
    now: () => performance.now(),
  });

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
    if (this.#log !== null) closeSync(this.#log);
    this.#log = null;
    this.#sqlite.close();
  }

  /** None of SQLite's locks is on its log, so that another descriptor of it may be opened and closed. */
  #logFile(): number {
    this.#log ??= openSync(this.#logPath, 'r+');
    return this.#log;
  }

  #statement(sql: string): StatementSync {
    const known = this.#prepared.get(sql);
    if (known) return known;
    const prepared = this.#sqlite.prepare(sql);
    this.#prepared.set(sql, prepared);
    return prepared;
  }
}
