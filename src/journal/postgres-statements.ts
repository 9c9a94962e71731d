import type { QueryResult } from 'pg';

import { Connection, gather } from './postgres-connection.ts';
import { Ear } from './postgres-ear.ts';

/** Carries statements out; values stand at `$1`, `$2`… */
export interface Executor {
  executeSql(text: string, values?: readonly unknown[]): Promise<QueryResult<Record<string, unknown>>>;
}

/** Texts at most that are planned once; there are some twenty. */
const MOST = 100;

/** The same columns have changed under a plan: another version has altered the tables. */
const OUTDATED = '0A000';

/**
 * Statements of a queue on one connection, in the order in which they were asked: each text is planned once, which costs the server more than carrying it out. Texts of several
 * statements, which are pg-boss's own upkeep and wait for locks, go over another: no heartbeat waits behind them. What pg-boss takes as its database.
 */
export class Statements implements Executor {
  readonly #url: string;
  readonly #connection: Connection;
  readonly #upkeep: Connection;
  readonly #names = new Map<string, string>();

  constructor(url: string) {
    this.#url = url;
    this.#connection = new Connection(url);
    this.#upkeep = new Connection(url);
  }

  async executeSql(text: string, values: readonly unknown[] = []): Promise<QueryResult<Record<string, unknown>>> {
    if (text.includes(';')) return this.#severalAtOnce(text, values);
    const client = await this.#connection.client();
    gather(client);
    const name = this.#nameOf(text);
    try {
      return await client.query<Record<string, unknown>>({ text, values: [...values], ...(name === undefined ? {} : { name }) });
    } catch (thrown) {
      if (thrown instanceof Error && 'code' in thrown && thrown.code === OUTDATED) await this.#connection.drop();
      throw thrown;
    }
  }

  /** They may be a transaction: where one fails it stays open, and would take all that follow with it. */
  async #severalAtOnce(text: string, values: readonly unknown[]): Promise<QueryResult<Record<string, unknown>>> {
    const client = await this.#upkeep.client();
    gather(client);
    const answered = client.query<Record<string, unknown>>(text, [...values]);
    void client.query('ROLLBACK').catch(() => undefined);
    return answered;
  }

  /** All that `work` does, or nothing. */
  async transaction<T>(work: (executor: Executor) => Promise<T>): Promise<T> {
    // Not among the statements of others. The server rolls back what is open when the connection ends.
    const own = new Connection(this.#url);
    try {
      const client = await own.client();
      await client.query('BEGIN');
      const done = await work({ executeSql: (text, values = []) => client.query({ text, values: [...values] }) });
      await client.query('COMMIT');
      return done;
    } finally {
      await own.close();
    }
  }

  /** `again` is called whenever it listens anew: what was said before that was missed. */
  async listen(channel: string, heard: (message: string) => void, again: () => void): Promise<{ close(): Promise<void> }> {
    const ear = new Ear({ url: this.#url, channel, heard, again });
    await ear.open();
    return ear;
  }

  async close(): Promise<void> {
    await Promise.all([this.#connection.close(), this.#upkeep.close()]);
  }

  #nameOf(text: string): string | undefined {
    const known = this.#names.get(text);
    if (known !== undefined || this.#names.size >= MOST) return known;
    const name = `queue_${this.#names.size}`;
    this.#names.set(text, name);
    return name;
  }
}
