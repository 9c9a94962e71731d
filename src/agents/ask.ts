import type { MessageParam } from '@anthropic-ai/sdk/resources/messages';
import type { MicroDollars } from '../domain/budget.ts';
import { Suspended } from '../domain/errors.ts';
import type { ModelClient, ModelMessage } from './client.ts';
import type { Clock } from './clock.ts';
import type { Circuits, Passes } from './circuits.ts';
import type { Fault } from './faults.ts';
import type { Limiter, Refusal, Slot } from './limiter.ts';
import { modelOf, priceOf } from './models.ts';
import type { Orders } from './orders.ts';
import type { Prefixes } from './prefixes.ts';
import { requestFor, type Opening } from './request.ts';
import type { Reserved, Spending } from './spending.ts';
import { haltOf, onAbort, throwIfStopping } from './stopping.ts';
import type { Timings } from './timings.ts';

interface Question {
  readonly run: string;
  readonly agent: string;
  readonly phase: string;
  readonly opening: Opening;
  readonly messages: readonly MessageParam[];
  readonly inputTokens: number;
  readonly maxTokens: number;
  readonly atLeast: number;
  /** What the agent has left of its time; waiting for a place, money or the service does not count. */
  readonly milliseconds: number;
  /** Stores the answer; called so that it shares the commit of its charge. */
  readonly keep: (answer: Omit<Answered, 'stored'>) => Promise<void>;
  /** What must be on disk before the question is sent; it may share the commit of the reservation. */
  readonly after: Promise<unknown>;
}

/** An answer, with what all tries of it cost. */
export interface Answered {
  readonly kind: 'answered';
  /** Answer and charge, on their way to the journal in one commit. */
  readonly stored: Promise<unknown>;
  readonly message: ModelMessage;
  readonly maxTokens: number;
  readonly charged: MicroDollars;
  readonly milliseconds: number;
}

/** `charged` has all tries in it. `late`: the agent's time was up first. `rejected`: the service will never answer this. */
export type Asked =
  | Answered
  | { readonly kind: 'late'; readonly charged: MicroDollars }
  | { readonly kind: 'rejected'; readonly cause: string; readonly charged: MicroDollars };

/** One question to the model until it is answered: limits and faults are waited out here, and nowhere else. Throws only Suspended and the journal's errors. */
export type Ask = (question: Question, signal: AbortSignal) => Promise<Asked>;

export interface AskParts {
  readonly client: ModelClient;
  readonly spending: Spending;
  readonly prefixes: Prefixes;
  readonly orders: Orders;
  readonly circuits: Circuits;
  /** The scheduler of a class of models. */
  readonly limiterOf: (modelClass: string) => Limiter;
  readonly timings: Timings;
  readonly clock: Clock;
}

type Failed = {
  readonly kind: 'failed';
  readonly fault: Fault;
  /** What the scheduler makes of it; null when it is none of its business. */
  readonly refusal: Refusal | null;
  readonly late: boolean;
  readonly charged: MicroDollars;
};
type Tried = Answered | Failed;

/** Tries of one request, for each wait of a class, while others are answered: their waits begin that much smaller. */
const CHANCES = 2;

export function openAsk(parts: AskParts): Ask {
  return async (question, signal) => {
    let charged = 0;
    // Refusals by chance, in a row.
    let chances = 0;
    for (;;) {
      const tried = await tryOnce(parts, { question, before: charged, tries: chances + 1, signal });
      if (tried.kind === 'answered') return tried;
      charged += tried.charged;
      const { fault, refusal, late } = tried;
      throwIfStopping(signal);
      if (late) return { kind: 'late', charged };
      if (fault.kind === 'rejected') return { kind: 'rejected', cause: fault.what, charged };
      if (refusal === null || refusal.kind === 'everybody') continue;
      if (refusal.kind === 'down') throw new Suspended('model-down', downText(refusal.tries, fault));
      if (refusal.kind === 'chance') chances += 1;
      if (chances >= parts.timings.tries * CHANCES) throw new Suspended('model-down', downText(chances, fault));
      if (refusal.waitMs > 0) await parts.clock.sleep(refusal.waitMs, signal);
      throwIfStopping(signal);
    }
  };
}

interface Try {
  readonly question: Question;
  /** What the tries before it cost. */
  readonly before: MicroDollars;
  /** This one among those that chance refused, from 1. */
  readonly tries: number;
  readonly signal: AbortSignal;
}

async function tryOnce(parts: AskParts, { question, before, tries, signal }: Try): Promise<Tried> {
  const { opening } = question;
  const { class: modelClass } = modelOf(opening.model);
  const passes = await parts.circuits.enter({ model: opening.model, class: modelClass }, signal);
  const halts = [signal, ...Object.values(passes).map((pass) => pass.halt)];
  try {
    const lead = await parts.prefixes.enter(opening.prefix, halts);
    try {
      const slot = await parts.limiterOf(modelClass).enter(halts);
      try {
        const reserved = await parts.spending.reserve({ ...question, model: opening.model }, signal);
        await settledOr(question.after, reserved);
        // Nothing stands between this and the request: whatever ended the leave to send it is seen here.
        const refusal = haltOf(halts) ?? parts.orders.refusal(question.run);
        if (refusal !== null) {
          await reserved.release();
          throw refusal;
        }
        return await sendAndTell(parts, { question, reserved, slot, passes, before, tries, began: lead.began, signal });
      } finally {
        slot.left();
      }
    } finally {
      lead.left();
    }
  } finally {
    for (const pass of Object.values(passes)) pass.left();
  }
}

