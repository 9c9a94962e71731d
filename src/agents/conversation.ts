import type { ContentBlockParam, ToolResultBlockParam, ToolUseBlockParam } from '@anthropic-ai/sdk/resources/messages';
import type { Journal } from '../journal/journal.ts';
import type { AgentOutcome, AgentTask } from './agent.ts';
import type { Ask } from './ask.ts';
import type { Clock } from './clock.ts';
import type { Closing } from './closing.ts';
import { type Discretion, saidDiscreetly } from './discretion.ts';
import { modelOf } from './models.ts';
import { askNext, type Ended, exhausted } from './next-response.ts';
import type { Orders } from './orders.ts';
import type { Openings } from './request.ts';
import type { SteerForms } from './steering.ts';
import { throwIfStopping } from './stopping.ts';
import { exactInput, openToolbox, resultOf, type Toolbox } from './toolbox.ts';
import { failed } from './tools/tool.ts';
import { afterResponse, afterResults, beginning, openTranscript, type Counters, type Progress } from './transcript.ts';

export interface ConversationParts {
  readonly ask: Ask;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly orders: Orders;
  readonly forms: SteerForms;
  readonly openings: Openings;
  readonly signal: AbortSignal;
  readonly discretion: Discretion;
  /** Told after each turn, for the census. */
  readonly onProgress: (progress: Progress) => void;
  /** That the agent started: on its way to the journal. */
  readonly started: Promise<unknown>;
}

/** How a conversation ended, and what it left on its way to the journal. */
interface Conversed<Answer> {
  readonly outcome: AgentOutcome<Answer>;
  readonly stored: Promise<unknown>;
}

const MOST_NUDGES = 2;

type Next = {
  readonly kind: 'next';
  readonly say: readonly ContentBlockParam[] | null;
  readonly keep: boolean;
  readonly counters: Counters;
};

/**
 * One conversation from its brief, or from its last stored turn, to its end: ask, run the tools of the response while it is stored, store the results, ask again.
 * Throws Suspended, and what journal and workspace throw; everything that the model does ends in an outcome.
 */
export async function converse<Answer>(
  task: AgentTask<Answer>,
  closing: Closing<Answer>,
  parts: ConversationParts,
): Promise<Conversed<Answer>> {
  let stored = inOrder(parts.started);
  const toolbox = openToolbox({ tools: task.tools, checks: task.checks, submit: closing.definition });
  const opening = parts.openings({ model: task.model, effort: task.effort, system: task.system, tools: toolbox.definitions });
  const transcript = openTranscript({ journal: parts.journal, run: task.run, agent: task.id });
  let progress = await transcript.resume(beginning(task.brief, opening.inputTokens), task.workspace);

  for (;;) {
    parts.onProgress(progress);
    if (progress.pending === null) {
      throwIfStopping(parts.signal);
      const asked = await askNext({ task, opening, transcript, progress, parts, stored });
      if (asked.kind === 'ended') return { outcome: asked.outcome, stored };
      stored = inOrder(asked.stored);
      progress = afterResponse(progress, asked.response);
      parts.onProgress(progress);
    }
    throwIfStopping(parts.signal);

    const started = parts.clock.now();
    const step = await take({ task, closing, toolbox, progress, signal: parts.signal });
    if (step.kind === 'ended') return { outcome: step.outcome, stored };
    const say = step.say === null ? null : saidDiscreetly(step.say, parts.discretion);
    const results = { ...step, say, milliseconds: progress.milliseconds + parts.clock.now() - started };
    // On its way to the journal, as the response is, while the next request gets its place and its money: all of it may share one commit.
    stored = inOrder(Promise.all([stored, transcript.storeResults(progress.turns - 1, results, task.workspace)]));
    progress = afterResults(progress, { ...results, reverted: [] });
  }
}

/** A write that somebody waits for later: until then its failure is nobody's. */
export function inOrder(write: Promise<unknown>): Promise<unknown> {
  write.catch(() => undefined);
  return write;
}

