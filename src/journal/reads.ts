import { z } from 'zod';

import { EMPTY_BALANCE, type Balance } from '../domain/account.ts';
import type { Overlay } from '../domain/change.ts';
import type { StoredEvent } from '../domain/events.ts';
import type { Json } from '../domain/json.ts';
import type { Database } from './database.ts';
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

const idRow = z.object({ id: z.string() }).transform((row) => row.id);
const numberRow = z.object({ n: z.number() }).transform((row) => row.n);

export function runOfTrigger(database: Database, trigger: string): string | undefined {
  return database.row(idRow, 'SELECT id FROM run WHERE trigger_key = ?', [trigger]);
}

export function unfinishedRuns(database: Database): readonly string[] {
  return database.rows(idRow, `SELECT id FROM run JOIN status ON status.run = run.id WHERE status.status <> 'ended' ORDER BY place`);
}

export function allRuns(database: Database): readonly string[] {
  return database.rows(idRow, 'SELECT id FROM run ORDER BY place DESC');
}

/** Place of the scope's last event; 0 when there is none. */
export function lastEvent(database: Database, scope: string): number {
  return database.row(numberRow, 'SELECT coalesce(max(n), 0) AS n FROM event WHERE scope = ?', [scope]) ?? 0;
}

export function events(database: Database, scope: string, after: number): readonly StoredEvent[] {
  return database.rows(storedEvent, 'SELECT scope, n, at, body FROM event WHERE scope = ? AND n > ? ORDER BY n', [scope, after]);
}

const stepRow = z.object({ body: stepDone }).transform(({ body }) => ({ result: body.result }));

export function doneStep(database: Database, run: string, name: string): { readonly result: Json } | undefined {
  return database.row(
    stepRow,
    'SELECT body FROM step JOIN event ON event.scope = step.run AND event.n = step.n WHERE step.run = ? AND step.name = ?',
    [run, name],
  );
}

