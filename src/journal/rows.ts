import { z } from 'zod';

import type { Balance } from '../domain/account.ts';
import type { EventOf, StoredEvent } from '../domain/events.ts';
import type { Work } from '../domain/standing.ts';
import { spendReserved } from './event-schema.ts';
import type { CallState, EffectState } from './journal.ts';
import { balanceRow, callRow, CALLS, effectRow, EFFECTS, SPENDS } from './reads.ts';
import type { Query, Statement } from './statement.ts';

/** What a write looks at or changes, by the table it stands in and a scope and a key there. Numbers named `…N` are places of events in the scope. */
export interface Rows {
  /** The last event of a scope with its seal, and the last commit number of the run; 0 when there is none. The seal is null too after events of versions without. */
  readonly head: { readonly n: number; readonly seq: number; readonly seal: string | null };
  /** Scope: the trigger. */
  readonly run: { readonly id: string };
  readonly status: { readonly status: 'active' | 'paused' | 'ended' };
  readonly step: { readonly n: number };
  readonly call: { readonly state: CallState; readonly issuedN: number; readonly settledN: number | null };
  readonly effect: { readonly state: EffectState; readonly intendedN: number; readonly doneN: number | null };
  readonly signal: { readonly n: number };
  readonly spend: {
    readonly request: EventOf<'spend.reserved'>;
    readonly reservedN: number;
    readonly chargedN: number | null;
  };
  /** Scope: the account. */
  readonly balance: Balance;
  /** An agent that made a request: the first. */
  readonly agent: { readonly n: number };
  /** A run's: `since` is the moment up to which its hours are counted, while it works. */
  readonly work: Work & { readonly owner: string; readonly repo: string };
  /** Scope: the comment's id. The payload is null once it was processed. */
  readonly received: { readonly payload: string | null };
  /** Key: empty for the run's own. */
  readonly claim: { readonly attempt: number; readonly owner: string };
}

export type Table = keyof Rows;

/** Rows by their place, a map for each table; `Absent` stands for a row that is known not to be there. */
export function emptyRows<Absent>(): { readonly [T in Table]: Map<string, Rows[T] | Absent> } {
  return {
    head: new Map(),
    run: new Map(),
    status: new Map(),
    step: new Map(),
    call: new Map(),
    effect: new Map(),
    signal: new Map(),
    spend: new Map(),
    balance: new Map(),
    agent: new Map(),
    work: new Map(),
    received: new Map(),
    claim: new Map(),
  };
}

/** A row that a write needs to see. */
export interface Need {
  readonly table: Table;
  readonly scope: string;
  readonly key?: string;
}

type Find<T extends Table> = (scope: string, key: string) => Query<Rows[T]>;

// Made once: zod compiles a schema when it is first used.
const headRow = z.object({ n: z.number(), seq: z.number(), seal: z.string().nullable() });
const runRow = z.object({ id: z.string() });
const statusRow = z.object({ status: z.enum(['active', 'paused', 'ended']) });
const numberedRow = z.object({ n: z.number() });
const spendRow = z
  .object({ body: spendReserved, reserved_n: z.number(), charged_n: z.number().nullable() })
  .transform(({ body, reserved_n: reservedN, charged_n: chargedN }) => ({ request: body, reservedN, chargedN }));
const workRow = z
  .object({ owner: z.string(), repo: z.string(), approved: z.number(), since: z.string().nullable() })
  .transform(({ approved, ...row }) => ({ ...row, approved: approved === 1 }));
const receivedRow = z.object({ payload: z.string().nullable() });
const claimRow = z.object({ attempt: z.number(), owner: z.string() });

export const FIND: { readonly [T in Table]: Find<T> } = {
  head: (scope) => ({
    row: headRow,
    sql: `SELECT (SELECT coalesce(max(n), 0) FROM event WHERE scope = ?) AS n,
      (SELECT coalesce(max(seq), 0) FROM call WHERE run = ? AND seq IS NOT NULL) AS seq,
      (SELECT seal FROM event WHERE scope = ? ORDER BY n DESC LIMIT 1) AS seal`,
    values: [scope, scope, scope],
  }),
  run: (trigger) => ({ row: runRow, sql: 'SELECT id FROM run WHERE trigger_key = ?', values: [trigger] }),
  status: (run) => ({
    row: statusRow,
    sql: 'SELECT status FROM status WHERE run = ?',
    values: [run],
  }),
  step: (run, name) => ({ row: numberedRow, sql: 'SELECT n FROM step WHERE run = ? AND name = ?', values: [run, name] }),
  call: (run, key) => ({
    row: callRow,
    sql: `${CALLS} AND call.key = ?`,
    values: [run, key],
  }),
  effect: (scope, key) => ({
    row: effectRow,
    sql: `${EFFECTS} AND effect.key = ?`,
    values: [scope, key],
  }),
  signal: (run, id) => ({ row: numberedRow, sql: 'SELECT n FROM signal WHERE run = ? AND id = ?', values: [run, id] }),
  spend: (run, id) => ({
    row: spendRow,
    sql: `${SPENDS} AND spend.id = ?`,
    values: [run, id],
  }),
  balance: (account) => ({ row: balanceRow, sql: 'SELECT * FROM balance WHERE account = ?', values: [account] }),
  agent: (run, id) => ({ row: numberedRow, sql: 'SELECT n FROM agent WHERE run = ? AND id = ?', values: [run, id] }),
  work: (run) => ({ row: workRow, sql: 'SELECT owner, repo, approved, since FROM work WHERE run = ?', values: [run] }),
  received: (id) => ({
    row: receivedRow,
    sql: 'SELECT payload FROM received WHERE id = ?',
    values: [id],
  }),
  claim: (run, key) => ({
    row: claimRow,
    sql: 'SELECT attempt, owner FROM claim WHERE run = ? AND key = ?',
    values: [run, key],
  }),
};

