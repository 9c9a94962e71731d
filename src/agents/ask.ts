import type { MessageParam } from '@anthropic-ai/sdk/resources/messages';
import type { MicroDollars } from '../domain/budget.ts';
import { Suspended } from '../domain/errors.ts';
import type { ModelClient, ModelMessage } from './client.ts';
import { deadline, type Clock } from './clock.ts';
import { faultOf, type Fault } from './faults.ts';
import { openLimiter, type Limiter, type Slot } from './limiter.ts';
import { modelOf, priceOf } from './models.ts';
import type { Orders } from './orders.ts';
import type { Prefixes } from './prefixes.ts';
import { prefixOf, requestFor, type Opening } from './request.ts';
import type { Reserved, Spending } from './spending.ts';
import { stopping, throwIfStopping } from './stopping.ts';
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
  readonly keep: (answer: Answered) => Promise<void>;
}

/** An answer, with what all tries of it cost. */
export interface Answered {
  readonly kind: 'answered';
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
  /** Requests in flight of one model class, at most. */
  readonly most: number;
  readonly timings: Timings;
  readonly clock: Clock;
  /** 0 to 1, for the jitter of waits. */
  readonly random: () => number;
}

type Tried = Answered | { readonly kind: 'failed'; readonly fault: Fault; readonly late: boolean; readonly charged: MicroDollars };

export function openAsk(parts: AskParts): Ask {
  const limiters = new Map<string, Limiter>();
  const limiterOf = (model: string): Limiter => {
    const name = modelOf(model).class;
    const limiter = limiters.get(name) ?? openLimiter(parts.most, parts.clock);
    limiters.set(name, limiter);
    return limiter;
  };

  return async (question, signal) => {
    const limiter = limiterOf(question.opening.model);
    let charged = 0;
    let answersBefore = limiter.answers();
    for (let tries = 1; ; tries++) {
      const tried = await tryOnce(parts, { question, limiter, before: charged, signal });
      if (tried.kind === 'answered') return tried;
      charged += tried.charged;
      const { fault, late } = tried;
      throwIfStopping(signal);
      if (late) return { kind: 'late', charged };
      if (fault.kind === 'pause') throw new Suspended(fault.reason, pauseText(fault));
      if (fault.kind === 'rejected') return { kind: 'rejected', cause: fault.what, charged };
      // A limit that lets others through will let this one through: only silence counts as being down.
      if (fault.kind === 'limit' && limiter.answers() > answersBefore) tries = 1;
      answersBefore = limiter.answers();
      if (tries >= parts.timings.tries) throw new Suspended('model-down', downText(tries, fault));
      await parts.clock.sleep(backoff(parts, tries, fault), signal);
      throwIfStopping(signal);
    }
  };
}

interface Try {
  readonly question: Question;
  readonly limiter: Limiter;
  /** What the tries before it cost. */
  readonly before: MicroDollars;
  readonly signal: AbortSignal;
}

async function tryOnce(parts: AskParts, { question, limiter, before, signal }: Try): Promise<Tried> {
  const lead = await parts.prefixes.enter(prefixOf(question.opening), signal);
  try {
    const slot = await limiter.enter(signal);
    try {
      const reserved = await parts.spending.reserve({ ...question, model: question.opening.model }, signal);
      const refusal = signal.aborted ? stopping() : parts.orders.refusal(question.run);
      if (refusal !== null) {
        await reserved.release();
        throw refusal;
      }
      const ended = parts.orders.begin(question.run);
      return await send(parts, { question, reserved, slot, before, began: lead.began, signal }).finally(ended);
    } finally {
      slot.left();
    }
  } finally {
    lead.left();
  }
}

interface Sending {
  readonly question: Question;
  readonly reserved: Reserved;
  readonly slot: Slot;
  readonly before: MicroDollars;
  readonly began: () => void;
  readonly signal: AbortSignal;
}

async function send(parts: AskParts, { question, reserved, slot, before, began, signal }: Sending): Promise<Tried> {
  const { clock, timings } = parts;
  const cut = cutOff(clock, { signal, drain: timings.drain, milliseconds: question.milliseconds });
  const started = clock.now();
  let message: ModelMessage;
  try {
    const request = requestFor(question.opening, question.messages, reserved.maxTokens);
    message = await parts.client.send(request, { signal: cut.signal, began });
  } catch (error) {
    const fault = faultOf(error);
    if (fault.kind === 'limit') slot.refused(fault.retryAfterMs);
    const charged = await (fault.paid ? reserved.chargeInFull() : reserved.release());
    return { kind: 'failed', fault, late: cut.late(), charged };
  } finally {
    cut.clear();
  }
  slot.answered();
  const charged = before + priceOf(question.opening.model, message.usage);
  const answer: Answered = { kind: 'answered', message, maxTokens: reserved.maxTokens, charged, milliseconds: clock.now() - started };
  // Both in one tick, hence in one commit of the journal: a kill between them would pay for the same answer twice.
  await Promise.all([reserved.charge(message.usage), question.keep(answer)]);
  return answer;
}

/** Aborts when the agent's time is up, or a little after the run was told to stop: what is paid for already is better finished and stored than lost. */
function cutOff(clock: Clock, limits: { readonly signal: AbortSignal; readonly drain: number; readonly milliseconds: number }): CutOff {
  const time = deadline(clock, limits.milliseconds);
  const drained = new AbortController();
  const cleared = new AbortController();
  const drain = async (): Promise<void> => {
    await clock.sleep(limits.drain, cleared.signal);
    drained.abort();
  };
  const stop = (): void => void drain();
  limits.signal.addEventListener('abort', stop, { once: true });
  return {
    signal: AbortSignal.any([time.signal, drained.signal]),
    late: () => time.signal.aborted,
    clear: () => {
      time.clear();
      cleared.abort();
      limits.signal.removeEventListener('abort', stop);
    },
  };
}

interface CutOff {
  readonly signal: AbortSignal;
  /** It was the agent's time. */
  readonly late: () => boolean;
  readonly clear: () => void;
}

function backoff({ timings, random }: AskParts, tries: number, fault: Fault): number {
  const asked = 'retryAfterMs' in fault ? fault.retryAfterMs : null;
  const grown = Math.min(timings.longestBackoff, timings.firstBackoff * 2 ** (tries - 1));
  // Never before the service said so, and not all at the same moment after.
  return asked === null ? grown * (0.5 + random() / 2) : asked + grown * random() * 0.1;
}

function pauseText(fault: Extract<Fault, { kind: 'pause' }>): string {
  return fault.reason === 'spending-limit'
    ? `The model account has reached a spending limit of its own (${fault.what}). The run pauses with all its work; raise the limit or add credit in the account's console. Converge tries again by itself, later and later.`
    : `The model service refuses this key or what it asked for (${fault.what}). The run pauses with all its work; the operator has to set an ANTHROPIC_API_KEY that may use the models, and start Converge again.`;
}

function downText(tries: number, fault: Fault): string {
  return `The model service did not answer in ${tries} tries (last: ${fault.what}). The run pauses with all its work; Converge tries again by itself, later and later.`;
}
