import { z } from 'zod';

import type { Balance } from '../domain/account.ts';
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
    sql: 'SELECT body FROM step JOIN event ON event.scope = step.run AND event.n = step.n WHERE step.run = ? AND step.name = ?',
    values: [run, name],
  };
}

export const CALLS = `SELECT call.seq, call.issued_n, call.settled_n, issue.body AS issued, ending.body AS ended, ending.at
  FROM call JOIN event AS issue ON issue.scope = call.run AND issue.n = call.issued_n
  LEFT JOIN event AS ending ON ending.scope = call.run AND ending.n = call.settled_n
  WHERE call.run = ?`;

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
    sql: 'SELECT body FROM signal JOIN event ON event.scope = signal.run AND event.n = signal.n WHERE signal.run = ? ORDER BY signal.n',
    values: [run],
  };
}

export const EFFECTS = `SELECT effect.intended_n, effect.done_n, intended.body AS intended, done.body AS done
  FROM effect JOIN event AS intended ON intended.scope = effect.scope AND intended.n = effect.intended_n
  LEFT JOIN event AS done ON done.scope = effect.scope AND done.n = effect.done_n
  WHERE effect.scope = ?`;

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
    const { dollars, tokens, turns, input, output } = row;
    return {
      spent: { dollars, tokens, turns },
      reserved: { dollars: row.reserved_dollars, tokens: row.reserved_tokens, turns: row.reserved_turns },
      usage: { input, output, cacheRead: row.cache_read, cacheWrite5m: row.cache_write_5m, cacheWrite1h: row.cache_write_1h },
    };
  });

export function balance(account: string): Query<Balance> {
  return { row: balanceRow, sql: 'SELECT * FROM balance WHERE account = ?', values: [account] };
}

export const SPENDS = 'FROM spend JOIN event ON event.scope = spend.run AND event.n = spend.reserved_n';

const openRow = z
  .object({ run: z.string(), body: spendReserved })
  .transform(({ run, body: { id, amount, owner = null } }): OpenReservation => ({ run, id, amount, owner }));

export function openReservations(run: string | null): Query<OpenReservation> {
  const [where, values] = run === null ? ['', []] : ['AND spend.run = ?', [run]];
  return { row: openRow, sql: `SELECT spend.run, body ${SPENDS} WHERE spend.charged_n IS NULL ${where} ORDER BY event.id`, values };
}

const receivedRow: z.ZodType<{ id: string; payload: Json }> = z.object({ id: z.string(), payload: jsonText(json) });

export function received(): Query<{ readonly id: string; readonly payload: Json }> {
  return { row: receivedRow, sql: 'SELECT id, payload FROM received WHERE payload IS NOT NULL ORDER BY place', values: [] };
}
