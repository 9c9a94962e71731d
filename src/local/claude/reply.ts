import { createHash } from 'node:crypto';
import type { LocalModel } from './models.ts';
import type { InputUsage } from './prompt-cache.ts';
import { blocksOf } from './request.ts';
import type { MessagesRequest } from './request.ts';

/** What a model says to one request. */
export interface Thought {
  readonly text?: string | undefined;
  readonly tools?: readonly { readonly name: string; readonly input: Readonly<Record<string, unknown>> }[];
  readonly stop_reason?: string | undefined;
  readonly stop_details?: Readonly<Record<string, unknown>> | undefined;
}

export type ReplyBlock =
  | { readonly type: 'thinking'; readonly thinking: string; readonly signature: string }
  | { readonly type: 'text'; readonly text: string; readonly citations: null }
  | { readonly type: 'tool_use'; readonly id: string; readonly name: string; readonly input: Readonly<Record<string, unknown>> };

export interface Reply {
  readonly id: string;
  readonly type: 'message';
  readonly role: 'assistant';
  readonly model: string;
  readonly content: readonly ReplyBlock[];
  readonly stop_reason: string;
  readonly stop_sequence: null;
  readonly stop_details: Readonly<Record<string, unknown>> | null;
  readonly usage: Readonly<Record<string, unknown>>;
}

/** Ids come from the request, so that equal requests have equal answers. `output` is in tokens. */
export function replyTo(options: {
  readonly request: MessagesRequest;
  readonly model: LocalModel;
  readonly thought: Thought;
  readonly input: InputUsage;
}): {
  readonly reply: Reply;
  readonly output: number;
} {
  const { request, model, thought, input } = options;
  const seed = seedOf(request);
  const whole = contentOf({ request, model, thought, seed });
  const size = tokens(whole);
  const cut = size > request.max_tokens;
  const content = cut
    ? whole.flatMap((block) => (block.type === 'text' ? [{ ...block, text: block.text.slice(0, request.max_tokens * 4) }] : []))
    : whole;
  const output = cut ? request.max_tokens : size;
  const stop = cut ? 'max_tokens' : (thought.stop_reason ?? (content.some((block) => block.type === 'tool_use') ? 'tool_use' : 'end_turn'));
  const reply: Reply = {
    id: `msg_${seed}`,
    type: 'message',
    role: 'assistant',
    model: model.id,
    content: content.filter((block) => block.type !== 'text' || block.text !== ''),
    stop_reason: stop,
    stop_sequence: null,
    stop_details: thought.stop_details ?? null,
    usage: usageOf(input, output),
  };
  return { reply, output };
}

/** In the answer to this request, and in no other's: in the signature of its thinking and in the ids of its tools. */
export function seedOf({ model, messages }: Pick<MessagesRequest, 'model' | 'messages'>): string {
  return digest(JSON.stringify([model, messages])).slice(0, 20);
}

function contentOf(options: {
  readonly request: MessagesRequest;
  readonly model: LocalModel;
  readonly thought: Thought;
  readonly seed: string;
}): readonly ReplyBlock[] {
  const { request, model, thought, seed } = options;
  const thinks = request.thinking === undefined ? model.thinksByDefault : request.thinking.type !== 'disabled';
  const tools = (thought.tools ?? []).map((tool, at): ReplyBlock => ({
    type: 'tool_use',
    id: `toolu_${seed}_${at}`,
    name: tool.name,
    input: tool.input,
  }));
  return [
    ...(thinks && request.max_tokens > 0 ? [{ type: 'thinking', thinking: '', signature: signatureFor(request, seed) } as const] : []),
    ...(thought.text === undefined || thought.text === '' ? [] : [{ type: 'text', text: thought.text, citations: null } as const]),
    ...tools,
  ];
}

/** A thinking block belongs to one model and one conversation (facts/claude.md §3). */
function signatureFor(request: MessagesRequest, seed: string): string {
  return `${seed}.${digest(`${request.model}\0${opening(request)}\0${seed}`).slice(0, 24)}`;
}

/** Says which thinking block was changed or moved; null when all are as they were given. */
export function foreignThinking(request: MessagesRequest): string | null {
  for (const [at, message] of request.messages.entries()) {
    for (const block of blocksOf(message.content)) {
      if (block.type !== 'thinking') continue;
      const [seed = ''] = block.signature.split('.');
      if (block.thinking !== '' || block.signature !== signatureFor(request, seed))
        return `messages.${at}: \`thinking\` blocks cannot be modified or moved to another model or conversation`;
    }
  }
  return null;
}

function opening({ messages }: MessagesRequest): string {
  return blocksOf(messages[0]?.content ?? '')
    .map((block) => (block.type === 'text' ? block.text : ''))
    .join('\n');
}

function tokens(content: readonly ReplyBlock[]): number {
  const said = content.map((block) =>
    block.type === 'text' ? block.text : block.type === 'tool_use' ? JSON.stringify(block.input) + block.name : '',
  );
  return Math.ceil(Buffer.byteLength(said.join('')) / 4);
}

function usageOf(input: InputUsage, output: number): Readonly<Record<string, unknown>> {
  return {
    input_tokens: input.input,
    output_tokens: output,
    cache_read_input_tokens: input.cacheRead,
    cache_creation_input_tokens: input.cacheWrite5m + input.cacheWrite1h,
    cache_creation: { ephemeral_5m_input_tokens: input.cacheWrite5m, ephemeral_1h_input_tokens: input.cacheWrite1h },
    service_tier: 'standard',
  };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
