import { z } from 'zod';

import type { Amendment } from '../domain/amendment.ts';
import type { Limits, Usage } from '../domain/budget.ts';
import { EFFORTS, type ModelChoice } from '../domain/effort.ts';
import { PERMISSIONS } from '../domain/permission.ts';
import type { PauseReason } from '../domain/errors.ts';
import type { AgentEnding, Person, EventOf, RunEvent, SettledOutcome, StoredEvent } from '../domain/events.ts';
import type { Json } from '../domain/json.ts';
import type { Ending, LedgerEntry } from '../domain/ledger.ts';
import type { Place, Settings } from '../domain/run.ts';

/** What JSON.parse gave is JSON: its depths need no second look. */
export const json = z.custom<Json>((value) => value !== undefined);

/** JSON in a text column. */
export function jsonText<T>(schema: z.ZodType<T>): z.ZodType<T> {
  return z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(schema);
}

const text = z.string();
const count = z.number();

/** Loose, so that a field which this page does not know yet is kept and not dropped on the way back. */
const object = z.looseObject;

export const usage: z.ZodType<Usage> = object({ input: count, output: count, cacheRead: count, cacheWrite5m: count, cacheWrite1h: count });

const place: z.ZodType<Place> = object({
  owner: text,
  repo: text,
  installation: count,
  number: count,
  kind: z.enum(['issue', 'pull-request']),
});

const person: z.ZodType<Person> = object({ login: text, id: count });

const limits: z.ZodType<Limits> = object({
  budget: count,
  tokens: count.exactOptional(),
  turns: count.exactOptional(),
  hours: count.exactOptional(),
  agents: count,
  concurrency: count,
  reviewers: count,
  rounds: count,
  turnsPerAgent: count,
  secondsPerAgent: count,
  budgetPerAgent: count,
});

const model: z.ZodType<ModelChoice> = object({ model: text, effort: z.enum(EFFORTS) });

const settings: z.ZodType<Settings> = object({
  base: text,
  paths: z.array(text),
  include: z.array(text).exactOptional(),
  limits,
  models: object({ planner: model, reader: model, migrator: model, reviser: model, verifier: model }),
  allowedModels: z.array(text).exactOptional(),
  maxEffort: z.enum(EFFORTS).exactOptional(),
  setup: text.nullable(),
  checks: z.array(object({ name: text, run: text, when: z.enum(['shard', 'converged']) })),
  protectedPaths: z.array(text),
  exclude: z.array(text),
  approvers: object({ logins: z.array(text), permission: z.enum(PERMISSIONS), otherThanRequester: z.boolean().exactOptional() }),
  publishShards: z.boolean(),
  planOnly: z.boolean(),
  planOnlyReason: text.nullable(),
  notes: z.array(text).exactOptional(),
  saved: object({ name: text, source: text, commit: text.exactOptional(), args: json }).exactOptional(),
  pilot: count.exactOptional(),
});

const pauseReason: z.ZodType<PauseReason> = z.enum([
  'budget',
  'spending-limit',
  'authentication',
  'model-down',
  'stopping',
  'storage',
  'fault',
  'person',
  'switched-off',
  'not-allowed',
]);

const ending: z.ZodType<Ending> = z.enum(['migrated', 'skipped', 'left-over', 'unverified', 'dropped', 'not-started']);

const ledgerEntry: z.ZodType<LedgerEntry> = object({ path: text, ending, shard: text.nullable(), why: text });

const amendment: z.ZodType<Amendment> = z.discriminatedUnion('kind', [
  object({
    kind: z.literal('budget'),
    add: count,
    agents: count.exactOptional(),
    tokens: count.exactOptional(),
    turns: count.exactOptional(),
    hours: count.exactOptional(),
  }),
  object({ kind: z.literal('drop'), shards: z.array(text) }),
  object({ kind: z.literal('steer'), text }),
]);

const agentEnding: z.ZodType<AgentEnding> = z.enum(['done', 'refused', 'exhausted', 'failed', 'suspended']);

const outcome: z.ZodType<SettledOutcome> = z.discriminatedUnion('kind', [
  object({ kind: z.literal('value'), value: json }),
  object({ kind: z.literal('null'), cause: text }),
  object({ kind: z.literal('throw'), message: text }),
]);

type EventSchemas = { readonly [T in RunEvent['type']]: z.ZodType<EventOf<T>> };

