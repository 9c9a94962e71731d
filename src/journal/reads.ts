import { z } from 'zod';

import { NO_AMOUNTS, type Balance } from '../domain/account.ts';
import type { Overlay } from '../domain/change.ts';
import type { StoredEvent } from '../domain/events.ts';
import type { Json } from '../domain/json.ts';
import {
  callIssued,
  callSettled,
  effectDone,
  effectIntended,
  json,
  jsonText,
  signalReceived,
  spendReserved,
  stepDone,
  storedEvent,
} from './event-schema.ts';
import type { CallState, DoneEffect, EffectState, IssuedCall, OpenReservation, SettledCall, Signal, TurnRecord } from './journal.ts';
import type { Query } from './statement.ts';

const idRow = z.object({ id: z.string() }).transform((row) => row.id);

export function unfinishedRuns(): Query<string> {
  return {
    row: idRow,
    sql: `SELECT id FROM run JOIN status ON status.run = run.id WHERE status.status <> 'ended' ORDER BY place`,
    values: [],
  };
}

export function allRuns(): Query<string> {
  return { row: idRow, sql: 'SELECT id FROM run ORDER BY place DESC', values: [] };
}

export function events(scope: string, after: number): Query<StoredEvent> {
  return { row: storedEvent, sql: 'SELECT scope, n, at, body FROM event WHERE scope = ? AND n > ? ORDER BY n', values: [scope, after] };
}

const sealRow = z.object({ n: z.number(), seal: z.string() });

export function seal(scope: string): Query<{ readonly n: number; readonly seal: string }> {
  return { row: sealRow, sql: 'SELECT n, seal FROM event WHERE scope = ? AND seal IS NOT NULL ORDER BY n DESC LIMIT 1', values: [scope] };
}

const placedEvent = z
  .object({ id: z.number(), scope: z.string(), n: z.number(), at: z.string(), body: z.string() })
  .transform(({ id, ...columns }) => ({ id, event: storedEvent.parse(columns) }));

/** The next so many events of the whole journal, in an order in which each scope's are in theirs; `id` is where to go on. */
export function eventsOfAll(afterId: number, most: number): Query<{ readonly id: number; readonly event: StoredEvent }> {
  return { row: placedEvent, sql: 'SELECT id, scope, n, at, body FROM event WHERE id > ? ORDER BY id LIMIT ?', values: [afterId, most] };
}

const stepRow = z.object({ body: stepDone }).transform(({ body }) => ({ result: body.result }));

export function doneStep(run: string, name: string): Query<{ readonly result: Json }> {
  return {
    row: stepRow,
    sql: `SELECT ${eventAt('body', 'step.run', 'step.n')} AS body FROM step WHERE step.run = ? AND step.name = ?`,
    values: [run, name],
  };
}

/** Subqueries, not joins: Postgres would look through all events of the scope for a join on its constant. */
function eventAt(column: 'id' | 'at' | 'body', scope: string, n: string): string {
  return `(SELECT event.${column} FROM event WHERE event.scope = ${scope} AND event.n = ${n})`;
}

export const CALLS = `SELECT call.seq, call.issued_n, call.settled_n, ${eventAt('body', 'call.run', 'call.issued_n')} AS issued,
  ${eventAt('body', 'call.run', 'call.settled_n')} AS ended, ${eventAt('at', 'call.run', 'call.settled_n')} AS at
  FROM call WHERE call.run = ?`;

function callOf({ key, kind, label, phase, input, args }: z.infer<typeof callIssued>): IssuedCall {
  return { key, kind, label, phase, input, ...(args === undefined ? {} : { args }) };
}

const settledCallRow = z
  .object({ seq: z.number(), issued: callIssued, ended: callSettled, at: z.string() })
  .transform(({ seq, issued, ended, at }): SettledCall => {
    return { ...callOf(issued), seq, outcome: ended.outcome, at };
  });

export const callRow = z
  .object({
    seq: z.number().nullable(),
    issued: callIssued,
    ended: callSettled.nullable(),
    at: z.string().nullable(),
    issued_n: z.number(),
    settled_n: z.number().nullable(),
  })
  .transform(({ seq, issued, ended, at, issued_n: issuedN, settled_n: settledN }) => {
    const settled = seq === null || ended === null || at === null ? null : { seq, outcome: ended.outcome, at };
    const state: CallState = { ...callOf(issued), settled };
    return { state, issuedN, settledN };
  });

const callStateRow = callRow.transform(({ state }) => state);

export function call(run: string, key: string): Query<CallState> {
  return { row: callStateRow, sql: `${CALLS} AND call.key = ?`, values: [run, key] };
}

export function calls(run: string): Query<CallState> {
  return { row: callStateRow, sql: `${CALLS} ORDER BY call.issued_n`, values: [run] };
}

export function settledCalls(run: string, afterSeq: number): Query<SettledCall> {
  return { row: settledCallRow, sql: `${CALLS} AND call.seq > ? ORDER BY call.seq`, values: [run, afterSeq] };
}

