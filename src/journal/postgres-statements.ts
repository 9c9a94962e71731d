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
 * Statements of a queue on one connection, in the order in which they were asked: each text is planned once, which costs the server more than carrying it out.
 * What pg-boss takes as its database.
 */
export class Statements implements Executor {
  readonly #url: string;
  readonly #connection: Connection;
  readonly #names = new Map<string, string>();

  constructor(url: string) {
    this.#url = url;
    this.#connection = new Connection(url);
  }

  async executeSql(text: string, values: readonly unknown[] = []): Promise<QueryResult<Record<string, unknown>>> {
    const client = await this.#connection.client();
    gather(client);
    const name = this.#nameOf(text);
    try {
      const answered = client.query<Record<string, unknown>>({ text, values: [...values], ...(name === undefined ? {} : { name }) });
      // Several statements in one text may be a transaction: where one fails it stays open, and would take all that follow with it.
      if (name === undefined) void client.query('ROLLBACK').catch(() => undefined);
      return await answered;
    } catch (thrown) {
      if (thrown instanceof Error && 'code' in thrown && thrown.code === OUTDATED) await this.#connection.drop();
      throw thrown;
    }
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

  close(): Promise<void> {
    return this.#connection.close();
  }

  /** Several statements in one text have no plan. */
  #nameOf(text: string): string | undefined {
    if (text.includes(';')) return undefined;
    const known = this.#names.get(text);
    if (known !== undefined || this.#names.size >= MOST) return known;
    const name = `queue_${this.#names.size}`;
    this.#names.set(text, name);
    return name;
  }
}
