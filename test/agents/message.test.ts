import Anthropic from '@anthropic-ai/sdk';
import type { RawMessageStreamEvent } from '@anthropic-ai/sdk/resources/messages';
import { expect, test } from 'vitest';
import { openMessage } from '../../src/agents/message.ts';

const START = {
  type: 'message_start',
  message: {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'm',
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: {
      input_tokens: 100,
      cache_read_input_tokens: 7,
      cache_creation_input_tokens: 5,
      cache_creation: { ephemeral_1h_input_tokens: 5, ephemeral_5m_input_tokens: 0 },
      output_tokens: 1,
    },
  },
};

const block = (index: number, content: object, ...deltas: readonly object[]): readonly object[] => [
  { type: 'content_block_start', index, content_block: content },
  ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
  { type: 'content_block_stop', index },
];

const json = (...pieces: readonly string[]): readonly object[] =>
  pieces.map((partial_json) => ({ type: 'input_json_delta', partial_json }));

const EVERYTHING = [
  START,
  ...block(
    0,
    { type: 'thinking', thinking: '', signature: '' },
    { type: 'thinking_delta', thinking: 'Hm, ' },
    { type: 'thinking_delta', thinking: 'so.' },
    { type: 'signature_delta', signature: 'c2lnbmVk+/=' },
  ),
  ...block(1, { type: 'redacted_thinking', data: 'AAAA' }),
  ...block(
    2,
    { type: 'text', text: 'One ', citations: null },
    { type: 'text_delta', text: 'two ' },
    { type: 'text_delta', text: 'three.' },
    { type: 'citations_delta', citation: { type: 'char_location', cited_text: 'a', document_index: 0 } },
    { type: 'citations_delta', citation: { type: 'char_location', cited_text: 'b', document_index: 1 } },
  ),
  ...block(3, { type: 'tool_use', id: 'toolu_1', name: 'edit', input: {} }, ...json('', '{"old": "a\\', 'n", "n": [1', ', 2]}')),
  ...block(4, { type: 'tool_use', id: 'toolu_2', name: 'glob', input: {} }),
  ...block(5, { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: {} }, ...json('{"query"', ': "x"}')),
  ...block(6, { type: 'web_search_tool_result', tool_use_id: 'srvtoolu_1', content: [{ type: 'web_search_result', url: 'u' }] }),
  {
    type: 'message_delta',
    delta: { stop_reason: 'refusal', stop_sequence: null, stop_details: { type: 'refusal', category: 'cyber', explanation: 'No.' } },
    usage: { output_tokens: 60, input_tokens: 110, cache_read_input_tokens: null, cache_creation_input_tokens: 9 },
  },
  { type: 'message_stop' },
];

/** As the SDK reads a stream of these events, and what its own helper makes of it. */
async function bySdk(events: readonly object[]): Promise<{ readonly read: readonly RawMessageStreamEvent[]; readonly message: unknown }> {
  const text = events.map((event) => `event: ${'type' in event ? String(event.type) : ''}\ndata: ${JSON.stringify(event)}\n\n`).join('');
  const fetch = (): Promise<Response> => Promise.resolve(new Response(text, { headers: { 'content-type': 'text/event-stream' } }));
  const sdk = new Anthropic({ apiKey: 'k', fetch, maxRetries: 0, openTelemetry: false });
  const params = { model: 'm', max_tokens: 1, messages: [] };
  const read: RawMessageStreamEvent[] = [];
  for await (const event of await sdk.messages.create({ ...params, stream: true })) read.push(event);
  return { read, message: JSON.parse(JSON.stringify(await sdk.messages.stream(params).finalMessage())) };
}

test('every kind of event comes to what the SDK makes of it', async () => {
  const { read, message } = await bySdk(EVERYTHING);
  const growing = openMessage();
  for (const event of read) {
    expect(growing.whole()).toBeNull();
    growing.take(event);
  }
  const whole = JSON.parse(JSON.stringify(growing.whole()));
  expect({ ...whole, parsed_output: null }).toEqual(message);
  expect(whole.content[0]).toEqual({ type: 'thinking', thinking: 'Hm, so.', signature: 'c2lnbmVk+/=' });
});

test.for(['{"content": "half of it', '["a"]', '"text"', 'null', 'true'])('an input that is no JSON object is none: %s', async (written) => {
  const { read } = await bySdk([
    START,
    ...block(0, { type: 'tool_use', id: 'toolu_1', name: 'write', input: {} }, ...json(written)),
    { type: 'message_delta', delta: { stop_reason: 'tool_use', stop_sequence: null }, usage: { output_tokens: 60 } },
    { type: 'message_stop' },
  ]);
  const growing = openMessage();
  for (const event of read) growing.take(event);
  expect(growing.whole()?.content).toEqual([{ type: 'tool_use', id: 'toolu_1', name: 'write', input: {} }]);
});
