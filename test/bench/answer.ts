const USAGE = { input_tokens: 900, cache_creation_input_tokens: 0, cache_read_input_tokens: 20_000, output_tokens: 1 };

/** A whole answer of the Messages API as its stream has it, for models that are simulated. */
export function answer(stop: 'tool_use' | 'end_turn', block: object, deltas: readonly object[]): Buffer {
  const message = {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-sonnet-5-5',
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: USAGE,
  };
  const events: readonly (readonly [string, object])[] = [
    ['message_start', { message }],
    ['content_block_start', { index: 0, content_block: block }],
    ...deltas.map((delta) => ['content_block_delta', { index: 0, delta }] as const),
    ['content_block_stop', { index: 0 }],
    ['message_delta', { delta: { stop_reason: stop, stop_sequence: null }, usage: { output_tokens: 60 } }],
    ['message_stop', {}],
  ];
  return Buffer.from(events.map(([event, data]) => `event: ${event}\ndata: ${JSON.stringify({ type: event, ...data })}\n\n`).join(''));
}