/** What could not be written takes the request with it. */
async function settledOr(write: Promise<unknown>, reserved: Reserved): Promise<void> {
  try {
    await write;
  } catch (error) {
    await reserved.release();
    throw error;
  }
}

interface Sending {
  readonly question: Question;
  readonly reserved: Reserved;
  readonly slot: Slot;
  readonly passes: Passes;
  readonly before: MicroDollars;
  readonly tries: number;
  readonly began: () => void;
  readonly signal: AbortSignal;
}

/** The request is in flight until its answer is on disk. */
async function sendAndTell(parts: AskParts, sending: Sending): Promise<Tried> {
  const ended = parts.orders.begin(sending.question.run);
  let tried: Tried;
  try {
    tried = await send(parts, sending);
  } catch (error) {
    ended();
    throw error;
  }
  if (tried.kind === 'answered') tried.stored.then(ended, ended);
  else ended();
  return tried;
}

async function send(parts: AskParts, sending: Sending): Promise<Tried> {
  const { question, reserved, slot, passes, before, began, signal } = sending;
  const { clock, timings } = parts;
  const request = requestFor(question.opening, question.messages, reserved.maxTokens);
  const cut = cutOff(clock, { signal, drain: timings.drain, milliseconds: question.milliseconds });
  const started = clock.now();
  const sent = await parts.client.send(request, { signal: cut.signal, heard: (rates) => slot.admitted(rates), began });
  cut.clear();
  if (sent.kind === 'failed') {
    const { fault } = sent;
    // First, so that nobody is sent in its place before it is known what it means.
    const refusal = learn(parts, sending, fault);
    const charged = await (fault.paid ? reserved.chargeInFull() : reserved.release());
    if (refusal instanceof Suspended) throw refusal;
    return { kind: 'failed', fault, refusal, late: cut.late(), charged };
  }
  const { message } = sent;
  slot.answered(message.usage);
  for (const pass of Object.values(passes)) pass.succeeded();
  const charged = before + priceOf(question.opening.model, message.usage);
  const answer = { kind: 'answered', message, maxTokens: reserved.maxTokens, charged, milliseconds: clock.now() - started } as const;
  // Both in one tick, hence in one commit of the journal: a kill between them would pay for the same answer twice.
  return { ...answer, stored: Promise.all([reserved.charge(message.usage), question.keep(answer)]) };
}

/** Tells scheduler and circuits; gives what the scheduler makes of it, or the Suspended with which the run pauses. */
function learn(parts: AskParts, { question, slot, passes, tries }: Sending, fault: Fault): Refusal | Suspended | null {
  switch (fault.kind) {
    case 'aborted':
    case 'rejected':
      return null;
    case 'pause': {
      const trip = { reason: fault.reason, message: pauseText(fault, question.opening.model) };
      passes[fault.scope].failed(trip);
      return new Suspended(trip.reason, trip.message);
    }
    case 'limit':
    case 'fault': {
      const { retryAfterMs, rates } = fault;
      const refusal = slot.refused({ retryAfterMs, rates, tries });
      const long = (retryAfterMs ?? 0) > parts.timings.patience;
      if (!long && refusal.kind !== 'down' && !passes.service.probing) return refusal;
      const message = long ? longText(retryAfterMs ?? 0, fault) : downText(refusal.kind === 'down' ? refusal.tries : 1, fault);
      passes.service.failed({ reason: 'model-down', message }, retryAfterMs ?? 0);
      return new Suspended('model-down', message);
    }
  }
}

/** Aborts when the agent's time is up, or a little after the run was told to stop: what is paid for already is better finished and stored than lost. */
function cutOff(clock: Clock, limits: { readonly signal: AbortSignal; readonly drain: number; readonly milliseconds: number }): CutOff {
  const cut = new AbortController();
  let late = false;
  const clearTime = clock.after(limits.milliseconds, () => {
    late = true;
    cut.abort();
  });
  let clearStop = (): void => undefined;
  const remove = onAbort(limits.signal, () => {
    clearStop = clock.after(limits.drain, () => cut.abort());
  });
  return {
    signal: cut.signal,
    late: () => late,
    clear: () => {
      clearTime();
      clearStop();
      remove();
    },
  };
}

interface CutOff {
  readonly signal: AbortSignal;
  /** It was the agent's time. */
  readonly late: () => boolean;
  readonly clear: () => void;
}

function pauseText({ reason, scope, what }: Extract<Fault, { kind: 'pause' }>, model: string): string {
  if (reason === 'spending-limit') {
    return `The model account has reached a spending limit of its own (${what}). The run pauses with all its work; raise the limit or add credit in the account's console. Converge tries again by itself, later and later.`;
  }
  return scope === 'model'
    ? `The model service does not know \`${model}\`, or this key may not use it (${what}). The run pauses with all its work; the operator has to set an ANTHROPIC_API_KEY that may use it. Converge tries again by itself, later and later.`
    : `The model service refuses this key or what it asked for (${what}). The run pauses with all its work; the operator has to set an ANTHROPIC_API_KEY that may use the models, and start Converge again.`;
}

function downText(tries: number, fault: Fault): string {
  return `The model service did not answer in ${tries} ${tries === 1 ? 'try' : 'tries'} (last: ${fault.what}). The run pauses with all its work; Converge tries again by itself, later and later.`;
}

function longText(milliseconds: number, fault: Fault): string {
  return `The model service takes no more requests for the next ${Math.ceil(milliseconds / 60_000)} minutes (${fault.what}). The run pauses with all its work; Converge tries again by itself after that.`;
}
