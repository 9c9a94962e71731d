import { randomUUID } from 'node:crypto';

import type { Client } from 'pg';
import { z } from 'zod';

import type { StoredEvent } from '../domain/events.ts';
import { Draft, type Task } from './draft.ts';
import { refusal } from './group-commit.ts';
import { Connection } from './postgres-connection.ts';
import { throughFaults, unanswered } from './postgres-faults.ts';
import { leave, look, send } from './postgres-transaction.ts';

interface Waiting {
  readonly needs: Task<unknown>['needs'];
  /** Decides it in the draft; gives what must happen once all is on disk. */
  decide(draft: Draft): () => void;
  fail(error: unknown): void;
}

interface CommitsOptions {
  readonly url: string;
  readonly clock: () => Date;
  /** Called after commit with what was written, in order. Must not throw. */
  readonly committed: (events: readonly StoredEvent[]) => void;
}

const writerRow = z.object({ number: z.number() });

/**
 * What is asked in a tick, or while a commit is under way, is one transaction: one way to Postgres to look, one to write and commit. Groups follow each other on one
 * connection, so that this process's writes are committed in the order in which they were asked.
 */
export class PostgresCommits {
  readonly #options: CommitsOptions;
  readonly #connection: Connection;
  /** Names this process's row in `writer`, where the number of its last group stands. */
  readonly #writer = randomUUID();
  #number = 0;
  #waiting: Waiting[] = [];
  #running: Promise<void> | null = null;
  #closed = false;

  constructor(options: CommitsOptions) {
    this.#options = options;
    this.#connection = new Connection(options.url);
  }

  write<T>(task: Task<T>): Promise<T> {
    if (this.#closed) return Promise.reject(unanswered(new Error('the journal is closed')));
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({
        needs: task.needs,
        decide: (draft) => {
          const decided = draft.attempt(task);
          if (!decided.ok) return () => reject(refusal(decided.error));
          return () => {
            resolve(decided.value);
            this.#options.committed(decided.events);
          };
        },
        fail: reject,
      });
      this.#running ??= this.#run();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
    if (this.#number > 0) await this.#forget().catch(() => {});
    await this.#connection.close();
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      // What is asked in one tick belongs into one transaction, whoever asks first.
      await new Promise((resolve) => setImmediate(resolve));
      const group = this.#waiting;
      this.#waiting = [];
      await this.#commit(group);
    }
    this.#running = null;
  }

  async #commit(group: readonly Waiting[]): Promise<void> {
    this.#number += 1;
    const done: { decided: readonly (() => void)[]; sent: boolean } = { decided: [], sent: false };
    try {
      await throughFaults(async () => {
        const client = await this.#connection.client();
        try {
          await this.#carryOut(client, group, done);
        } catch (thrown) {
          await this.#connection.drop();
          throw thrown;
        }
      });
    } catch (thrown) {
      // One that Postgres refuses (a text that it cannot hold) takes none of its neighbours down.
      if (group.length > 1 && isOfTheData(thrown)) for (const task of group) await this.#commit([task]);
      else for (const task of group) task.fail(isOfTheData(thrown) ? refusal(thrown) : unanswered(thrown));
      return;
    }
    for (const tell of done.decided) tell();
  }

  async #carryOut(client: Client, group: readonly Waiting[], done: { decided: readonly (() => void)[]; sent: boolean }): Promise<void> {
    const draft = new Draft(this.#options.clock);
    const begun = send(client, ['BEGIN']);
    await Promise.all([
      begun,
      look(
        client,
        draft,
        group.flatMap(({ needs }) => needs),
      ),
    ]);
    // Under the locks of its scopes an earlier attempt has ended one way or the other.
    if (done.sent && (await this.#committed(client))) return void (await send(client, ['COMMIT']));
    done.decided = group.map((task) => task.decide(draft));
    const statements = draft.statements();
    if (statements.length === 0) return void (await send(client, ['COMMIT']));
    done.sent = true;
    const results = await send(client, [...leave([...statements, this.#sign()], draft.events), 'COMMIT']);
    if (results.at(-1)?.command !== 'COMMIT') throw new Error('Postgres rolled the transaction back');
  }

  async #committed(client: Client): Promise<boolean> {
    const [found] = await send(client, [{ sql: 'SELECT number FROM writer WHERE id = ?', values: [this.#writer] }]);
    const row = writerRow.safeParse(found?.rows[0]);
    return row.success && row.data.number === this.#number;
  }

  #sign() {
    return {
      sql: 'INSERT INTO writer (id, number) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET number = excluded.number',
      values: [this.#writer, this.#number],
    };
  }

  async #forget(): Promise<void> {
    const client = await this.#connection.client();
    await send(client, [{ sql: 'DELETE FROM writer WHERE id = ?', values: [this.#writer] }]);
  }
}

/** SQLSTATE classes 22 (data) and 23 (constraints). */
function isOfTheData(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' && /^2[23]/u.test(thrown.code);
}
