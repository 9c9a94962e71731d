import { ConvergeError, messageOf, Suspended } from '../domain/errors.ts';
import type { StoredEvent } from '../domain/events.ts';
import type { Database } from './database.ts';
import { Draft, idOf, type Task } from './draft.ts';
import { KeptRows } from './kept-rows.ts';
import type { Place, Rows, Table } from './rows.ts';

interface Waiting {
  readonly needs: Task<unknown>['needs'];
  /** Decides it in the draft; gives what must happen once all is on disk. */
  decide(draft: Draft): () => void;
  fail(error: unknown): void;
}

interface GroupCommitOptions {
  readonly database: Database;
  readonly clock: () => Date;
  /** Called after each commit with what it wrote, in order. Must not throw. */
  readonly committed: (events: readonly StoredEvent[]) => void;
}

/**
 * Commits of one tick share one transaction, hence one fsync (facts/performance.md §3); a task that is refused takes nothing else down.
 * A promise resolves when its work is on disk.
 */
export class GroupCommit {
  readonly #options: GroupCommitOptions;
  readonly #kept = new KeptRows();
  #waiting: Waiting[] = [];

  constructor(options: GroupCommitOptions) {
    this.#options = options;
  }

  write<T>(task: Task<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#waiting.length === 0) setImmediate(() => this.flush());
      this.#waiting.push({
        needs: task.needs,
        decide: (draft) => {
          const decided = draft.attempt(task);
          if (!decided.ok) return () => reject(refusal(decided.error));
          return () => resolve(decided.value);
        },
        fail: reject,
      });
    });
  }

  /** A row as the last commits left it; undefined when it is not remembered. */
  kept<T extends Table>(table: T, place: Place): Rows[T] | undefined {
    return this.#kept.get(table, idOf(place));
  }

  /** Looks at every row again: somebody else wrote the tables. */
  forget(): void {
    this.#kept.clear();
  }

  /** Commits what waits, now. */
  flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    if (waiting.length === 0) return;
    let group: { readonly draft: Draft; readonly done: readonly (() => void)[] };
    try {
      group = this.#commit(waiting);
    } catch (thrown) {
      // What the disk refuses, it refuses to all: then nothing of this group is written.
      if (this.#options.database.inTransaction) this.#options.database.exec('ROLLBACK');
      for (const task of waiting) task.fail(unwritable(thrown));
      return;
    }
    this.#kept.keep(group.draft);
    for (const tell of group.done) tell();
    this.#options.committed(group.draft.events);
  }

  #commit(waiting: readonly Waiting[]): { readonly draft: Draft; readonly done: readonly (() => void)[] } {
    const { database, clock } = this.#options;
    const draft = new Draft(clock, this.#kept);
    database.exec('BEGIN IMMEDIATE');
    for (const lookup of draft.lookups(waiting.flatMap(({ needs }) => needs))) lookup.found(database.first(lookup));
    const done = waiting.map((task) => task.decide(draft));
    for (const statement of draft.statements()) database.write(statement);
    database.exec('COMMIT');
    return { draft, done };
  }
}

/** What a task that is refused is answered with. */
export function refusal(thrown: unknown): Error {
  if (thrown instanceof ConvergeError || thrown instanceof Suspended) return thrown;
  return new ConvergeError(
    'journal',
    `The journal refused an event because it contradicts what is recorded: ${messageOf(thrown)}. Nothing was written.`,
    { cause: thrown },
  );
}

function unwritable(thrown: unknown): ConvergeError {
  return new ConvergeError(
    'journal',
    `The journal could not be written: ${messageOf(thrown)}. Nothing of it was recorded; check the disk that holds DATA_DIR, then start Converge again.`,
    { cause: thrown, retry: 'later' },
  );
}
