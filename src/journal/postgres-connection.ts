import { Client, types as defaultTypes, type ClientConfig, type CustomTypesConfig, type QueryConfig } from 'pg';

import type { Query, Statement } from './statement.ts';

const INT8 = 20;

/** Numbers of 8 bytes as numbers: ours are counts and micro-dollars, far below 2⁵³. */
const types: CustomTypesConfig = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') => (oid === INT8 ? Number : defaultTypes.getTypeParser(oid, format)),
};

/** A machine that is gone loses its connections, and their locks, within half a minute. */
export const KEEPALIVES = 'SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3';

/**
 * `synchronous_commit`: a commit that returned survives a power cut. `enable_seqscan`: all is found by key, also by a plan that was made while the tables were empty;
 * so one plan does for all values, and many rows in one statement are planned once.
 * The timeouts: a process that is stopped inside of a transaction, or whose machine is gone,
 * keeps its locks for seconds and not for hours.
 */
export const SESSION = `SET search_path TO converge;
  SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local');
  SET enable_seqscan = off; SET jit = off; SET plan_cache_mode = force_generic_plan;
  SET idle_in_transaction_session_timeout = '10s';
  ${KEEPALIVES}`;

/** How many milliseconds an answer may take before the connection counts as lost; longer than anybody holds a lock. */
const ANSWER_MS = 60_000;

export function clientSettings(url: string): ClientConfig {
  return {
    connectionString: url,
    types,
    pipeline: true,
    keepAlive: true,
    connectionTimeoutMillis: 10_000,
    query_timeout: ANSWER_MS,
    application_name: 'converge',
  };
}

/** One connection to Postgres, opened when it is needed and again after it was lost. */
export class Connection {
  readonly #url: string;
  #client: Promise<Client> | null = null;
  #closed = false;

  constructor(url: string) {
    this.#url = url;
  }

  /** The connection as it is now; statements given to it in one tick go out together, and their answers come back together. */
  client(): Promise<Client> {
    if (this.#closed) throw new Error('the journal is closed');
    if (this.#client !== null) return this.#client;
    const opening = this.#open(() => {
      if (this.#client === opening) this.#client = null;
    });
    this.#client = opening;
    return opening;
  }

  async #open(forget: () => void): Promise<Client> {
    const client = new Client(clientSettings(this.#url));
    // Who waits for an answer is told; without a listener it would end the process.
    client.on('error', forget);
    client.on('end', forget);
    try {
      await client.connect();
      await client.query(SESSION);
      return client;
    } catch (thrown) {
      forget();
      throw thrown;
    }
  }

  async rows<T>(query: Query<T>): Promise<readonly T[]> {
    const client = await this.client();
    gather(client);
    const { rows } = await client.query(prepared(query));
    return rows.map((row: unknown) => query.row.parse(row));
  }

  /** Opens anew for whoever comes next: after a fault nobody knows what this one is in the middle of. */
  async drop(): Promise<void> {
    const dropped = this.#client;
    this.#client = null;
    await dropped?.then((client) => client.end()).catch(() => {});
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.drop();
  }
}

/** What is given to this connection in this tick leaves in one write: a write costs more than a statement. */
export function gather({ connection: { stream } }: Client): void {
  stream.cork();
  process.nextTick(() => stream.uncork());
}

const texts = new Map<string, { readonly name: string; readonly text: string }>();

/** Our statement as `pg` takes it, prepared once for each connection. */
export function prepared({ sql, values }: Statement): QueryConfig<unknown[]> {
  let known = texts.get(sql);
  if (known === undefined) {
    let place = 0;
    known = { name: `converge_${texts.size}`, text: sql.replaceAll('?', () => `$${(place += 1)}`) };
    texts.set(sql, known);
  }
  return { ...known, values: [...values] };
}
