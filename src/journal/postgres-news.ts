import { z } from 'zod';

import type { StoredEvent } from '../domain/events.ts';
import type { Connection } from './postgres-connection.ts';
import { Ear } from './postgres-ear.ts';
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

/**
 * Tells watchers what any process commits, each event once and those of a scope in order. Postgres' notifications only say how far a scope has come; what is told
 * is read from the journal, from the place where the scope was left, so that nothing is missed across a lost connection.
 */
export class News {
  readonly #watchers = new Watchers();
  readonly #ear: Ear;
  readonly #reader: Connection;
  /** How far each scope was told, or passed when nobody listened to it. */
  readonly #told = new Map<string, number>();
  /** Scopes that are being read; true when more is to be read after that. */
  readonly #reading = new Map<string, boolean>();

  constructor(url: string, reader: Connection) {
    this.#ear = new Ear({
      url,
      channel: CHANNEL,
      // Of a commit of ours the answer comes beside it, and tells it without a look.
      heard: (text) => void setImmediate(() => this.#heard(message.parse(text))),
      again: async (connection) => {
        for (const head of await connection.rows(HEADS)) this.#heard(head);
      },
    });
    this.#reader = reader;
  }

  /** From now on nothing is missed. */
  open(): Promise<void> {
    return this.#ear.open();
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

  close(): Promise<void> {
    return this.#ear.close();
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
