import { accessSync, constants, mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { amountsOfRequest, shortagesOf, type Balance, type Shortage } from '../domain/account.ts';
import { ConvergeError, messageOf } from '../domain/errors.ts';
import type { RunEvent, StoredEvent } from '../domain/events.ts';
import type { Json } from '../domain/json.ts';
import { Database } from './database.ts';
import { GroupCommit, type Record } from './group-commit.ts';
import type {
  CallOutcome,
  CallState,
  Charge,
  DoneEffect,
  EffectState,
  IssuedCall,
  Journal,
  OpenReservation,
  Reservation,
  SettledCall,
  Signal,
  TurnRecord,
} from './journal.ts';
import { holdLock, type Lock } from './lock.ts';
import { project } from './projection.ts';
import * as read from './reads.ts';
import { prepareTables, rebuildIndexes } from './tables.ts';

/** The journal in one file; `rebuild` makes the index tables again from the events alone. */
export interface SqliteJournal extends Journal {
  rebuild(): Promise<void>;
}

/**
 * Opens `journal.sqlite` in the directory, which is made when absent, for this process alone. `clock` dates the events; the system's unless told.
 * Ends in a ConvergeError of kind `journal` when the directory cannot be written, another process holds it, or a newer Converge wrote it.
 */
export async function openSqliteJournal(options: { readonly directory: string; readonly clock?: () => Date }): Promise<SqliteJournal> {
  const { directory, clock = () => new Date() } = options;
  prepareDirectory(directory);
  const lock = holdLock(directory);
  try {
    const database = new Database(join(directory, 'journal.sqlite'));
    prepareTables(database, directory);
    return new Sqlite({ database, lock, clock });
  } catch (thrown) {
    lock.release();
    throw thrown instanceof ConvergeError ? thrown : unusable(directory, thrown);
  }
}

function prepareDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true });
    accessSync(directory, constants.W_OK | constants.X_OK);
  } catch (thrown) {
    throw unusable(directory, thrown);
  }
}

function unusable(directory: string, thrown: unknown): ConvergeError {
  return new ConvergeError(
    'journal',
    `The data directory ${directory} cannot be used: ${messageOf(thrown)}. Expected a directory that this process may write, or may make. Set DATA_DIR to one, or change its owner or mode.`,
    { cause: thrown },
  );
}

interface Watcher {
  readonly scope: string | null;
  readonly listener: (event: StoredEvent) => void;
}

class Sqlite implements SqliteJournal {
  readonly #database: Database;
  readonly #lock: Lock;
  readonly #commits: GroupCommit;
  readonly #watchers = new Set<Watcher>();