type Save<T extends Table> = (place: Place, row: Rows[T]) => Statement;

export interface Place {
  readonly scope: string;
  readonly key: string;
}

/** How a row is written, new or changed. `head` is no table; balances are added to (`ADD_TO_BALANCE`), since many runs change them at once. */
export const SAVE: { readonly [T in Exclude<Table, 'head' | 'balance'>]: Save<T> } = {
  run: ({ scope }, { id }) => ({ sql: 'INSERT INTO run (id, trigger_key) VALUES (?, ?)', values: [id, scope] }),
  status: ({ scope }, { status }) => ({
    sql: 'INSERT INTO status (run, status) VALUES (?, ?) ON CONFLICT (run) DO UPDATE SET status = excluded.status',
    values: [scope, status],
  }),
  step: ({ scope, key }, { n }) => ({ sql: 'INSERT INTO step (run, name, n) VALUES (?, ?, ?)', values: [scope, key, n] }),
  call: ({ scope, key }, { state, issuedN, settledN }) => ({
    sql: `INSERT INTO call (run, key, issued_n, seq, settled_n) VALUES (?, ?, ?, ?, ?)
      ON CONFLICT (run, key) DO UPDATE SET seq = excluded.seq, settled_n = excluded.settled_n`,
    values: [scope, key, issuedN, state.settled?.seq ?? null, settledN],
  }),
  effect: ({ scope, key }, { intendedN, doneN }) => ({
    sql: `INSERT INTO effect (scope, key, intended_n, done_n) VALUES (?, ?, ?, ?)
      ON CONFLICT (scope, key) DO UPDATE SET done_n = excluded.done_n`,
    values: [scope, key, intendedN, doneN],
  }),
  signal: ({ scope, key }, { n }) => ({ sql: 'INSERT INTO signal (run, id, n) VALUES (?, ?, ?)', values: [scope, key, n] }),
  spend: ({ scope, key }, { reservedN, chargedN }) => ({
    sql: `INSERT INTO spend (run, id, reserved_n, charged_n) VALUES (?, ?, ?, ?)
      ON CONFLICT (run, id) DO UPDATE SET charged_n = excluded.charged_n`,
    values: [scope, key, reservedN, chargedN],
  }),
  agent: ({ scope, key }, { n }) => ({ sql: 'INSERT INTO agent (run, id, n) VALUES (?, ?, ?)', values: [scope, key, n] }),
  work: ({ scope }, { owner, repo, approved, since }) => ({
    sql: `INSERT INTO work (run, owner, repo, approved, since) VALUES (?, ?, ?, ?, ?)
      ON CONFLICT (run) DO UPDATE SET approved = excluded.approved, since = excluded.since`,
    values: [scope, owner, repo, approved ? 1 : 0, since],
  }),
  received: ({ scope }, { payload }) => ({
    sql: 'INSERT INTO received (id, payload) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET payload = excluded.payload',
    values: [scope, payload],
  }),
  claim: ({ scope, key }, { attempt, owner }) => ({
    sql: `INSERT INTO claim (run, key, attempt, owner) VALUES (?, ?, ?, ?)
      ON CONFLICT (run, key) DO UPDATE SET attempt = excluded.attempt, owner = excluded.owner`,
    values: [scope, key, attempt, owner],
  }),
};

const AMOUNTS = [
  'dollars',
  'tokens',
  'turns',
  'agents',
  'hours',
  'reserved_dollars',
  'reserved_tokens',
  'reserved_turns',
  'input',
  'output',
  'cache_read',
  'cache_write_5m',
  'cache_write_1h',
];

const ADD_TO_BALANCE = `INSERT INTO balance (account, ${AMOUNTS.join(', ')}) VALUES (?${', ?'.repeat(AMOUNTS.length)})
  ON CONFLICT (account) DO UPDATE SET ${AMOUNTS.map((name) => `${name} = balance.${name} + excluded.${name}`).join(', ')}`;

export function addToBalance(account: string, { spent, reserved, usage }: Balance): Statement {
  const { input, output, cacheRead, cacheWrite5m, cacheWrite1h } = usage;
  return {
    sql: ADD_TO_BALANCE,
    values: [
      account,
      spent.dollars,
      spent.tokens,
      spent.turns,
      spent.agents,
      spent.hours,
      reserved.dollars,
      reserved.tokens,
      reserved.turns,
      input,
      output,
      cacheRead,
      cacheWrite5m,
      cacheWrite1h,
    ],
  };
}

export function insertEvent({ scope, n, at }: StoredEvent, body: string, seal: string): Statement {
  return { sql: 'INSERT INTO event (scope, n, at, body, seal) VALUES (?, ?, ?, ?, ?)', values: [scope, n, at, body, seal] };
}
