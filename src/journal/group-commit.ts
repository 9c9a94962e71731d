import { ConvergeError, messageOf } from '../domain/errors.ts';
import type { RunEvent, StoredEvent } from '../domain/events.ts';
import type { Database } from './database.ts';

/** Writes one event and its index. */
export type Record = (scope: string, event: RunEvent) => StoredEvent;

interface Task {
  /** Does the work inside the open transaction; gives what must happen once it is on disk. */
  attempt(): () => void;
  fail(error: unknown): void;
}

interface GroupCommitOptions {
  readonly database: Database;
  readonly record: Record;
  /** Called after commit with what was written, in order. Must not throw. */
  readonly committed: (events: readonly StoredEvent[]) => void;
}

/**
 * Commits of one tick share one transaction, hence one fsync (facts/performance.md §3). Each work has a savepoint, so that one that throws
 * takes nothing else down. A promise resolves when its work is on disk.
 */
export class GroupCommit {
  readonly #options: GroupCommitOptions;
  #waiting: Task[] = [];

  constructor(options: GroupCommitOptions) {
    this.#options = options;
  }

  write<T>(work: (record: Record) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#waiting.length === 0) setImmediate(() => this.flush());
      this.#waiting.push({
        attempt: () => {
          const events: StoredEvent[] = [];
          const value = work((scope, event) => {
            const stored = this.#options.record(scope, event);
            events.push(stored);
            return stored;
          });
          return () => {
            resolve(value);
            this.#options.committed(events);
          };
        },
        fail: reject,
      });
    });
  }

  /** Commits what waits, now. */
  flush(): void {
    const tasks = this.#waiting;
    this.#waiting = [];
    if (tasks.length === 0) return;
    let done: readonly (() => void)[];
    try {
      done = this.#commit(tasks);
    } catch (thrown) {
      if (this.#options.database.inTransaction) this.#options.database.exec('ROLLBACK');
      for (const task of tasks) task.fail(unwritable(thrown));
      return;
    }
    for (const tell of done) tell();
  }

  #commit(tasks: readonly Task[]): readonly (() => void)[] {
    const { database } = this.#options;
    database.exec('BEGIN IMMEDIATE');
    const done: (() => void)[] = [];
    for (const task of tasks) {
      database.exec('SAVEPOINT work');
      try {
        done.push(task.attempt());
      } catch (thrown) {
        // What the disk refuses, it refuses to all: then nothing of this group is written.
        if (isOfTheDisk(thrown)) throw thrown;
        database.exec('ROLLBACK TO work');
        task.fail(thrown instanceof ConvergeError ? thrown : contradiction(thrown));
      }
      database.exec('RELEASE work');
    }
    database.exec('COMMIT');
    return done;
  }
}

const SQLITE_CONSTRAINT = 19;

function isOfTheDisk(thrown: unknown): boolean {
  if (!(thrown instanceof Error) || !('errcode' in thrown) || typeof thrown.errcode !== 'number') return false;
  // The low byte is the primary result code: https://sqlite.org/rescode.html
  return (thrown.errcode & 0xff) !== SQLITE_CONSTRAINT;
}

function contradiction(thrown: unknown): ConvergeError {
  return new ConvergeError(
    'journal',
    `The journal refused an event because it contradicts what is recorded: ${messageOf(thrown)}. Nothing was written.`,
    {
      cause: thrown,
    },
  );
}

function unwritable(thrown: unknown): ConvergeError {
  return new ConvergeError(
    'journal',
    `The journal could not be written: ${messageOf(thrown)}. Nothing of it was recorded; check the disk that holds DATA_DIR, then start Converge again.`,
    { cause: thrown, retry: 'later' },
  );
}