interface Taking<Answer> {
  readonly task: AgentTask<Answer>;
  readonly closing: Closing<Answer>;
  readonly toolbox: Toolbox;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** What follows from the pending response, stop reason by stop reason (facts/claude.md §12). */
async function take<Answer>(taking: Taking<Answer>): Promise<Ended<Answer> | Next> {
  const { task, progress } = taking;
  const { counters, pending } = progress;
  if (pending === null) throw new Error('take: there is no response to take');
  switch (pending.stopReason) {
    case 'tool_use':
    case 'end_turn':
    case 'stop_sequence': {
      const calls = pending.content.filter((block) => block.type === 'tool_use');
      return calls.length > 0 ? useTools(taking, calls) : endTurn(taking, textOf(pending.content));
    }
    case 'pause_turn':
      return { kind: 'next', say: null, keep: true, counters: { ...counters, cuts: 0 } };
    case 'max_tokens':
      if (counters.cuts > 0 || pending.maxTokens >= modelOf(task.model).maxOutput) {
        return exhausted(
          `Its response was cut off by max_tokens at ${pending.maxTokens} tokens${counters.cuts > 0 ? ', after one that was cut off earlier' : ''}.`,
        );
      }
      return { kind: 'next', say: null, keep: false, counters: { ...counters, cuts: counters.cuts + 1 } };
    case 'model_context_window_exceeded':
      return exhausted("The conversation grew beyond the model's context window.");
    case 'refusal': {
      const { category = null, explanation = null } = pending.refusal ?? {};
      const cause = `The model refused${category === null ? '' : ` (${category})`}${explanation === null ? '.' : `: ${explanation}`}`;
      return { kind: 'ended', outcome: { ending: 'refused', cause } };
    }
    default:
      return {
        kind: 'ended',
        outcome: { ending: 'failed', cause: `The response ended with the stop reason \`${pending.stopReason}\`, which is not known here.` },
      };
  }
}

async function endTurn<Answer>({ task, closing, progress }: Taking<Answer>, text: string): Promise<Ended<Answer> | Next> {
  const closed = closing.onText(text);
  if (closed.kind === 'answer') return doneWith(task, closed.answer, text);
  const { counters } = progress;
  if (counters.nudges >= MOST_NUDGES) return exhausted(`It ended its turn ${counters.nudges + 1} times without an answer.`);
  return {
    kind: 'next',
    say: [{ type: 'text', text: closed.message }],
    keep: true,
    counters: { ...counters, nudges: counters.nudges + 1, cuts: 0 },
  };
}

async function useTools<Answer>(taking: Taking<Answer>, calls: readonly ToolUseBlockParam[]): Promise<Ended<Answer> | Next> {
  const { task, closing, toolbox, progress, signal } = taking;
  const answers = new Map<string, ToolResultBlockParam>();
  const submits = calls.filter((call) => closing.definition !== null && call.name === closing.definition.name);
  // One after the other, in the model's order: edits of one file build on each other.
  for (const call of calls) {
    if (submits.includes(call)) continue;
    answers.set(call.id, await toolbox.run(call, task));
    throwIfStopping(signal);
  }
  const [submit, ...extra] = submits;
  let { attempts, objections } = progress.counters;
  if (submit !== undefined) {
    const troubled = [...answers.values()].some((answer) => answer.is_error === true);
    const closed = troubled ? null : await closing.onSubmit(exactInput(submit.input), objections);
    if (closed?.kind === 'answer') return doneWith(task, closed.answer, textOf(progress.pending?.content ?? []));
    if (closed !== null) attempts += 1;
    if (closed?.objected === true) objections += 1;
    if (closed !== null && attempts >= closing.attempts) {
      return {
        kind: 'ended',
        outcome: { ending: 'failed', cause: `Its answer was not taken ${attempts} times; the last time:\n${closed.message}` },
      };
    }
    const why =
      closed === null
        ? 'Your answer was not taken, because another call of the same reply failed: see its result. Put that right, then call `submit` again.'
        : `Your answer was not taken (${attempts} of ${closing.attempts} attempts used):\n${closed.message}\nCorrect it and call \`submit\` again, with all of the answer.`;
    answers.set(submit.id, resultOf(submit, failed(why)));
  }
  for (const call of extra) answers.set(call.id, resultOf(call, failed('Only the first `submit` of a reply is looked at.')));
  const say: ContentBlockParam[] = calls.map((call) => answers.get(call.id)).filter((answer) => answer !== undefined);
  const left = task.limits.turns - progress.turns;
  if (left === 2) say.push({ type: 'text', text: lastCall(closing.definition !== null) });
  return { kind: 'next', say, keep: true, counters: { ...progress.counters, attempts, objections, cuts: 0 } };
}

function lastCall(submits: boolean): string {
  return `You have 2 replies left. Bring your work to an end and ${submits ? 'call `submit`' : 'give your answer as text'}; without it, the work is lost.`;
}

async function doneWith<Answer>(task: AgentTask<Answer>, answer: Answer, text: string): Promise<Ended<Answer>> {
  return { kind: 'ended', outcome: { ending: 'done', answer, text, overlay: await task.workspace.overlay() } };
}

function textOf(content: readonly ContentBlockParam[]): string {
  return content
    .filter((block) => block.type === 'text')
    .map((block) => block.text)
    .join('\n');
}
