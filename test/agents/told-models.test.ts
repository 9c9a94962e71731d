import { createServer } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { effortFor, modelOf, priceOf } from '../../src/agents/models.ts';
import { requestFor } from '../../src/agents/request.ts';
import { learnModels } from '../../src/agents/told-models.ts';
import { NO_USAGE } from '../../src/domain/budget.ts';
import type { Log } from '../../src/house.ts';
import { startLocalClaude } from '../../src/local/claude/server.ts';
import { live } from './support.ts';

/* In this order: what a process learned holds for its life. */

function listen(): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = [];
  const line = (facts: object, text: string): void => void lines.push(`${text} ${JSON.stringify(facts)}`);
  return { log: { info: line, warn: line, error: line }, lines };
}

async function service(status: number, body: unknown, onRequest: () => void = () => undefined): Promise<string> {
  const server = createServer((_request, response) => {
    onRequest();
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  return `http://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`;
}

const page = (...data: readonly object[]): object => ({ data, has_more: false, first_id: null, last_id: null });
const OPUS = 'claude-opus-4-8';
const before = modelOf(OPUS);

test.each([
  ['that refuses the key', 401, { type: 'error', error: { type: 'authentication_error', message: 'invalid x-api-key' } }],
  ['without such an endpoint', 404, { type: 'error', error: { type: 'not_found_error', message: 'none' } }],
  ['that answers something else', 200, page({ id: 7 })],
])('of a service %s the table holds, and the log says why', async (_what, status, body) => {
  const { log, lines } = listen();
  await learnModels({ apiKey: 'key', baseUrl: await service(status, body) }, { signal: live(), log });
  expect(lines).toEqual([expect.stringContaining('the model service could not be asked what its models can do: models.json holds')]);
  expect(modelOf(OPUS)).toEqual(before);
});

test('efforts without the lowest are not taken: what was approved would be answered with more', async () => {
  const { log } = listen();
  const high = {
    supported: true,
    low: { supported: false },
    medium: { supported: false },
    high: { supported: true },
    max: { supported: true },
  };
  const told = { id: OPUS, max_input_tokens: null, max_tokens: null, capabilities: { effort: high } };
  await learnModels({ apiKey: 'key', baseUrl: await service(200, page(told)) }, { signal: live(), log });
  expect(modelOf(OPUS)).toEqual(before);
});

test('a service that always has one more page is asked once', async () => {
  let asked = 0;
  const more = { ...page({ id: 'claude-of-tomorrow' }), has_more: true, last_id: 'claude-of-tomorrow' };
  const { log } = listen();
  await learnModels({ apiKey: 'key', baseUrl: await service(200, more, () => (asked += 1)) }, { signal: live(), log });
  expect(asked).toBe(1);
});

test('who stops meanwhile is told nothing', async () => {
  const { log, lines } = listen();
  await learnModels({ apiKey: 'key', baseUrl: await service(200, page()) }, { signal: AbortSignal.abort(), log });
  expect(lines).toEqual([]);
});

test('the scripted Claude tells what the table says', async () => {
  const claude = await startLocalClaude({ latencyMs: 0, onRequest: () => undefined });
  onTestFinished(() => claude.close());
  const { log, lines } = listen();
  await learnModels({ apiKey: 'key', baseUrl: claude.url }, { signal: live(), log });
  expect(lines).toEqual([]);
  expect(effortFor('claude-haiku-5-5', 'max')).toBe('high');
  expect(modelOf(OPUS)).toEqual(before);
});

test('what the service says holds: limits, efforts, thinking; prices and what it does not say stay', async () => {
  const yes = { supported: true };
  const no = { supported: false };
  const { log, lines } = listen();
  const told = {
    id: OPUS,
    max_input_tokens: 200_000,
    max_tokens: 16_000,
    capabilities: {
      effort: { supported: true, low: null, medium: yes, high: yes, max: no, xhigh: no },
      thinking: { supported: true, types: { adaptive: no, enabled: yes } },
    },
  };
  const silent = { id: 'claude-opus-5', max_input_tokens: null, max_tokens: null, capabilities: null };
  const other = { id: 'claude-of-tomorrow', max_input_tokens: 1, max_tokens: 1, capabilities: null };
  const silentBefore = modelOf('claude-opus-5');
  const usage = { ...NO_USAGE, output: 1_000_000 };
  const price = priceOf(OPUS, usage);
  await learnModels({ apiKey: 'key', baseUrl: await service(200, page(told, silent, other)) }, { signal: live(), log });
  expect(modelOf(OPUS)).toEqual({
    ...before,
    context: 200_000,
    maxOutput: 16_000,
    efforts: ['low', 'medium', 'high'],
    thinking: 'default',
  });
  expect(modelOf('claude-opus-5')).toEqual(silentBefore);
  expect(priceOf(OPUS, usage)).toBe(price);
  expect(() => modelOf('claude-of-tomorrow')).toThrow('has no known price');
  expect(lines).toEqual([
    expect.stringContaining(OPUS),
    expect.stringMatching(/^the model service does not list these models: .*"claude-sonnet-5-5"/u),
  ]);
  const request = requestFor({ model: OPUS, effort: 'max', system: [], tools: [] }, [], 100);
  expect(request).toMatchObject({ output_config: { effort: 'high' } });
  expect(request).not.toHaveProperty('thinking');
});
