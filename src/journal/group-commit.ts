import { ConvergeError, messageOf, Suspended } from '../domain/errors.ts';
import { batchInserts } from './batch-inserts.ts';
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
  readonly database: Pick<Database, 'first' | 'commit' | 'sync'>;
  readonly clock: () => Date;
  /** Called with what a group decided, when it is on disk. Must not throw. */
  readonly committed: (draft: Draft) => void;
}

/**
 * What is asked in a tick, or while a commit is on its way to the disk, shares one transaction, hence one fsync (facts/performance.md §3); a task that is refused takes
 * nothing else down. A promise resolves when its work is on disk. One group is on its way at a time, and the next is decided when its fate is known.
 */
export class GroupCommit {
  readonly #options: GroupCommitOptions;
  readonly #kept = new KeptRows();
  #waiting: Waiting[] = [];
  #running: Promise<void> | null = null;
  /** The group that is being written, until it was told. */
  #onItsWay: Promise<ConvergeError | null> | null = null;
  /** Why nothing can be written any more. */
  #broken: ConvergeError | null = null;

  constructor(options: GroupCommitOptions) {
    this.#options = options;
  }

  write<T>(task: Task<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({
        needs: task.needs,
        decide: (draft) => {
          const decided = draft.attempt(task);
          if (!decided.ok) return () => reject(refusal(decided.error));
          return () => resolve(decided.value);
        },
        fail: reject,
      });
      this.#running ??= this.#run();
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

  /**
   * Resolves when all that the database shows is on disk and was told: nothing is on its way then, in that tick. Rejects when the disk did not confirm what it shows: its
   * authors were refused.
   */
  async synced(): Promise<void> {
    while (this.#onItsWay !== null) await this.#onItsWay;
    if (this.#broken !== null) throw this.#broken;
  }

  /** Resolves when all that was asked for has its answer: nothing is on its way then, in that tick. */
  async idle(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      await nextTick();
      this.#onItsWay = this.#commit(this.#waiting.splice(0));
      const failure = await this.#onItsWay;
      this.#onItsWay = null;
      if (failure === null) continue;
      // Who was not told yet counted on what failed: nothing that was asked for before everybody could know is written.
      await nextTick();
      for (const task of this.#waiting.splice(0)) task.fail(failure);
    }
    this.#running = null;
  }

  async #commit(group: readonly Waiting[]): Promise<ConvergeError | null> {
    let written: Written;
    try {
      written = this.#write(group);
      if (written.statements > 0) await this.#sync();
    } catch (thrown) {
      const failure = thrown instanceof ConvergeError ? thrown : unwritable(thrown);
      for (const task of group) task.fail(failure);
      return failure;
    }
    this.#kept.keep(written.draft);
    for (const tell of written.done) tell();
    this.#options.committed(written.draft);
    return null;
  }

  /** What the disk refuses, it refuses to all: then nothing of this group is written. */
  #write(group: readonly Waiting[]): Written {
    if (this.#broken !== null) throw this.#broken;
    const { database, clock } = this.#options;
    const draft = new Draft(clock, this.#kept);
    for (const lookup of draft.lookups(group.flatMap(({ needs }) => needs))) lookup.found(database.first(lookup));
    const done = group.map((task) => task.decide(draft));
    const statements = batchInserts(draft.statements());
    database.commit(statements);
    return { draft, done, statements: statements.length };
  }

  /** What was committed and did not reach the disk may be lost or not: after that nobody can say what the next group would stand on. */
  async #sync(): Promise<void> {
    try {
      await this.#options.database.sync();
    } catch (thrown) {
      this.#broken = unsynced(thrown);
      throw this.#broken;
    }
  }
}

interface Written {
  readonly draft: Draft;
  readonly done: readonly (() => void)[];
  readonly statements: number;
}

function nextTick(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
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

function unsynced(thrown: unknown): ConvergeError {
  return new ConvergeError(
    'journal',
    `The journal was written, and the disk did not confirm that it holds it: ${messageOf(thrown)}. Nothing more is written by this process; check the disk that holds DATA_DIR, then start Converge again: it looks up what was under way.`,
    { cause: thrown, retry: 'later' },
  );
}
