import { isDeepStrictEqual } from 'node:util';
import type { Thought } from '../reply.ts';
import { blocksOf, resultText } from '../request.ts';
import type { MessagesRequest } from '../request.ts';
import type { ToolResult } from './tool-results.ts';

export interface ToolCall {
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** One reply that calls tools. */
export interface Step {
  readonly text?: string;
  readonly tools: readonly ToolCall[];
}

/** What a role does, written as if it ran through: it yields calls of tools and is given their results, in the same order. */
export type Procedure<Result> = Generator<Step, Result, readonly ToolResult[]>;

/**
 * The next reply of a role in this conversation: the procedure runs again from its start over the results that the conversation holds.
 * So the reply depends on the request alone, and nothing is remembered between requests. Replies in the conversation that the procedure never gave are passed over.
 */
export function nextReply(request: MessagesRequest, procedure: Procedure<Thought>): Thought {
  let state = procedure.next();
  for (const past of pastSteps(request)) {
    if (state.done === true) break;
    if (isDeepStrictEqual(past.calls, state.value.tools)) state = procedure.next(past.results);
  }
  return state.value;
}

interface PastStep {
  readonly calls: readonly ToolCall[];
  readonly results: readonly ToolResult[];
}

function pastSteps({ messages }: MessagesRequest): readonly PastStep[] {
  return messages.flatMap((message, at) => {
    if (message.role !== 'assistant') return [];
    const used = blocksOf(message.content).flatMap((block) => (block.type === 'tool_use' ? [block] : []));
    if (used.length === 0) return [];
    const answers = blocksOf(messages[at + 1]?.content ?? []).flatMap((block) => (block.type === 'tool_result' ? [block] : []));
    const results = used.map(({ id }) => {
      const answer = answers.find((one) => one.tool_use_id === id);
      return answer === undefined ? { text: '', failed: true } : { text: resultText(answer), failed: answer.is_error === true };
    });
    return [{ calls: used.map(({ name, input }) => ({ name, input })), results }];
  });
}

/** The first message: what this agent is asked to do. */
export function briefOf(request: MessagesRequest): string {
  return blocksOf(request.messages[0]?.content ?? '')
    .flatMap((block) => (block.type === 'text' ? [block.text] : []))
    .join('\n\n');
}
