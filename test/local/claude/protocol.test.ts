import { once } from 'node:events';
import Anthropic, { APIError } from '@anthropic-ai/sdk';
import type { MessageCreateParamsNonStreaming, MessageParam, TextBlockParam } from '@anthropic-ai/sdk/resources/messages';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startLocalClaude } from '../../../src/local/claude/server.ts';
import type { LocalClaude } from '../../../src/local/claude/server.ts';

let claude: LocalClaude;
let client: Anthropic;

beforeEach(async () => {
  claude = await startLocalClaude();
  client = new Anthropic({ apiKey: 'any', baseURL: claude.url, maxRetries: 0, openTelemetry: false });
});
afterEach(() => claude.close());

const MODEL = 'claude-sonnet-5-5';
const say = (content: string): MessageParam => ({ role: 'user', content });
const request = (more: Partial<MessageCreateParamsNonStreaming> = {}): MessageCreateParamsNonStreaming => ({
  model: MODEL,
  max_tokens: 1_000,
  messages: [say('hello')],
  ...more,
});

const READ = { name: 'grep', input_schema: { type: 'object' as const, properties: {} } };
const PLANNER = {
  tools: [READ, { name: 'submit', input_schema: { type: 'object' as const, properties: { predicate: {}, guide: {} } } }],
  system: 'You plan.',
};

async function refusal(body: object, headers: Record<string, string> = {}): Promise<{ status: number; type: string; message: string }> {
  const response = await fetch(`${claude.url}/v1/messages`, {
    method: 'POST',
    headers: { 'x-api-key': 'k', 'anthropic-version': '2023-06-01', ...headers },
    body: JSON.stringify(body),
  });
  const { error } = JSON.parse(await response.text());
  return { status: response.status, ...error };
}

describe('answers', () => {
  it('are the same as JSON and as a stream put together again', async () => {
    const whole = await client.messages.create(request(PLANNER));
    const types: string[] = [];
    const stream = client.messages.stream(request(PLANNER)).on('streamEvent', (event) => types.push(event.type));
    const streamed = await stream.finalMessage();
    expect(streamed.content).toEqual(whole.content);
    expect(streamed.stop_reason).toBe('tool_use');
    expect(streamed.usage).toMatchObject({ input_tokens: whole.usage.input_tokens, output_tokens: whole.usage.output_tokens });
    expect(whole.content.map((block) => block.type)).toEqual(['thinking', 'text', 'tool_use']);
    expect([types[0], types.at(-1)]).toEqual(['message_start', 'message_stop']);
    expect(claude.counts.snapshot()).toMatchObject({ requests: 2, answered: 2 });
  });

  it('think only when asked on a model that is off by default', async () => {
    const silent = await client.messages.create(request({ model: 'claude-opus-4-8' }));
    const asked = await client.messages.create(request({ model: 'claude-opus-4-8', thinking: { type: 'adaptive' } }));
    expect([silent.content[0]?.type, asked.content[0]?.type]).toEqual(['text', 'thinking']);
  });

  it('end with max_tokens when there is no room for them', async () => {
    const cut = await client.messages.create(request({ ...PLANNER, max_tokens: 3 }));
    expect(cut.stop_reason).toBe('max_tokens');
    expect(cut.usage.output_tokens).toBe(3);
    expect(cut.content.some((block) => block.type === 'tool_use')).toBe(false);
  });

  it('count tokens, and know their models', async () => {
    const counted = await client.messages.countTokens({ model: MODEL, messages: [say('x'.repeat(400))] });
    const used = await client.messages.create(request({ messages: [say('x'.repeat(400))] }));
    expect(counted.input_tokens).toBe(used.usage.input_tokens);
    expect(await client.models.retrieve('claude-opus-5-5')).toMatchObject({
      id: 'claude-opus-5-5',
      max_tokens: 128_000,
      lifecycle: 'active',
    });
    await expect(client.models.retrieve('claude-nobody')).rejects.toMatchObject({ status: 404 });
  });

  it('take thinking back only unchanged, in its conversation, on its model', async () => {
    const first = await client.messages.create(request(PLANNER));
    const use = first.content.find((block) => block.type === 'tool_use');
    const result: MessageParam = {
      role: 'user',
      content: [{ type: 'tool_result', tool_use_id: use?.id ?? '', content: 'No line matches.' }],
    };
    const messages: MessageParam[] = [say('hello'), { role: 'assistant', content: first.content }, result];
    expect((await client.messages.create(request({ ...PLANNER, messages }))).stop_reason).toBe('tool_use');
    await expect(client.messages.create(request({ ...PLANNER, model: 'claude-opus-5-5', messages }))).rejects.toThrow(
      'moved to another model',
    );
    await expect(client.messages.create(request({ ...PLANNER, messages: [say('other'), ...messages.slice(1)] }))).rejects.toThrow(
      'cannot be modified',
    );
  });
});

