import { accessSync, constants, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { ConvergeError, messageOf } from '../domain/errors.ts';
import type { StoredEvent } from '../domain/events.ts';
import { Database } from './database.ts';
import type { Task } from './draft.ts';
import { GroupCommit } from './group-commit.ts';
import type { CallState, Journal, SettledCall } from './journal.ts';
import { holdLock, type Lock } from './lock.ts';
import { events as eventsAfter } from './reads.ts';
import { RecentCalls } from './recent-calls.ts';
import { RecentEvents } from './recent-events.ts';
import type { Query } from './statement.ts';
import { prepareTables, rebuildIndexes } from './tables.ts';
import { Verbs } from './verbs.ts';
import { Watchers } from './watchers.ts';

/** The journal in one file; `rebuild` makes the index tables again from the events alone. */
export interface SqliteJournal extends Journal {
  rebuild(): Promise<void>;
}

/**
 * Opens `journal.sqlite` in the directory, which is made when absent, for this process alone. `clock` dates the events; the system's unless told.
 * Ends in a ConvergeError of kind `journal` when the directory cannot be written, another process holds it, a newer Converge wrote it, or its file is damaged.
 */
export async function openSqliteJournal(options: { readonly directory: string; readonly clock?: () => Date }): Promise<SqliteJournal> {
  const { directory, clock = () => new Date() } = options;
  prepareDirectory(directory);
  const lock = holdLock(directory);
  try {
    const database = openSound(join(directory, 'journal.sqlite'));
    prepareTables(database, directory);
    return new Sqlite({ database, lock, clock });
  } catch (thrown) {
    lock.release();
    throw thrown instanceof ConvergeError ? thrown : unusable(directory, thrown);
  }
}

/** Nothing is written to a damaged file: it would spread the damage over what can still be read. */
function openSound(file: string): Database {
  try {
    const database = new Database(file);
    const damage = database.damage();
    if (damage === null) return database;
    database.close();
    throw damaged(file, damage);
  } catch (thrown) {
    throw isDamage(thrown) ? damaged(file, messageOf(thrown)) : thrown;
  }
}

function damaged(file: string, found: string): ConvergeError {
  return new ConvergeError(
    'journal',
    `The journal ${file} is damaged: ${found}. Nothing was written. Copy the data directory first; then put back a backup of journal.sqlite, or see what can be read with: npm run --silent export -- ${dirname(file)} > events.jsonl`,
  );
}

const SQLITE_CORRUPT = 11;

function isDamage(thrown: unknown): boolean {
  return thrown instanceof Error && 'errcode' in thrown && typeof thrown.errcode === 'number' && (thrown.errcode & 0xff) === SQLITE_CORRUPT;
}

function prepareDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true });
    accessSync(directory, constants.W_OK | constants.X_OK);
  } catch (thrown) {
    throw unusable(directory, thrown);
  }
}

function unusable(directory: string, thrown: unknown): ConvergeError {
  return new ConvergeError(
    'journal',
    `The data directory ${directory} cannot be used: ${messageOf(thrown)}. Expected a directory that this process may write, or may make. Set DATA_DIR to one, or change its owner or mode.`,
    { cause: thrown },
  );
}

class Sqlite extends Verbs implements SqliteJournal {
  readonly #database: Database;
  readonly #lock: Lock;
  readonly #commits: GroupCommit;
  readonly #watchers = new Watchers();
  readonly #recent = new RecentEvents();
  readonly #recentCalls = new RecentCalls();

  constructor(parts: { readonly database: Database; readonly lock: Lock; readonly clock: () => Date }) {
    super();
    this.#database = parts.database;
    this.#lock = parts.lock;
    this.#commits = new GroupCommit({
      database: parts.database,
      clock: parts.clock,
      committed: (draft) => {
        this.#recent.add(draft.events);
        this.#recentCalls.add(draft);
        for (const event of draft.events) this.#watchers.tell(event);
      },
    });
  }

  protected override write<T>(task: Task<T>): Promise<T> {
    return this.#commits.write(task);
  }

  protected override async rows<T>(query: Query<T>): Promise<readonly T[]> {
    await this.#commits.synced();
    return this.#database.rows(query);
  }

  override async events(scope: string, after = 0): Promise<readonly StoredEvent[]> {
    const recent = this.#recent.since(scope, after);
    if (recent !== null) return recent;
    await this.#commits.synced();
    const read = this.#database.rows(eventsAfter(scope, after));
    if (after === 0) this.#recent.addRecord(scope, read);
    return read;
  }

  override async call(run: string, key: string): Promise<CallState | undefined> {
    return this.#commits.kept('call', { scope: run, key })?.state ?? super.call(run, key);
  }

  override async settled(run: string, afterSeq: number): Promise<readonly SettledCall[]> {
    return this.#recentCalls.since(run, afterSeq) ?? super.settled(run, afterSeq);
  }

  override watch(scope: string | null, listener: (event: StoredEvent) => void): () => void {
    return this.#watchers.add(scope, listener);
  }

  /** One process writes here, and its lock says so. */
  override fenced(): Journal {
    return this;
  }

  async rebuild(): Promise<void> {
    await this.#commits.idle();
    this.#commits.forget();
    rebuildIndexes(this.#database);
    await this.#database.sync();
  }

  override async close(): Promise<void> {
    await this.#commits.idle();
    this.#database.close();
    this.#lock.release();
  }
}
