import { setTimeout as wait } from 'node:timers/promises';

import { z } from 'zod';

import type { StoredEvent } from '../domain/events.ts';
import { Connection } from './postgres-connection.ts';
import { throughFaults } from './postgres-faults.ts';
import { CHANNEL } from './postgres-transaction.ts';
import { events } from './reads.ts';
import type { Query } from './statement.ts';
import { Watchers } from './watchers.ts';

interface Head {
  readonly scope: string;
  readonly n: number;
}

/** The last event of each scope, one step in the index for each. */
const HEADS: Query<Head> = {
  row: z.object({ scope: z.string(), n: z.number() }),
  sql: `WITH RECURSIVE head AS (
      (SELECT scope, n FROM event ORDER BY scope DESC, n DESC LIMIT 1)
      UNION ALL
      SELECT before.scope, before.n FROM head,
        LATERAL (SELECT scope, n FROM event WHERE event.scope < head.scope ORDER BY scope DESC, n DESC LIMIT 1) AS before
    ) SELECT scope, n FROM head`,
  values: [],
};

const message = z
  .string()
  .transform((text): unknown => JSON.parse(text))
  .pipe(HEADS.row);

/** A connection that says nothing for so long is asked whether it lives. */
const PULSE_MS = 10_000;

/**
 * Tells watchers what any process commits, each event once and those of a scope in order. Postgres' notifications only say how far a scope has come; what is told
 * is read from the journal, from the place where the scope was left, so that nothing is missed across a lost connection.
 */
export class News {
  readonly #watchers = new Watchers();
  readonly #ear: Connection;
  readonly #reader: Connection;
  /** How far each scope was told, or passed when nobody listened to it. */
  readonly #told = new Map<string, number>();
  /** Scopes that are being read; true when more is to be read after that. */
  readonly #reading = new Map<string, boolean>();
  readonly #life = new AbortController();
  #listening: Promise<void> = Promise.resolve();

  constructor(url: string, reader: Connection) {
    this.#ear = new Connection(url);
    this.#reader = reader;
  }

  /** From now on nothing is missed. */
  async open(): Promise<void> {
    await this.#listen();
    this.#listening = this.#keepListening();
  }

  watch(scope: string | null, listener: (event: StoredEvent) => void): () => void {
    return this.#watchers.add(scope, listener);
  }

  /** This process's own commit, told at once unless others came in between that were not told yet. */
  committed(own: readonly StoredEvent[]): void {
    for (const event of own) {
      const told = this.#told.get(event.scope) ?? 0;
      if (event.n === told + 1) this.#tell(event);
      else if (event.n > told) this.#heard(event);
    }
  }

  async close(): Promise<void> {
    this.#life.abort();
    await this.#ear.close();
    await this.#listening;
  }

  async #listen(): Promise<void> {
    const client = await this.#ear.client();
    client.on('notification', ({ payload }) => this.#heard(message.parse(payload)));
    await client.query(`LISTEN ${CHANNEL}`);
    for (const head of await this.#ear.rows(HEADS)) this.#heard(head);
  }

  async #keepListening(): Promise<void> {
    const { signal } = this.#life;
    let client = await this.#ear.client();
    while (!signal.aborted) {
      const ended = Promise.withResolvers<void>();
      client.once('end', () => ended.resolve());
      await Promise.race([ended.promise, wait(PULSE_MS, undefined, { signal }).catch(() => {})]);
      if (signal.aborted) return;
      try {
        if ((await this.#ear.client()) === client) await client.query('SELECT 1');
        else {
          await this.#listen();
          client = await this.#ear.client();
        }
      } catch {
        await this.#ear.drop();
        await wait(100, undefined, { signal }).catch(() => {});
      }
    }
  }

  #heard({ scope, n }: Head): void {
    if (n <= (this.#told.get(scope) ?? 0)) return;
    if (!this.#watchers.listensTo(scope)) return void this.#told.set(scope, n);
    const reading = this.#reading.has(scope);
    this.#reading.set(scope, reading);
    if (!reading) void this.#catchUp(scope);
  }

  async #catchUp(scope: string): Promise<void> {
    try {
      for (let more = true; more; more = this.#reading.get(scope) === true) {
        this.#reading.set(scope, false);
        const found = await throughFaults(() => this.#reader.rows(events(scope, this.#told.get(scope) ?? 0)), Number.POSITIVE_INFINITY);
        for (const event of found) if (event.n > (this.#told.get(scope) ?? 0)) this.#tell(event);
      }
    } catch {
      // Closed meanwhile: nobody is there to be told.
    } finally {
      this.#reading.delete(scope);
    }
  }

  #tell(event: StoredEvent): void {
    this.#told.set(event.scope, event.n);
    this.#watchers.tell(event);
  }
}