describe('refusals', () => {
  const use = { role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'grep', input: {} }] };
  const result = (id: string) => ({ role: 'user', content: [{ type: 'tool_result', tool_use_id: id, content: 'x' }] });
  const marked = Array.from({ length: 5 }, (_, at) => ({ type: 'text', text: `part ${at}`, cache_control: { type: 'ephemeral' } }));
  it.each([
    { name: 'temperature', body: { ...request(), temperature: 1 }, status: 400, message: 'temperature: sampling parameters' },
    { name: 'top_k', body: { ...request(), top_k: 1 }, status: 400, message: 'top_k: sampling parameters' },
    {
      name: 'a forced tool',
      body: { ...request(), tools: [READ], tool_choice: { type: 'any' } },
      status: 400,
      message: 'tool_choice: type `any` is not supported',
    },
    { name: 'thinking off', body: { ...request(), thinking: { type: 'disabled' } }, status: 400, message: 'thinking.type: `disabled`' },
    { name: 'no max_tokens', body: { ...request(), max_tokens: undefined }, status: 400, message: 'max_tokens: Field required' },
    { name: 'too large max_tokens', body: request({ max_tokens: 128_001 }), status: 400, message: 'max_tokens: 128001 > 128000' },
    { name: 'an unknown model', body: request({ model: 'claude-9' }), status: 404, message: 'model: claude-9' },
    { name: 'an unknown effort', body: { ...request(), output_config: { effort: 'huge' } }, status: 400, message: 'output_config.effort' },
    {
      name: 'five breakpoints',
      body: { ...request(), system: marked },
      status: 400,
      message: 'A maximum of 4 blocks with cache_control may be provided. Found 5.',
    },
    {
      name: 'a long lifetime after a short one',
      body: { ...request(), system: [marked[0], { ...marked[1], cache_control: { type: 'ephemeral', ttl: '1h' } }] },
      status: 400,
      message: 'must not come after',
    },
    { name: 'no messages', body: request({ messages: [] }), status: 400, message: 'at least one message' },
    {
      name: 'a first message of the assistant',
      body: { ...request(), messages: [use, result('a')] },
      status: 400,
      message: 'first message must use the "user" role',
    },
    {
      name: 'a prefill',
      body: { ...request(), messages: [say('x'), { role: 'assistant', content: 'I' }] },
      status: 400,
      message: 'prefill',
    },
    {
      name: 'a tool without result',
      body: { ...request(), messages: [say('x'), use, say('y')] },
      status: 400,
      message: '`tool_use` ids were found without `tool_result` blocks immediately after: a',
    },
    {
      name: 'a result without tool',
      body: { ...request(), messages: [say('x'), use, result('b')] },
      status: 400,
      message: 'without `tool_result`',
    },
    { name: 'a stray result', body: { ...request(), messages: [result('b')] }, status: 400, message: 'unexpected `tool_use_id`' },
    { name: 'empty text', body: request({ messages: [say('')] }), status: 400, message: 'non-empty' },
    { name: 'two tools of a name', body: { ...request(), tools: [READ, READ] }, status: 400, message: 'Tool names must be unique' },
    {
      name: 'a system message in between on 5.5',
      body: { ...request(), messages: [say('x'), { role: 'system', content: 'y' }] },
      status: 400,
      message: "role 'system' is not supported",
    },
  ])('$name', async ({ body, status, message }) => {
    const told = await refusal(body);
    expect(told.status).toBe(status);
    expect(told.message).toContain(message);
    expect(claude.counts.snapshot()).toMatchObject({ requests: 0, refused: 1 });
  });

  it('take a system message in its place on 4.8', async () => {
    const messages = [say('x'), { role: 'system' as const, content: 'a fact' }];
    expect((await refusal({ ...request({ model: 'claude-opus-4-8' }), messages })).status).toBe(200);
    expect((await refusal({ ...request({ model: 'claude-opus-4-8' }), messages: [...messages, say('y')] })).message).toContain(
      'last or followed by an assistant turn',
    );
  });

  it('want a key and a version', async () => {
    const bare = await fetch(`${claude.url}/v1/messages`, { method: 'POST', body: JSON.stringify(request()) });
    expect(bare.status).toBe(401);
    const keyed = await fetch(`${claude.url}/v1/messages`, {
      method: 'POST',
      headers: { 'x-api-key': 'k' },
      body: JSON.stringify(request()),
    });
    expect(keyed.status).toBe(400);
  });
});

