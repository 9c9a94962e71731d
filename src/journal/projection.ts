import type { RunEvent, StoredEvent } from '../domain/events.ts';
import type { Database, Values } from './database.ts';

/**
 * Projects one event into the index tables: called with each event as it is written, and again with all of them in order when the indexes are
 * rebuilt, so that both give the same tables. Reads nothing but the event and the tables it writes.
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

function reserved(database: Database, stored: StoredEvent, event: EventOf<'spend.reserved'>): void {
  one(database, 'INSERT INTO spend (run, id, reserved_n, amount) VALUES (?, ?, ?, ?)', [stored.scope, event.id, stored.n, event.amount]);
  database.write('INSERT OR IGNORE INTO balance VALUES (?, 0, 0, 0, 0, 0, 0, 0)', [stored.scope]);
  one(database, 'UPDATE balance SET reserved = reserved + ? WHERE run = ?', [event.amount, stored.scope]);
}

function charged(database: Database, stored: StoredEvent, event: EventOf<'spend.charged'>): void {
  const { input, output, cacheRead, cacheWrite5m, cacheWrite1h } = event.usage;
  one(database, 'UPDATE spend SET charged_n = ? WHERE run = ? AND id = ? AND charged_n IS NULL', [stored.n, stored.scope, event.id]);
  one(
    database,
    `UPDATE balance SET spent = spent + ?, reserved = reserved - (SELECT amount FROM spend WHERE run = balance.run AND id = ?),
       input = input + ?, output = output + ?, cache_read = cache_read + ?, cache_write_5m = cache_write_5m + ?, cache_write_1h = cache_write_1h + ?
     WHERE run = ?`,
    [event.amount, event.id, input, output, cacheRead, cacheWrite5m, cacheWrite1h, stored.scope],
  );
}

function one(database: Database, sql: string, values: Values): void {
  const changed = database.write(sql, values);
  if (changed !== 1) throw new Error(`it changes ${changed} rows of an index instead of one: ${sql}`);
}