const CALLS = `SELECT call.seq, issue.body AS issued, ending.body AS ended, ending.at
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

const callRow = z
  .object({ seq: z.number().nullable(), issued: callIssued, ended: callSettled.nullable(), at: z.string().nullable() })
  .transform(({ seq, issued, ended, at }): CallState => {
    const settled = seq === null || ended === null || at === null ? null : { seq, outcome: ended.outcome, at };
    return { ...callOf(issued), settled };
  });

export function call(database: Database, run: string, key: string): CallState | undefined {
  return database.row(callRow, `${CALLS} AND call.key = ?`, [run, key]);
}

export function calls(database: Database, run: string): readonly CallState[] {
  return database.rows(callRow, `${CALLS} ORDER BY call.issued_n`, [run]);
}

export function settledCalls(database: Database, run: string, afterSeq: number): readonly SettledCall[] {
  return database.rows(settledCallRow, `${CALLS} AND call.seq > ? ORDER BY call.seq`, [run, afterSeq]);
}

/** The run's last commit number; 0 when nothing was settled. */
export function lastSeq(database: Database, run: string): number {
  return database.row(numberRow, 'SELECT coalesce(max(seq), 0) AS n FROM call WHERE run = ? AND seq IS NOT NULL', [run]) ?? 0;
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

export function checkpoints(database: Database, run: string, agent: string): readonly TurnRecord[] {
  return database.rows(turnRow, 'SELECT n, part, data, overlay FROM checkpoint WHERE run = ? AND agent = ? ORDER BY n, place', [
    run,
    agent,
  ]);
}

export function hasSignal(database: Database, run: string, id: string): boolean {
  return database.row(idRow, 'SELECT id FROM signal WHERE run = ? AND id = ?', [run, id]) !== undefined;
}

const signalRow = z.object({ body: signalReceived }).transform(({ body: { id, name, by, text } }): Signal => ({ id, name, by, text }));

export function signals(database: Database, run: string): readonly Signal[] {
  return database.rows(
    signalRow,
    'SELECT body FROM signal JOIN event ON event.scope = signal.run AND event.n = signal.n WHERE signal.run = ? ORDER BY signal.n',
    [run],
  );
}

const EFFECTS = `SELECT intended.body AS intended, done.body AS done
  FROM effect JOIN event AS intended ON intended.scope = effect.scope AND intended.n = effect.intended_n
  LEFT JOIN event AS done ON done.scope = effect.scope AND done.n = effect.done_n
  WHERE effect.scope = ?`;

const effectRow = z
  .object({ intended: effectIntended, done: effectDone.nullable() })
  .transform(({ intended: { key, intent }, done }): EffectState => ({ key, intent, done: done !== null, result: done?.result ?? null }));

export function effect(database: Database, scope: string, key: string): EffectState | undefined {
  return database.row(effectRow, `${EFFECTS} AND effect.key = ?`, [scope, key]);
}

export function effects(database: Database, scope: string): readonly EffectState[] {
  return database.rows(effectRow, `${EFFECTS} ORDER BY effect.intended_n`, [scope]);
}

const doneRow = z
  .object({ at: z.string(), intended: effectIntended })
  .transform(({ at, intended: { intent } }): DoneEffect => ({ at, intent }));

export function doneSince(database: Database, at: string): readonly DoneEffect[] {
  return database.rows(
    doneRow,
    `SELECT done.at, intended.body AS intended
     FROM effect JOIN event AS done ON done.scope = effect.scope AND done.n = effect.done_n
     JOIN event AS intended ON intended.scope = effect.scope AND intended.n = effect.intended_n
     WHERE done.at >= ? ORDER BY done.at`,
    [at],
  );
}

const balanceRow = z
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

export function balance(database: Database, account: string): Balance {
  return database.row(balanceRow, 'SELECT * FROM balance WHERE account = ?', [account]) ?? EMPTY_BALANCE;
}

const chargedRow = z.object({ charged_n: z.number().nullable() });

export function reservationState(database: Database, run: string, id: string): 'absent' | 'open' | 'charged' {
  const row = database.row(chargedRow, 'SELECT charged_n FROM spend WHERE run = ? AND id = ?', [run, id]);
  if (row === undefined) return 'absent';
  return row.charged_n === null ? 'open' : 'charged';
}

const SPENDS = 'FROM spend JOIN event ON event.scope = spend.run AND event.n = spend.reserved_n';

const reservationRow = z.object({ body: spendReserved }).transform(({ body }) => body);

export function reservation(database: Database, run: string, id: string): z.infer<typeof spendReserved> | undefined {
  return database.row(reservationRow, `SELECT body ${SPENDS} WHERE spend.run = ? AND spend.id = ?`, [run, id]);
}

const openRow = z
  .object({ run: z.string(), body: spendReserved })
  .transform(({ run, body: { id, amount, owner = null } }): OpenReservation => ({ run, id, amount, owner }));

export function openReservations(database: Database, run: string | null): readonly OpenReservation[] {
  return run === null
    ? database.rows(openRow, `SELECT spend.run, body ${SPENDS} WHERE spend.charged_n IS NULL ORDER BY event.id`)
    : database.rows(openRow, `SELECT spend.run, body ${SPENDS} WHERE spend.run = ? AND spend.charged_n IS NULL ORDER BY event.id`, [run]);
}

const receivedRow: z.ZodType<{ id: string; payload: Json }> = z.object({ id: z.string(), payload: jsonText(json) });

export function received(database: Database): readonly { readonly id: string; readonly payload: Json }[] {
  return database.rows(receivedRow, 'SELECT id, payload FROM received WHERE payload IS NOT NULL ORDER BY place');
}

export function isWaiting(database: Database, id: string): boolean {
  return database.row(idRow, 'SELECT id FROM received WHERE id = ? AND payload IS NOT NULL', [id]) !== undefined;
}