describe('the cache', () => {
  const long = (text: string): string => text.repeat(8_000); // 2,000 tokens
  const marked = (text: string, ttl: '5m' | '1h' = '5m'): TextBlockParam => ({
    type: 'text',
    text,
    cache_control: { type: 'ephemeral', ttl },
  });
  const usage = async (more: Partial<MessageCreateParamsNonStreaming>) => (await client.messages.create(request(more))).usage;

  it('reads an exact prefix, and pays for what follows', async () => {
    const first = await usage({ system: [marked(long('a'), '1h')] });
    const second = await usage({ system: [marked(long('a'), '1h')], messages: [say('another question')] });
    expect(first).toMatchObject({ cache_read_input_tokens: 0, cache_creation: { ephemeral_5m_input_tokens: 0 } });
    expect(first.cache_creation?.ephemeral_1h_input_tokens).toBeGreaterThan(2_000);
    expect(second.cache_read_input_tokens).toBe(first.cache_creation_input_tokens);
    expect(second.cache_creation_input_tokens).toBe(0);
  });

  it('does not read a prefix that differs in one byte, in the tools, or by the model', async () => {
    await usage({ system: [marked(long('a'))] });
    expect((await usage({ system: [marked(`${long('a')}!`)] })).cache_read_input_tokens).toBe(0);
    expect((await usage({ system: [marked(long('a'))], tools: [READ] })).cache_read_input_tokens).toBe(0);
    expect((await usage({ system: [marked(long('a'))], model: 'claude-opus-5-5' })).cache_read_input_tokens).toBe(0);
  });

  it('keeps nothing below the minimum', async () => {
    expect((await usage({ system: [marked('a'.repeat(3_000))] })).cache_creation_input_tokens).toBe(0);
  });

  it('goes with a rolling breakpoint from turn to turn', async () => {
    const turn = (text: string, last: boolean): MessageParam => ({ role: 'user', content: [last ? marked(text) : { type: 'text', text }] });
    const reply: MessageParam = { role: 'assistant', content: 'yes' };
    const system = [marked(long('s'), '1h')];
    const first = await usage({ system, messages: [turn(long('a'), true)] });
    const second = await usage({ system, messages: [turn(long('a'), false), reply, turn(long('b'), true)] });
    const written = first.cache_creation_input_tokens ?? 0;
    expect(first.cache_creation).toMatchObject({
      ephemeral_1h_input_tokens: expect.closeTo(2_010, -2),
      ephemeral_5m_input_tokens: expect.closeTo(2_010, -2),
    });
    expect(second.cache_read_input_tokens).toBe(written);
    expect(second.cache_creation?.ephemeral_5m_input_tokens).toBeGreaterThan(2_000);
  });

  it('can be read once the first response has begun, not before', async () => {
    await claude.close();
    claude = await startLocalClaude({ latencyMs: 50 });
    client = new Anthropic({ apiKey: 'any', baseURL: claude.url, maxRetries: 0, openTelemetry: false });
    const together = await Promise.all(['1', '2', '3'].map((text) => usage({ system: [marked(long('w'))], messages: [say(text)] })));
    expect(together.map((one) => one.cache_read_input_tokens)).toEqual([0, 0, 0]);
    expect((await usage({ system: [marked(long('w'))] })).cache_read_input_tokens).toBeGreaterThan(2_000);
    expect(claude.counts.snapshot().peak).toBe(3);
  });
});