/** One schema for each type of event; the compiler tells when a type or a field is missing. */
const EVENTS = {
  'run.started': object({ type: z.literal('run.started'), place, requester: person, comment: text, task: text, settings }),
  'run.paused': object({ type: z.literal('run.paused'), reason: pauseReason, message: text }),
  'run.resumed': object({ type: z.literal('run.resumed') }),
  'run.ended': object({
    type: z.literal('run.ended'),
    early: z.literal(true).exactOptional(),
    status: z.enum(['completed', 'partial', 'failed', 'stopped']),
    why: text,
    ledger: z.array(ledgerEntry),
  }),
  'run.amended': object({ type: z.literal('run.amended'), id: text, by: text, amendment, hash: text }),
  'generation.opened': object({
    type: z.literal('generation.opened'),
    generation: count,
    id: text,
    by: text,
    shards: z.array(text),
    calls: z.array(text),
  }),
  'step.done': object({ type: z.literal('step.done'), step: text, result: json }),
  phase: object({ type: z.literal('phase'), title: text }),
  log: object({ type: z.literal('log'), text }),
  'item.lost': object({ type: z.literal('item.lost'), text }),
  'call.issued': object({
    type: z.literal('call.issued'),
    key: text,
    kind: text,
    label: text,
    phase: text,
    input: json,
    args: z.array(json).exactOptional(),
  }),
  'call.settled': object({ type: z.literal('call.settled'), key: text, seq: count, outcome }),
  'call.suspended': object({ type: z.literal('call.suspended'), key: text, reason: pauseReason, message: text }),
  'agent.admitted': object({ type: z.literal('agent.admitted'), agent: text }),
  'agent.started': object({
    type: z.literal('agent.started'),
    agent: text,
    role: text,
    label: text,
    phase: text,
    model: text,
    prompt: text.exactOptional(),
    tools: z.array(text).exactOptional(),
  }),
  'agent.ended': object({ type: z.literal('agent.ended'), agent: text, ending: agentEnding, cause: text, turns: count, seconds: count }),
  'spend.reserved': object({
    type: z.literal('spend.reserved'),
    id: text,
    amount: count,
    agent: text,
    phase: text,
    model: text,
    tokens: count.exactOptional(),
    accounts: z.array(text).exactOptional(),
    owner: text.exactOptional(),
    limit: count.exactOptional(),
  }),
  'spend.charged': object({ type: z.literal('spend.charged'), id: text, amount: count, usage, known: z.boolean() }),
  'effect.intended': object({ type: z.literal('effect.intended'), key: text, intent: json }),
  'effect.done': object({ type: z.literal('effect.done'), key: text, result: json }),
  'secret.withheld': object({ type: z.literal('secret.withheld'), where: text, what: z.array(text) }),
  'signal.received': object({ type: z.literal('signal.received'), id: text, name: text, by: text, text, account: count.exactOptional() }),
  'shard.accepted': object({ type: z.literal('shard.accepted'), shard: text, change: text, verdict: text }),
  'shard.returned': object({ type: z.literal('shard.returned'), shard: text, commit: text, tree: text, paths: z.array(text) }),
  'shard.left-over': object({ type: z.literal('shard.left-over'), shard: text, reason: text }),
  'command.answered': object({
    type: z.literal('command.answered'),
    comment: text,
    place,
    by: person,
    permission: text,
    command: text,
    accepted: z.boolean(),
    why: text,
  }),
  'switch.turned': object({
    type: z.literal('switch.turned'),
    off: z.boolean(),
    reason: text,
    by: z.enum(['environment', 'file', 'command']),
    where: text,
  }),
} satisfies EventSchemas;

const runEvent: z.ZodType<RunEvent> = z.discriminatedUnion('type', [
  EVENTS['run.started'],
  EVENTS['run.paused'],
  EVENTS['run.resumed'],
  EVENTS['run.ended'],
  EVENTS['run.amended'],
  EVENTS['generation.opened'],
  EVENTS['step.done'],
  EVENTS.phase,
  EVENTS.log,
  EVENTS['call.issued'],
  EVENTS['call.settled'],
  EVENTS['call.suspended'],
  EVENTS['agent.admitted'],
  EVENTS['agent.started'],
  EVENTS['agent.ended'],
  EVENTS['spend.reserved'],
  EVENTS['spend.charged'],
  EVENTS['effect.intended'],
  EVENTS['effect.done'],
  EVENTS['secret.withheld'],
  EVENTS['signal.received'],
  EVENTS['shard.accepted'],
  EVENTS['shard.returned'],
  EVENTS['shard.left-over'],
  EVENTS['command.answered'],
  EVENTS['switch.turned'],
]);

/** The columns `scope, n, at, body` of `event` under those names. */
export const storedEvent: z.ZodType<StoredEvent> = z
  .object({ scope: text, n: count, at: text, body: jsonText(runEvent) })
  .transform(({ scope, n, at, body }) => ({ scope, n, at, event: body }));

/** Bodies of events of one type, for columns that hold them. */
export const callIssued = jsonText(EVENTS['call.issued']);
export const callSettled = jsonText(EVENTS['call.settled']);
export const effectIntended = jsonText(EVENTS['effect.intended']);
export const effectDone = jsonText(EVENTS['effect.done']);
export const signalReceived = jsonText(EVENTS['signal.received']);
export const stepDone = jsonText(EVENTS['step.done']);
export const spendReserved = jsonText(EVENTS['spend.reserved']);
