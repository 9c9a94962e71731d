import type { Reply, ReplyBlock } from './reply.ts';

/** One server-sent event; `data` carries `type` too, as the API does. */
export interface StreamEvent {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Characters in a delta: small enough that whoever reads the stream must put pieces together. */
const PIECE = 200;

/** A whole reply as the API streams it, from `message_start` to `message_stop`. */
export function streamEvents(reply: Reply): readonly StreamEvent[] {
  const started = { ...reply, content: [], stop_reason: null, usage: { ...reply.usage, output_tokens: 1 } };
  return [
    event('message_start', { message: started }),
    event('ping', {}),
    ...reply.content.flatMap((block, index) => [
      event('content_block_start', { index, content_block: empty(block) }),
      ...deltas(block).map((delta) => event('content_block_delta', { index, delta })),
      event('content_block_stop', { index }),
    ]),
    event('message_delta', {
      delta: { stop_reason: reply.stop_reason, stop_sequence: null, stop_details: reply.stop_details },
      usage: reply.usage,
    }),
    event('message_stop', {}),
  ];
}

export function encodeEvent({ type, data }: StreamEvent): string {
  return `event: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
}

function event(type: string, data: Readonly<Record<string, unknown>>): StreamEvent {
  return { type, data: { type, ...data } };
}

function empty(block: ReplyBlock): object {
  if (block.type === 'text') return { ...block, text: '' };
  return block.type === 'tool_use' ? { ...block, input: {} } : { ...block, signature: '' };
}

function deltas(block: ReplyBlock): readonly object[] {
  if (block.type === 'thinking') return [{ type: 'signature_delta', signature: block.signature }];
  if (block.type === 'text') return pieces(block.text).map((text) => ({ type: 'text_delta', text }));
  return pieces(JSON.stringify(block.input)).map((partial_json) => ({ type: 'input_json_delta', partial_json }));
}

function pieces(text: string): readonly string[] {
  return Array.from({ length: Math.ceil(text.length / PIECE) }, (_, at) => text.slice(at * PIECE, (at + 1) * PIECE));
}