describe('faults', () => {
  it('come once each, with status, headers and error', async () => {
    claude.faults.next({
      kind: 'error',
      status: 429,
      headers: { 'retry-after': '2' },
      error: { type: 'rate_limit_error', message: 'slow down' },
    });
    const error = await client.messages.create(request()).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(APIError);
    expect(error).toMatchObject({ status: 429, type: 'rate_limit_error' });
    expect(error instanceof APIError && error.headers?.get('retry-after')).toBe('2');
    await expect(client.messages.create(request())).resolves.toMatchObject({ stop_reason: 'end_turn' });
    expect(claude.counts.snapshot()).toMatchObject({ requests: 2, answered: 1, faults: 1 });
  });

  it('can be planted over HTTP, for one model, several times', async () => {
    const planted = await fetch(`${claude.url}/__faults`, {
      method: 'POST',
      body: JSON.stringify([
        { kind: 'error', status: 529, error: { type: 'overloaded_error', message: 'busy' }, times: 2, when: { model: 'claude-opus-5-5' } },
      ]),
    });
    expect(await planted.json()).toEqual({ waiting: 2 });
    await expect(client.messages.create(request())).resolves.toBeDefined();
    await expect(client.messages.create(request({ model: 'claude-opus-5-5' }))).rejects.toMatchObject({ status: 529 });
    await expect(client.messages.create(request({ model: 'claude-opus-5-5' }))).rejects.toMatchObject({ status: 529 });
    await expect(client.messages.create(request({ model: 'claude-opus-5-5' }))).resolves.toBeDefined();
    const bad = await fetch(`${claude.url}/__faults`, { method: 'POST', body: '{"kind":"nothing"}' });
    expect(bad.status).toBe(400);
  });

  it('break a stream in the middle, which is no answer', async () => {
    claude.faults.next({ kind: 'broken', afterEvents: 4 });
    await expect(client.messages.stream(request()).finalMessage()).rejects.toThrow();
    expect(claude.counts.snapshot()).toMatchObject({ requests: 1, answered: 0, inFlight: 0 });
  });

  it('are silence until the other side goes', async () => {
    claude.faults.next({ kind: 'silence' });
    const abort = new AbortController();
    const stream = client.messages.stream(request(), { signal: abort.signal });
    const ended = once(abort.signal, 'abort');
    await expect.poll(() => claude.counts.snapshot().inFlight).toBe(1);
    abort.abort();
    await ended;
    await expect(stream.finalMessage()).rejects.toThrow('aborted');
    await expect.poll(() => claude.counts.snapshot().inFlight).toBe(0);
  });

  it('are answers that no good model gives; afterwards the conversation goes on', async () => {
    claude.faults.next(
      { kind: 'answer', text: 'banana' },
      { kind: 'answer', stop_reason: 'refusal', stop_details: { type: 'refusal', category: 'cyber', explanation: 'no' } },
    );
    const nonsense = await client.messages.create(request(PLANNER));
    expect(nonsense.stop_reason).toBe('end_turn');
    const refused = await client.messages.create(request(PLANNER));
    expect([refused.stop_reason, refused.stop_details]).toEqual(['refusal', { type: 'refusal', category: 'cyber', explanation: 'no' }]);
    const messages: MessageParam[] = [say('hello'), { role: 'assistant', content: nonsense.content }, say('Call submit.')];
    expect((await client.messages.create(request({ ...PLANNER, messages }))).stop_reason).toBe('tool_use');
  });

  it('show what is asked twice', async () => {
    await client.messages.create(request());
    await client.messages.create(request());
    await client.messages.create(request({ messages: [say('something else')] }));
    const counts = await (await fetch(`${claude.url}/__counts`)).json();
    expect(counts).toMatchObject({ requests: 3, answered: 3, repeated: 1, byModel: { [MODEL]: 3 } });
  });
});
