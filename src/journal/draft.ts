import { addBalances, type Balance } from '../domain/account.ts';
import type { RunEvent, StoredEvent } from '../domain/events.ts';
import { project, projectionNeeds } from './projection.ts';
import { addToBalance, emptyRows, FIND, insertEvent, SAVE, type Need, type Place, type Rows, type Table } from './rows.ts';
import { sealOf } from './seal.ts';
import type { Query, Statement } from './statement.ts';

/** One write: which rows it must see, and what it decides from them. Asks and changes nothing but the draft; may be decided again after a lost connection. */
export interface Task<T> {
  readonly needs: readonly Need[];
  decide(draft: Draft): T;
}

export type Decided<T> =
  | { readonly ok: true; readonly value: T; readonly events: readonly StoredEvent[] }
  | { readonly ok: false; readonly error: unknown };

/** A row to be looked up; `found` takes what the store gave. */
export interface Lookup<T extends Table = Table> extends Statement {
  readonly table: T;
  found(row: unknown): void;
}

/** Rows as the store has them, for a store that nobody else writes. */
export interface Kept {
  get<T extends Table>(table: T, id: string): Rows[T] | undefined;
}

/**
 * What one transaction is about to write: rows are looked up first, decisions are taken in memory, and then everything is written at once. So a rule stands in one
 * place for all stores, and a store needs one look and one write for all that was asked in a tick.
 */
export class Draft {
  readonly #clock: () => Date;
  readonly #kept: Kept | null;
  readonly #known = emptyRows<undefined>();
  readonly #saves = new Map<string, () => Statement>();
  readonly #added = new Map<string, Balance>();
  #events: StoredEvent[] = [];
  /** One for each event. */
  #records: Statement[] = [];
  #inserts: Statement[] = [];
  #insertsOnInserted: Statement[] = [];
  #undo: (() => void)[] = [];

  constructor(clock: () => Date, kept: Kept | null = null) {
    this.#clock = clock;
    this.#kept = kept;
  }

  /** What has to be looked up before these can be decided, each row once; nothing of what is kept. */
  lookups(needs: readonly Need[]): readonly Lookup[] {
    const asked = new Set<string>();
    return needs.flatMap(({ table, scope, key = '' }) => {
      const place = { scope, key };
      const id = `${table}\u0000${idOf(place)}`;
      if (asked.has(id)) return [];
      asked.add(id);
      return this.#recall(table, place) !== undefined ? [] : [this.#lookup(table, place)];
    });
  }

