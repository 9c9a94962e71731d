import type { Client, QueryResult } from 'pg';
import { z } from 'zod';

import { ConvergeError } from '../domain/errors.ts';
import type { StoredEvent } from '../domain/events.ts';
import type { Draft } from './draft.ts';
import { gather, prepared } from './postgres-connection.ts';
import { allInserts, allLookups, textArray } from './postgres-batch.ts';
import type { Need } from './rows.ts';
import { INDEX_VERSION } from './schema.ts';
import type { Statement } from './statement.ts';

/** Held until the transaction ends, and taken in one order by all: commits of a run follow each other, and nobody sees number n + 1 before n. */
const LOCK = `SELECT pg_advisory_xact_lock(lock) FROM (
  SELECT DISTINCT hashtextextended('converge ' || name, 0) AS lock FROM unnest(?::text[]) AS name ORDER BY lock
) AS locks`;

export function locks(names: readonly string[]): Statement {
  return { sql: LOCK, values: [textArray(names)] };
}

/** What must stand still while a decision is taken. A trigger and a comment are not of a run yet. */
function lockOf({ table, scope }: Need): string {
  if (table === 'run' || table === 'received' || table === 'balance') return `${table} ${scope}`;
  return `scope ${scope}`;
}

/** Locks what the needs name, in a transaction that has begun, and looks it up: one way there and back. */
export async function look(client: Client, draft: Draft, needs: readonly Need[]): Promise<void> {
  const lookups = allLookups(draft.lookups(needs));
  const [, version, found] = await send(client, [locks([...new Set(needs.map(lockOf))]), VERSION, lookups]);
  demandVersion(version?.rows[0]);
  lookups.found(found?.rows ?? []);
}

export const VERSION = 'SELECT number FROM version';

const versionRow = z.object({ number: z.number() }).optional();

/** The version of the index tables; 0 when there are none. Refuses those of a newer Converge, at each write too: it may have come while we ran. */
export function demandVersion(row: unknown): number {
  const version = versionRow.parse(row)?.number ?? 0;
  if (version <= INDEX_VERSION) return version;
  throw new ConvergeError(
    'journal',
    `The journal in Postgres was written by a newer Converge (version ${version}; this one knows ${INDEX_VERSION}). Start that one everywhere, or use another DATABASE_URL.`,
  );
}

/** Sends all at once, in order, and waits for all answers. */
export function send(client: Client, statements: readonly (Statement | string)[]): Promise<readonly QueryResult<Row>[]> {
  gather(client);
  return Promise.all(statements.map((statement) => client.query<Row>(typeof statement === 'string' ? statement : prepared(statement))));
}

type Row = Record<string, unknown>;

export const CHANNEL = 'converge';

/** What a transaction leaves: rows, and word for all processes that listen how far these scopes have come. */
export function leave(inserts: readonly Statement[], events: readonly StoredEvent[]): readonly Statement[] {
  const last = new Map(events.map(({ scope, n }) => [scope, n]));
  return allInserts(inserts, { channel: CHANNEL, messages: [...last].map(([scope, n]) => JSON.stringify({ scope, n })) });
}
