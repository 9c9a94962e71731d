import { randomUUID } from 'node:crypto';

import { Pool, type PoolClient } from 'pg';

import type { StoredEvent } from '../domain/events.ts';
import { Draft, type Task } from './draft.ts';
import { refusal } from './group-commit.ts';
import { clientSettings, SESSION } from './postgres-connection.ts';
import { isFault, throughFaults, unanswered } from './postgres-faults.ts';
import { leave, look, send } from './postgres-transaction.ts';

/** For SQL of others inside of a transaction of the journal; values stand at `$1`, `$2`… */
export interface SqlTransaction {
  query(text: string, values?: readonly unknown[]): Promise<{ readonly rows: readonly unknown[]; readonly rowCount: number }>;
}

interface TogetherOptions {
  readonly url: string;
  readonly clock: () => Date;
  /** Called after commit with what was written, in order. Must not throw. */
  readonly committed: (events: readonly StoredEvent[]) => void;
}

interface Done<T, Also> {
  readonly value: T;
  readonly also: Also;
  readonly events: readonly StoredEvent[];
}

/** Transactions of the journal that somebody else's SQL belongs to, each on a connection of its own, so that other writes need not wait for it. */
export class Together {
  readonly #options: TogetherOptions;
  readonly #pool: Pool;

  constructor(options: TogetherOptions) {
    this.#options = options;
    this.#pool = new Pool({ ...clientSettings(options.url), max: 4 });
    this.#pool.on('connect', (client) => {
      // What goes wrong with a connection is told to who waits for its answer; without a listener it would end the process.
      client.on('error', () => {});
      void client.query(SESSION).catch(() => {});
    });
    this.#pool.on('error', () => {});
  }

  /**
   * Carries the task out and then `also`, in one transaction. What `also` throws undoes both and is passed on. After a lost connection both are done again, unless the
   * attempt before turns out to have been committed.
   */
  async commit<T, Also>(task: Task<T>, also: (tx: SqlTransaction) => Promise<Also>): Promise<Done<T, Also>> {
    const mark = randomUUID();
    let last: Done<T, Also> | undefined;
    const attempt = async (client: PoolClient): Promise<Done<T, Also>> => {
      // Waits for an attempt of ours that the server has not ended yet.
      const [, marked] = await send(client, ['BEGIN', { sql: MARK, values: [mark] }]);
      if (marked?.rowCount === 0 && last !== undefined) return last;
      const draft = new Draft(this.#options.clock);
      await look(client, draft, task.needs);
      const decided = draft.attempt(task);
      if (!decided.ok) throw refusal(decided.error);
      await send(client, leave(draft.statements(), decided.events));
      last = { value: decided.value, also: await also(asTransaction(client)), events: decided.events };
      return last;
    };
    const done = await this.#throughFaults(attempt);
    void this.#pool.query('DELETE FROM writer WHERE id = $1', [mark]).catch(() => {});
    this.#options.committed(done.events);
    return done;
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  async #throughFaults<T, Also>(attempt: (client: PoolClient) => Promise<Done<T, Also>>): Promise<Done<T, Also>> {
    try {
      return await throughFaults(async () => {
        const client = await this.#pool.connect();
        try {
          const done = await attempt(client);
          const [committed] = await send(client, ['COMMIT']);
          if (committed?.command !== 'COMMIT') throw new Error('Postgres rolled the transaction back');
          client.release();
          return done;
        } catch (thrown) {
          // The server rolls back what is open when the connection ends.
          client.release(true);
          throw thrown;
        }
      });
    } catch (thrown) {
      throw isFault(thrown) ? unanswered(thrown) : thrown;
    }
  }
}

const MARK = 'INSERT INTO writer (id, number) VALUES (?, 0) ON CONFLICT (id) DO NOTHING';

function asTransaction(client: PoolClient): SqlTransaction {
  return {
    query: async (text, values = []) => {
      const { rows, rowCount } = await client.query<Record<string, unknown>>(text, [...values]);
      return { rows, rowCount: rowCount ?? 0 };
    },
  };
}