const overlay: z.ZodType<Overlay> = z.array(
  z.union([
    z.object({
      path: z.string(),
      mode: z.enum(['100644', '100755']),
      content: z.union([z.object({ utf8: z.string() }), z.object({ base64: z.string() })]),
    }),
    z.object({ path: z.string(), deleted: z.literal(true) }),
  ]),
);

const turnRow: z.ZodType<TurnRecord> = z.object({
  n: z.number(),
  part: z.enum(['response', 'results']),
  data: jsonText(json),
  overlay: jsonText(overlay),
});

export function checkpoints(run: string, agent: string): Query<TurnRecord> {
  return {
    row: turnRow,
    sql: 'SELECT n, part, data, overlay FROM checkpoint WHERE run = ? AND agent = ? ORDER BY n, place',
    values: [run, agent],
  };
}

const signalRow = z.object({ body: signalReceived }).transform(({ body: { id, name, by, text } }): Signal => ({ id, name, by, text }));

export function signals(run: string): Query<Signal> {
  return {
    row: signalRow,
    sql: `SELECT ${eventAt('body', 'signal.run', 'signal.n')} AS body FROM signal WHERE signal.run = ? ORDER BY signal.n`,
    values: [run],
  };
}

export const EFFECTS = `SELECT effect.intended_n, effect.done_n, ${eventAt('body', 'effect.scope', 'effect.intended_n')} AS intended,
  ${eventAt('body', 'effect.scope', 'effect.done_n')} AS done
  FROM effect WHERE effect.scope = ?`;

export const effectRow = z
  .object({ intended: effectIntended, done: effectDone.nullable(), intended_n: z.number(), done_n: z.number().nullable() })
  .transform(({ intended: { key, intent }, done, intended_n: intendedN, done_n: doneN }) => {
    const state: EffectState = { key, intent, done: done !== null, result: done?.result ?? null };
    return { state, intendedN, doneN };
  });

const effectStateRow = effectRow.transform(({ state }) => state);

export function effects(scope: string): Query<EffectState> {
  return { row: effectStateRow, sql: `${EFFECTS} ORDER BY effect.intended_n`, values: [scope] };
}

const doneRow = z
  .object({ at: z.string(), intended: effectIntended })
  .transform(({ at, intended: { intent } }): DoneEffect => ({ at, intent }));

export function doneSince(at: string): Query<DoneEffect> {
  return {
    row: doneRow,
    sql: `SELECT done.at, intended.body AS intended
      FROM effect JOIN event AS done ON done.scope = effect.scope AND done.n = effect.done_n
      JOIN event AS intended ON intended.scope = effect.scope AND intended.n = effect.intended_n
      WHERE done.at >= ? ORDER BY done.at`,
    values: [at],
  };
}

export const balanceRow = z
  .object({
    dollars: z.number(),
    tokens: z.number(),
    turns: z.number(),
    agents: z.number(),
    hours: z.number(),
    reserved_dollars: z.number(),
    reserved_tokens: z.number(),
    reserved_turns: z.number(),
    input: z.number(),
    output: z.number(),
    cache_read: z.number(),
    cache_write_5m: z.number(),
    cache_write_1h: z.number(),
  })
  .transform((row): Balance => {
    const { dollars, tokens, turns, agents, hours, input, output } = row;
    return {
      spent: { dollars, tokens, turns, agents, hours },
      reserved: { ...NO_AMOUNTS, dollars: row.reserved_dollars, tokens: row.reserved_tokens, turns: row.reserved_turns },
      usage: { input, output, cacheRead: row.cache_read, cacheWrite5m: row.cache_write_5m, cacheWrite1h: row.cache_write_1h },
    };
  });

export function balance(account: string): Query<Balance> {
  return { row: balanceRow, sql: 'SELECT * FROM balance WHERE account = ?', values: [account] };
}

const RESERVED = eventAt('body', 'spend.run', 'spend.reserved_n');

export const SPENDS = `SELECT ${RESERVED} AS body, spend.reserved_n, spend.charged_n FROM spend WHERE spend.run = ?`;

const openRow = z
  .object({ run: z.string(), body: spendReserved })
  .transform(({ run, body: { id, amount, owner = null } }): OpenReservation => ({ run, id, amount, owner }));

export function openReservations(run: string | null): Query<OpenReservation> {
  const [where, values] = run === null ? ['', []] : ['AND spend.run = ?', [run]];
  return {
    row: openRow,
    sql: `SELECT spend.run, ${RESERVED} AS body FROM spend WHERE spend.charged_n IS NULL ${where}
      ORDER BY ${eventAt('id', 'spend.run', 'spend.reserved_n')}`,
    values,
  };
}

const receivedRow: z.ZodType<{ id: string; payload: Json }> = z.object({ id: z.string(), payload: jsonText(json) });

export function received(): Query<{ readonly id: string; readonly payload: Json }> {
  return { row: receivedRow, sql: 'SELECT id, payload FROM received WHERE payload IS NOT NULL ORDER BY place', values: [] };
}
