import { createHash } from 'node:crypto';
import type { ContentBlockParam, MessageParam, TextBlockParam, ToolUnion } from '@anthropic-ai/sdk/resources/messages';
import type { Effort } from '../domain/effort.ts';
import type { ModelRequest } from './client.ts';
import { effortFor, modelOf } from './models.ts';

/** A conversation's unchanging part: the same bytes for all agents of a role in a run. */
export interface Beginning {
  readonly model: string;
  readonly effort: Effort;
  readonly system: readonly string[];
  readonly tools: readonly ToolUnion[];
}

export interface Opening extends Beginning {
  /** Names the cached prefix that requests share. */
  readonly prefix: string;
  /** At most. */
  readonly inputTokens: number;
}

/** Gives the one opening of all conversations that begin alike: it is long, so it is measured and hashed once. */
export type Openings = (beginning: Beginning) => Opening;

/** Openings at most that are remembered. */
const REMEMBERED = 64;

export function openOpenings(): Openings {
  const known: Opening[] = [];
  return (beginning) => {
    const before = known.find((opening) => isAlike(opening, beginning));
    if (before !== undefined) return before;
    const { model, effort, system, tools } = beginning;
    const prefix = createHash('sha256')
      .update(JSON.stringify([model, tools, system]))
      .digest('hex');
    const opening = { model, effort, system, tools, prefix, inputTokens: carefulTokens({ model, effort, system, tools }) };
    if (known.length >= REMEMBERED) known.length = 0;
    known.push(opening);
    return opening;
  };
}

/** To the byte: in a schema the order of fields means something to a model. */
function isAlike(one: Beginning, other: Beginning): boolean {
  return (
    one.model === other.model &&
    one.effort === other.effort &&
    one.system.length === other.system.length &&
    one.tools.length === other.tools.length &&
    one.system.every((text, at) => text === other.system[at]) &&
    one.tools.every((tool, at) => tool === other.tools[at] || JSON.stringify(tool) === JSON.stringify(other.tools[at]))
  );
}

/**
 * The request as it is sent. Cache breakpoints (facts/performance.md §5): one hour after the last system block, which all agents of a role share, and a rolling one at the
 * end of the conversation. The one before it is named again, so that it is found however many blocks the last turn had (the service looks back 20).
 */
export function requestFor(opening: Beginning, messages: readonly MessageParam[], maxTokens: number): ModelRequest {
  const { model, effort, system, tools } = opening;
  return {
    model,
    max_tokens: maxTokens,
    output_config: { effort: effortFor(model, effort) },
    ...(modelOf(model).thinking === 'adaptive' ? { thinking: { type: 'adaptive' as const } } : {}),
    system: system.map((text, index): TextBlockParam =>
      index === system.length - 1 ? { type: 'text', text, cache_control: { type: 'ephemeral', ttl: '1h' } } : { type: 'text', text },
    ),
    ...(tools.length > 0 ? { tools: [...tools] } : {}),
    messages: withRollingBreakpoints(messages),
  };
}

function withRollingBreakpoints(messages: readonly MessageParam[]): MessageParam[] {
  const marked = new Set(
    messages
      .map((message, index) => (message.role === 'user' ? index : -1))
      .filter((index) => index >= 0)
      .slice(-2),
  );
  return messages.map((message, index) =>
    message.role === 'user' && marked.has(index) ? { ...message, content: markLast(message.content) } : message,
  );
}

function markLast(content: MessageParam['content']): ContentBlockParam[] {
  const blocks: ContentBlockParam[] = typeof content === 'string' ? [{ type: 'text', text: content }] : [...content];
  const last = blocks.at(-1);
  // Only these two stand at the end of what a user says here, and only these take a breakpoint of ours.
  if (last?.type === 'text' || last?.type === 'tool_result') blocks[blocks.length - 1] = { ...last, cache_control: { type: 'ephemeral' } };
  return blocks;
}

/** Letters and digits in a row from this length on, with a digit among them, are taken for a hash or base64, which no tokeniser knows words of. */
const DENSE = 24;

/**
 * Prompt tokens of a value as it is sent, in JSON, never too few: what is reserved by it must not be passed. Prose and code have 2.5 to 4 bytes a token with the tokenisers
 * of these models, rows of single digits or signs and what is not ASCII come down to one. So two letters or spaces are a token, in dense text one and a half, and any other
 * byte is one.
 */
export function carefulTokens(value: unknown): number {
  const text = JSON.stringify(value) ?? '';
  let saved = 0;
  let row = { spaces: false, length: 0, letters: 0, digits: false };
  // Character by character: every prompt is asked about as a whole, and a pattern is ten times slower.
  for (let at = 0; at <= text.length; at += 1) {
    const code = text.charCodeAt(at);
    const sort = sortOf(code);
    if (row.length > 0 && (sort === 'other' || row.spaces !== (sort === 'space'))) {
      saved += row.letters * (row.length >= DENSE && row.digits ? 1 / 3 : 1 / 2);
      row = { spaces: false, length: 0, letters: 0, digits: false };
    }
    if (sort === 'other') continue;
    row.spaces = sort === 'space';
    row.length += 1;
    if (sort === 'letter' || sort === 'space') row.letters += 1;
    if (sort === 'digit') row.digits = true;
  }
  return Math.ceil(Buffer.byteLength(text) - saved);
}

/** `sign`: those that stand in hashes, paths and base64, `+ / = _ -`. */
function sortOf(code: number): 'letter' | 'digit' | 'space' | 'sign' | 'other' {
  if ((code >= 97 && code <= 122) || (code >= 65 && code <= 90)) return 'letter';
  if (code === 32) return 'space';
  if (code >= 48 && code <= 57) return 'digit';
  return code === 43 || code === 47 || code === 61 || code === 95 || code === 45 ? 'sign' : 'other';
}
