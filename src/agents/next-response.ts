import { duration } from '../domain/amounts.ts';
import { dollars } from '../domain/budget.ts';
import type { AgentOutcome, AgentTask } from './agent.ts';
import type { Answered, Ask, Asked } from './ask.ts';
import { maxTokensWithin, modelOf } from './models.ts';
import type { Orders } from './orders.ts';
import type { Opening } from './request.ts';
import { maySteer, saidAs, steerTokens, withSteers, type SaidSteer, type SteerForms } from './steering.ts';
import type { Progress, StoredResponse, Transcript } from './transcript.ts';

/** Below this, a response is hardly worth its prompt. */
const LEAST_TOKENS = 8000;
/** Tokens that a request has beyond the bytes of its text. */
const OVERHEAD_TOKENS = 1000;

export type Ended<Answer> = { readonly kind: 'ended'; readonly outcome: AgentOutcome<Answer> };

export interface AskingParts {
  readonly ask: Ask;
  readonly orders: Orders;
  readonly forms: SteerForms;
  readonly signal: AbortSignal;
}

export interface Asking<Answer> {
  readonly task: AgentTask<Answer>;
  readonly opening: Opening;
  readonly transcript: Transcript;
  readonly progress: Progress;
  readonly parts: AskingParts;
  readonly stored: Promise<unknown>;
}

type Response = { readonly kind: 'response'; readonly response: StoredResponse; readonly stored: Promise<unknown> };

/** With what people said since; in another form when the model turns out not to take the one that was tried. */
export async function askNext<Answer>(asking: Asking<Answer>): Promise<Ended<Answer> | Response> {
  const { task, progress, parts } = asking;
  const heard = maySteer(progress.messages) ? parts.orders.steers(task.run).filter(({ id }) => !progress.steered.includes(id)) : [];
  if (heard.length === 0) return conclude(asking, [], await askWith(asking, []));
  const { as, trial } = parts.forms.of(task.model);
  const said = saidAs(as, heard);
  if (!trial) return conclude(asking, said, await askWith(asking, said));

  let outcome: Parameters<SteerForms['tried']>[1] = null;
  try {
    const asked = await askWith(asking, said);
    if (asked.kind === 'answered') outcome = 'taken';
    if (asked.kind !== 'rejected') return conclude(asking, said, asked);
    const again = { ...asking, progress: { ...progress, spent: progress.spent + asked.charged } };
    const plain = saidAs('user', heard);
    const second = await askWith(again, plain);
    if (second.kind === 'answered') outcome = 'refused';
    return conclude(again, plain, second);
  } finally {
    parts.forms.tried(task.model, outcome);
  }
}

async function askWith<Answer>(
  { task, opening, transcript, progress, parts, stored }: Asking<Answer>,
  said: readonly SaidSteer[],
): Promise<Ended<Answer> | Asked> {
  const { limits } = task;
  if (progress.turns >= limits.turns) return exhausted(`It used all of its ${limits.turns} turns without an answer.`);
  const milliseconds = limits.seconds * 1000 - progress.milliseconds;
  if (milliseconds <= 0) return exhausted(timeText(limits.seconds));

  const inputTokens = progress.counted + progress.uncounted + steerTokens(said) + OVERHEAD_TOKENS;
  const { want, atLeast } = tokensFor(task, progress);
  const affordable = maxTokensWithin(task.model, inputTokens, limits.budget - progress.spent);
  if (affordable < atLeast) {
    return exhausted(
      `It spent ${dollars(progress.spent)} of the ${dollars(limits.budget)} that one agent may, and its next request could pass that.`,
    );
  }
  return parts.ask(
    {
      run: task.run,
      agent: task.id,
      phase: task.phase,
      opening,
      messages: withSteers(progress.messages, said),
      inputTokens,
      maxTokens: Math.min(want, affordable),
      atLeast,
      milliseconds,
      after: stored,
      keep: (answer) => transcript.storeResponse(progress.turns, responseOf(progress, said, answer)),
    },
    parts.signal,
  );
}

function conclude<Answer>(
  { task, progress }: Asking<Answer>,
  said: readonly SaidSteer[],
  asked: Ended<Answer> | Asked,
): Ended<Answer> | Response {
  switch (asked.kind) {
    case 'ended':
      return asked;
    case 'late':
      return exhausted(timeText(task.limits.seconds));
    case 'rejected':
      return { kind: 'ended', outcome: { ending: 'failed', cause: `The model service refused the request: ${asked.cause}` } };
    case 'answered':
      return { kind: 'response', response: responseOf(progress, said, asked), stored: asked.stored };
  }
}

function responseOf(progress: Progress, said: readonly SaidSteer[], answer: Omit<Answered, 'stored'>): StoredResponse {
  const { message, maxTokens, charged, milliseconds } = answer;
  const response = { ...message, maxTokens, spent: progress.spent + charged, milliseconds: progress.milliseconds + milliseconds };
  return said.length === 0 ? response : { ...response, steers: said };
}

/** A response that was cut off is asked for again with room for more; effort at its highest thinks long (facts/claude.md §4). */
function tokensFor<Answer>(task: AgentTask<Answer>, progress: Progress): { readonly want: number; readonly atLeast: number } {
  const most = modelOf(task.model).maxOutput;
  if (progress.counters.cuts > 0)
    return { want: Math.min(most, Math.max(64_000, progress.maxTokens * 2)), atLeast: Math.min(most, progress.maxTokens + 1) };
  const usual = task.effort === 'xhigh' || task.effort === 'max' ? 64_000 : 32_000;
  return { want: Math.min(most, usual), atLeast: Math.min(most, LEAST_TOKENS) };
}

/** The agent used up what it may. */
export function exhausted(cause: string): Ended<never> {
  return { kind: 'ended', outcome: { ending: 'exhausted', cause } };
}

function timeText(seconds: number): string {
  return `It used all of its ${duration(seconds)} of work without an answer.`;
}