  /** What is kept, known from here on. */
  #recall<T extends Table>(table: T, place: Place): Rows[T] | undefined {
    const id = idOf(place);
    const row = this.#kept?.get(table, id);
    if (row !== undefined) this.#known[table].set(id, row);
    return row;
  }

  #lookup<T extends Table>(table: T, place: Place): Lookup<T> {
    const { row, sql, values }: Query<Rows[T]> = FIND[table](place.scope, place.key);
    return { table, sql, values, found: (raw) => void this.#known[table].set(idOf(place), raw === undefined ? undefined : row.parse(raw)) };
  }

  /** The row as it stands with all that was decided so far. Throws when it was not looked up. */
  get<T extends Table>(table: T, scope: string, key = ''): Rows[T] | undefined {
    const known = this.#known[table];
    const id = idOf({ scope, key });
    if (!known.has(id)) throw new Error(`${table} ${scope} ${key} was not looked up`);
    return known.get(id);
  }

  put<T extends keyof typeof SAVE>(table: T, { scope, key = '' }: { readonly scope: string; readonly key?: string }, row: Rows[T]): void {
    const place = { scope, key };
    this.#set(table, place, row);
    const id = `${table}\u0000${idOf(place)}`;
    const before = this.#saves.get(id);
    this.#saves.set(id, () => SAVE[table](place, row));
    this.#undo.push(() => (before === undefined ? this.#saves.delete(id) : this.#saves.set(id, before)));
  }

  /** The time that an event would have that is recorded now, ISO 8601. */
  now(): string {
    return this.#clock().toISOString();
  }

  /** Adds to an account, whether or not its balance was looked up. */
  add(account: string, amounts: Balance): void {
    const before = this.#added.get(account);
    this.#added.set(account, before === undefined ? amounts : addBalances(before, amounts));
    this.#undo.push(() => (before === undefined ? this.#added.delete(account) : this.#added.set(account, before)));
    const place = { scope: account, key: '' };
    if (!this.#known.balance.has(idOf(place)) && this.#recall('balance', place) === undefined) return;
    const balance = this.#known.balance.get(idOf(place));
    this.#set('balance', place, balance === undefined ? amounts : addBalances(balance, amounts));
  }

  /** For a row that no decision looks at. */
  insert(statement: Statement): void {
    this.#inserts.push(statement);
  }

  /** For a row that stands on one of those: written after all of them. */
  insertOnInserted(statement: Statement): void {
    this.#insertsOnInserted.push(statement);
  }

  /** Writes one event and its index. Throws when the event contradicts the indexes. */
  record(scope: string, event: RunEvent): StoredEvent {
    const head = this.get('head', scope) ?? { n: 0, seq: 0, seal: null };
    const stored = { scope, n: head.n + 1, at: this.now(), event };
    const seq = event.type === 'call.settled' ? event.seq : head.seq;
    const body = JSON.stringify(event);
    const seal = sealOf(head.seal, stored, body);
    this.#set('head', { scope, key: '' }, { n: stored.n, seq, seal });
    this.#events.push(stored);
    this.#records.push(insertEvent(stored, body, seal));
    project(this, stored);
    return stored;
  }

  /** Decides one task; one that throws leaves nothing of itself behind. */
  attempt<T>(task: Task<T>): Decided<T> {
    const [events, records] = [this.#events.length, this.#records.length];
    const [inserts, onInserted] = [this.#inserts.length, this.#insertsOnInserted.length];
    this.#undo = [];
    try {
      const value = task.decide(this);
      return { ok: true, value, events: this.#events.slice(events) };
    } catch (error) {
      for (const undo of this.#undo.toReversed()) undo();
      this.#events = this.#events.slice(0, events);
      this.#records = this.#records.slice(0, records);
      this.#inserts = this.#inserts.slice(0, inserts);
      this.#insertsOnInserted = this.#insertsOnInserted.slice(0, onInserted);
      return { ok: false, error };
    }
  }

  projectionLookups(events: readonly StoredEvent[]): readonly Lookup[] {
    return this.lookups(events.flatMap(({ scope, event }) => projectionNeeds(scope, event)));
  }

  /** For a rebuild: the index rows of events that are there already. */
  projectAgain(events: readonly StoredEvent[]): void {
    for (const event of events) project(this, event);
  }

  /** Recorded so far, in order. */
  get events(): readonly StoredEvent[] {
    return this.#events;
  }

  /** The rows of a table that it looked up or decided, as they stand. */
  rowsOf<T extends Table>(table: T): Iterable<readonly [id: string, row: Rows[T] | undefined]> {
    return this.#known[table];
  }

  /** All that was decided. Accounts come last and in one order for everybody, so that two writers never wait for each other. */
  statements(): readonly Statement[] {
    const accounts = [...this.#added].toSorted(([a], [b]) => (a < b ? -1 : 1));
    return [
      ...this.#records,
      ...this.#inserts,
      ...this.#insertsOnInserted,
      ...[...this.#saves.values()].map((save) => save()),
      ...accounts.map(([account, amounts]) => addToBalance(account, amounts)),
    ];
  }

  #set<T extends Table>(table: T, place: Place, row: Rows[T]): void {
    const known = this.#known[table];
    const id = idOf(place);
    const before = known.has(id) ? { row: known.get(id) } : undefined;
    known.set(id, row);
    this.#undo.push(() => (before === undefined ? known.delete(id) : known.set(id, before.row)));
  }
}

/** Names a row within its table. */
export function idOf({ scope, key }: Place): string {
  return `${scope}\u0000${key}`;
}