  constructor(parts: { readonly database: Database; readonly lock: Lock; readonly clock: () => Date }) {
    this.#database = parts.database;
    this.#lock = parts.lock;
    this.#commits = new GroupCommit({
      database: parts.database,
      record: recorder(parts.database, parts.clock),
      committed: (events) => this.#tell(events),
    });
  }

  start(options: {
    readonly run: string;
    readonly trigger: string;
    readonly event: RunEvent;
  }): Promise<{ readonly run: string; readonly created: boolean }> {
    return this.#commits.write((record) => {
      const existing = read.runOfTrigger(this.#database, options.trigger);
      if (existing !== undefined) return { run: existing, created: false };
      this.#database.write('INSERT INTO run (id, trigger_key) VALUES (?, ?)', [options.run, options.trigger]);
      record(options.run, options.event);
      return { run: options.run, created: true };
    });
  }

  async unfinished(): Promise<readonly string[]> {
    return read.unfinishedRuns(this.#database);
  }

  async runs(): Promise<readonly string[]> {
    return read.allRuns(this.#database);
  }

  append(scope: string, events: readonly RunEvent[]): Promise<readonly StoredEvent[]> {
    return this.#commits.write((record) => events.map((event) => record(scope, event)));
  }

  async events(scope: string, after = 0): Promise<readonly StoredEvent[]> {
    return read.events(this.#database, scope, after);
  }

  async doneStep(run: string, name: string): Promise<{ readonly result: Json } | undefined> {
    return read.doneStep(this.#database, run, name);
  }

  watch(scope: string | null, listener: (event: StoredEvent) => void): () => void {
    const watcher = { scope, listener };
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  issue(run: string, calls: readonly IssuedCall[]): Promise<readonly CallState[]> {
    return this.#commits.write((record) =>
      calls.map((call) => {
        const known = read.call(this.#database, run, call.key);
        if (known !== undefined) return known;
        record(run, { type: 'call.issued', ...call });
        return { ...call, settled: null };
      }),
    );
  }

  settle(run: string, key: string, outcome: CallOutcome): Promise<number> {
    return this.#commits.write((record) => {
      const known = read.call(this.#database, run, key);
      if (known === undefined)
        throw new ConvergeError('journal', `Call ${key} of run ${run} was settled but never issued. Issue it first.`);
      if (known.settled !== null) return known.settled.seq;
      const seq = read.lastSeq(this.#database, run) + 1;
      record(run, { type: 'call.settled', key, seq, outcome });
      return seq;
    });
  }

  async call(run: string, key: string): Promise<CallState | undefined> {
    return read.call(this.#database, run, key);
  }

  async settled(run: string, afterSeq: number): Promise<readonly SettledCall[]> {
    return read.settledCalls(this.#database, run, afterSeq);
  }

  async calls(run: string): Promise<readonly CallState[]> {
    return read.calls(this.#database, run);
  }

  async checkpoint(run: string, agent: string, turn: TurnRecord): Promise<void> {
    const values = [run, agent, turn.n, turn.part, JSON.stringify(turn.data), JSON.stringify(turn.overlay)];
    await this.#commits.write(() =>
      this.#database.write('INSERT OR IGNORE INTO checkpoint (run, agent, n, part, data, overlay) VALUES (?, ?, ?, ?, ?, ?)', values),
    );
  }

  async checkpoints(run: string, agent: string): Promise<readonly TurnRecord[]> {
    return read.checkpoints(this.#database, run, agent);
  }

  signal(run: string, signal: Signal): Promise<boolean> {
    return this.#commits.write((record) => {
      if (read.hasSignal(this.#database, run, signal.id)) return false;
      const { id, name, by, text } = signal;
      record(run, { type: 'signal.received', id, name, by, text });
      return true;
    });
  }

  async signals(run: string): Promise<readonly Signal[]> {
    return read.signals(this.#database, run);
  }

  intend(scope: string, key: string, intent: Json): Promise<{ readonly fresh: boolean; readonly done: boolean; readonly result: Json }> {
    return this.#commits.write((record) => {
      const known = read.effect(this.#database, scope, key);
      if (known !== undefined) return { fresh: false, done: known.done, result: known.result };
      record(scope, { type: 'effect.intended', key, intent });
      return { fresh: true, done: false, result: null };
    });
  }

  async done(scope: string, key: string, result: Json): Promise<void> {
    await this.#commits.write((record) => {
      const known = read.effect(this.#database, scope, key);
      if (known === undefined)
        throw new ConvergeError('journal', `Effect ${key} of ${scope} was done but never intended. Write its intent before acting.`);
      if (!known.done) record(scope, { type: 'effect.done', key, result });
    });
  }

  async effects(scope: string): Promise<readonly EffectState[]> {
    return read.effects(this.#database, scope);
  }

  async doneSince(at: string): Promise<readonly DoneEffect[]> {
    return read.doneSince(this.#database, at);
  }

  reserve(
    run: string,
    reservation: Reservation,
  ): Promise<{ readonly ok: true } | { readonly ok: false; readonly short: readonly Shortage[] }> {
    return this.#commits.write((record) => {
      const { accounts, ...request } = reservation;
      demandWhole('reservation', [request.amount, request.tokens]);
      const balances = accounts.map((account) => ({ account, balance: read.balance(this.#database, account.name) }));
      // Invariant 3: asked and written in one transaction, so that no two reservations see the same room.
      const short = shortagesOf(amountsOfRequest(request), balances);
      if (short.length > 0) return { ok: false, short };
      record(run, { type: 'spend.reserved', ...request, accounts: accounts.map(({ name }) => name) });
      return { ok: true };
    });
  }

  async charge(run: string, charge: Charge): Promise<void> {
    await this.#commits.write((record) => {
      demandWhole('charge', [charge.amount]);
      const state = read.reservationState(this.#database, run, charge.id);
      if (state === 'absent')
        throw new ConvergeError('journal', `Request ${charge.id} of run ${run} was charged but never reserved. Reserve before sending.`);
      const { id, amount, usage, known } = charge;
      if (state === 'open') record(run, { type: 'spend.charged', id, amount, usage, known });
    });
  }

  async balance(account: string): Promise<Balance> {
    return read.balance(this.#database, account);
  }

  async openReservations(run: string | null): Promise<readonly OpenReservation[]> {
    return read.openReservations(this.#database, run);
  }

  /** One process writes here, and its lock says so. */
  fenced(): Journal {
    return this;
  }

  receive(id: string, payload: Json): Promise<boolean> {
    return this.#commits.write(() => {
      this.#database.write('INSERT OR IGNORE INTO received (id, payload) VALUES (?, ?)', [id, JSON.stringify(payload)]);
      return read.isWaiting(this.#database, id);
    });
  }

  async received(): Promise<readonly { readonly id: string; readonly payload: Json }[]> {
    return read.received(this.#database);
  }

  async processed(id: string): Promise<void> {
    // The payload has served; the id stays, so that a late redelivery is known.
    await this.#commits.write(() => this.#database.write('UPDATE received SET payload = NULL WHERE id = ?', [id]));
  }

  async rebuild(): Promise<void> {
    this.#commits.flush();
    rebuildIndexes(this.#database);
  }

  async close(): Promise<void> {
    this.#commits.flush();
    this.#database.close();
    this.#lock.release();
  }

  #tell(events: readonly StoredEvent[]): void {
    for (const event of events) {
      for (const { scope, listener } of this.#watchers) if (scope === null || scope === event.scope) listener(event);
    }
  }
}

function recorder(database: Database, clock: () => Date): Record {
  return (scope, event) => {
    const stored = { scope, n: read.lastEvent(database, scope) + 1, at: clock().toISOString(), event };
    database.write('INSERT INTO event (scope, n, at, body) VALUES (?, ?, ?, ?)', [scope, stored.n, stored.at, JSON.stringify(event)]);
    project(database, stored);
    return stored;
  };
}

function demandWhole(what: string, amounts: readonly number[]): void {
  for (const amount of amounts) {
    if (Number.isSafeInteger(amount) && amount >= 0) continue;
    throw new ConvergeError('journal', `A ${what} of ${amount} micro-dollars or tokens was found; expected a whole number of 0 or more.`);
  }
}
