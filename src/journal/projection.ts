import { amountsOfCharge, amountsOfRequest, EMPTY_BALANCE, runAccount, type Balance } from '../domain/account.ts';
import type { RunEvent, StoredEvent } from '../domain/events.ts';
import type { Database, Values } from './database.ts';
import { reservation } from './reads.ts';

/**
 * Projects one event into the index tables: called with each event as it is written, and again with all of them in order when the indexes are
 * rebuilt, so that both give the same tables. Reads nothing but events and the tables it writes.
 * Throws when the event contradicts the indexes (a call issued twice, a charge without reservation).
 */
export function project(database: Database, stored: StoredEvent): void {
  const { scope, n, event } = stored;
  switch (event.type) {
    case 'run.started':
    case 'run.resumed':
    case 'generation.opened':
      return setStatus(database, scope, 'active');
    case 'run.paused':
      return setStatus(database, scope, 'paused');
    case 'run.ended':
      return setStatus(database, scope, 'ended');
    case 'step.done':
      return one(database, 'INSERT INTO step (run, name, n) VALUES (?, ?, ?)', [scope, event.step, n]);
    case 'call.issued':
      return one(database, 'INSERT INTO call (run, key, issued_n) VALUES (?, ?, ?)', [scope, event.key, n]);
    case 'call.settled':
      return one(database, 'UPDATE call SET seq = ?, settled_n = ? WHERE run = ? AND key = ? AND seq IS NULL', [
        event.seq,
        n,
        scope,
        event.key,
      ]);
    case 'effect.intended':
      return one(database, 'INSERT INTO effect (scope, key, intended_n) VALUES (?, ?, ?)', [scope, event.key, n]);
    case 'effect.done':
      return one(database, 'UPDATE effect SET done_n = ? WHERE scope = ? AND key = ? AND done_n IS NULL', [n, scope, event.key]);
    case 'signal.received':
      return one(database, 'INSERT INTO signal (run, id, n) VALUES (?, ?, ?)', [scope, event.id, n]);
    case 'spend.reserved':
      return reserved(database, stored, event);
    case 'spend.charged':
      return charged(database, stored, event);
    // What only the fold of the run reads.
    case 'run.amended':
    case 'phase':
    case 'log':
    case 'agent.started':
    case 'agent.ended':
    case 'shard.accepted':
    case 'shard.returned':
    case 'shard.left-over':
  }
}

type EventOf<T extends RunEvent['type']> = Extract<RunEvent, { readonly type: T }>;

function setStatus(database: Database, run: string, status: 'active' | 'paused' | 'ended'): void {
  one(database, 'INSERT INTO status (run, status) VALUES (?, ?) ON CONFLICT (run) DO UPDATE SET status = excluded.status', [run, status]);
}

function reserved(database: Database, { scope, n }: StoredEvent, event: EventOf<'spend.reserved'>): void {
  one(database, 'INSERT INTO spend (run, id, reserved_n) VALUES (?, ?, ?)', [scope, event.id, n]);
  const wanted = amountsOfRequest(event);
  for (const account of accountsOf(scope, event)) add(database, account, { ...EMPTY_BALANCE, reserved: wanted });
}

function charged(database: Database, { scope, n }: StoredEvent, event: EventOf<'spend.charged'>): void {
  one(database, 'UPDATE spend SET charged_n = ? WHERE run = ? AND id = ? AND charged_n IS NULL', [n, scope, event.id]);
  const request = reservation(database, scope, event.id);
  if (request === undefined) throw new Error(`it charges a request that was never reserved: ${event.id}`);
  const { dollars, tokens, turns } = amountsOfRequest(request);
  const released = { dollars: -dollars, tokens: -tokens, turns: -turns };
  const spent = amountsOfCharge(request, event);
  for (const account of accountsOf(scope, request)) add(database, account, { spent, reserved: released, usage: event.usage });
}

function accountsOf(run: string, { accounts }: EventOf<'spend.reserved'>): readonly string[] {
  return accounts ?? [runAccount(run)];
}

function add(database: Database, account: string, { spent, reserved: held, usage }: Balance): void {
  one(
    database,
    `INSERT INTO balance (account, dollars, tokens, turns, reserved_dollars, reserved_tokens, reserved_turns,
       input, output, cache_read, cache_write_5m, cache_write_1h) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (account) DO UPDATE SET dollars = balance.dollars + excluded.dollars, tokens = balance.tokens + excluded.tokens,
       turns = balance.turns + excluded.turns, reserved_dollars = balance.reserved_dollars + excluded.reserved_dollars,
       reserved_tokens = balance.reserved_tokens + excluded.reserved_tokens, reserved_turns = balance.reserved_turns + excluded.reserved_turns,
       input = balance.input + excluded.input, output = balance.output + excluded.output, cache_read = balance.cache_read + excluded.cache_read,
       cache_write_5m = balance.cache_write_5m + excluded.cache_write_5m, cache_write_1h = balance.cache_write_1h + excluded.cache_write_1h`,
    [
      account,
      spent.dollars,
      spent.tokens,
      spent.turns,
      held.dollars,
      held.tokens,
      held.turns,
      usage.input,
      usage.output,
      usage.cacheRead,
      usage.cacheWrite5m,
      usage.cacheWrite1h,
    ],
  );
}

function one(database: Database, sql: string, values: Values): void {
  const changed = database.write(sql, values);
  if (changed !== 1) throw new Error(`it changes ${changed} rows of an index instead of one: ${sql}`);
}
