import { expect, test } from 'vitest';
import { CONVERSATIONS } from '../../src/agents/open-agents.ts';
import { PRODUCTION_TIMINGS } from '../../src/agents/timings.ts';
import { Suspended } from '../../src/domain/errors.ts';
import { bench, countTask, inTurn, live, refusal, submit, textTask, type Answer } from './support.ts';
import { spendingOf } from '../journal/support.ts';

const error = refusal;

async function suspension(
  answer: Answer,
): Promise<{ reason: string; message: string; requests: number; spent: number; reserved: number; last: unknown }> {
  const { agents, server, journal, events } = await bench(inTurn(answer));
  try {
    await agents.run(textTask(), live());
  } catch (thrown) {
    if (!(thrown instanceof Suspended)) throw thrown;
    const { spent, reserved } = await spendingOf(journal, 'run-1');
    return { reason: thrown.reason, message: thrown.message, requests: server.seen.length, spent, reserved, last: (await events()).at(-1) };
  }
  throw new Error('not suspended');
}

test('production waits, and how many talk at once', () => {
  expect(CONVERSATIONS).toBe(16);
  expect(PRODUCTION_TIMINGS).toEqual({
    tries: 8,
    firstBackoff: 1000,
    longestBackoff: 60_000,
    patience: 300_000,
    firstProbe: 8000,
    longestProbe: 60_000,
    connect: 240_000,
    warm: 3_300_000,
    drain: 8000,
  });
});

test.for<[string, Answer, boolean]>([
  ['429 with retry-after', error(429, 'rate_limit_error', { headers: { 'retry-after': '0' } }), false],
  ['429 by itself', error(429, 'rate_limit_error'), false],
  ['529', error(529, 'overloaded_error'), false],
  ['500', error(500, 'api_error'), false],
  ['504', error(504, 'timeout_error'), true],
  ['408', error(408, 'timeout_error'), true],
  ['a stream that breaks', 'broken', true],
  ['an error in the stream', 'error-event', true],
  ['a connection that breaks', 'refused-connection', true],
])('%s is tried again, and what it may have cost is charged', async ([, trouble, paid]) => {
  const { agents, server, journal } = await bench(inTurn(trouble, trouble, { text: 'At last.' }));
  expect(await agents.run(textTask(), live())).toMatchObject({ ending: 'done', answer: 'At last.' });
  expect(server.seen).toHaveLength(3);
  const { spent, reserved } = await spendingOf(journal, 'run-1');
  if (paid) expect(spent).toBeGreaterThan(2 * 320_000);
  else expect(spent).toBe(700);
  expect(reserved).toBe(0);
});

test('a request without headers within our own limit is broken off, charged and repeated', async () => {
  const { agents, server, journal } = await bench(inTurn('silent', { text: 'At last.' }), { timings: { connect: 100 } });
  expect(await agents.run(textTask(), live())).toMatchObject({ ending: 'done', answer: 'At last.' });
  expect(server.seen).toHaveLength(2);
  expect((await spendingOf(journal, 'run-1')).spent).toBeGreaterThan(320_000);
});

test('retry-after is waited out, to the millisecond of a clock', async () => {
  const waits: number[] = [];
  let now = 0;
  const wait = (ms: number): void => {
    waits.push(ms);
    now += ms;
  };
  const { agents } = await bench(inTurn(error(429, 'rate_limit_error', { headers: { 'retry-after': '7' } }), { text: 'ok' }), {
    clock: {
      now: () => now,
      sleep: (ms) => Promise.resolve(wait(ms)),
      after: (ms, act) => {
        // Deadlines of requests are not waits: they never come here.
        if (ms <= 100_000) queueMicrotask(() => (wait(ms), act()));
        return () => undefined;
      },
    },
  });
  expect(await agents.run(textTask(), live())).toMatchObject({ ending: 'done' });
  expect(waits[0]).toBeGreaterThanOrEqual(7000);
});

test('a service that stays down suspends the run after the bounded tries', async () => {
  const end = await suspension(error(500, 'api_error', { message: 'Internal' }));
  expect(end).toMatchObject({ reason: 'model-down', requests: 4, spent: 0, reserved: 0 });
  expect(end.message).toContain('did not answer in 4 tries (last: 500 api_error: Internal)');
  expect(end.last).toMatchObject({ type: 'agent.ended', ending: 'suspended', cause: expect.stringContaining('model-down') });
});

test.for<[string, Answer]>([
  ['the tier', error(429, 'rate_limit_error', { code: 'enforced_spend_limit_reached' })],
  ['the contract', error(429, 'rate_limit_error', { code: 'contract_spend_limit_reached' })],
  ['the payment', error(402, 'billing_error')],
  [
    'the own limit',
    error(400, 'invalid_request_error', {
      message: 'You have reached your specified API usage limits. You will regain access on 2026-12-01.',
    }),
  ],
  ['the credit', error(400, 'invalid_request_error', { message: 'Your credit balance is too low to access the Anthropic API.' })],
])('a spending limit of %s suspends at once', async ([, answer]) => {
  const end = await suspension(answer);
  expect(end).toMatchObject({ reason: 'spending-limit', requests: 1, spent: 0, reserved: 0 });
  expect(end.message).toContain('tries again by itself');
});

test.for([401, 403, 404])('%i suspends as authentication', async (status) => {
  const end = await suspension(error(status, 'authentication_error', { message: 'invalid x-api-key' }));
  expect(end).toMatchObject({ reason: 'authentication', requests: 1 });
  expect(end.message).toContain('ANTHROPIC_API_KEY');
  expect(end.message).not.toContain('test-key');
});

test('a request that the service will never answer fails its agent only', async () => {
  const { agents } = await bench(inTurn(error(400, 'invalid_request_error', { message: 'messages.0: too odd' })));
  expect(await agents.run(textTask(), live())).toEqual({
    ending: 'failed',
    cause: 'The model service refused the request: 400 invalid_request_error: messages.0: too odd',
  });
});

test('a model without a price is never asked', async () => {
  const { agents, server } = await bench(inTurn({ text: 'hello' }));
  const outcome = await agents.run(textTask({ model: 'claude-9' }), live());
  expect(outcome).toMatchObject({ ending: 'failed', cause: expect.stringMatching(/`claude-9` has no known price.*claude-sonnet-5-5/s) });
  expect(server.seen).toHaveLength(0);
});

test('one in six refused or broken by chance: nobody is lost', async () => {
  const trouble: Answer[] = [error(429, 'rate_limit_error'), error(529, 'overloaded_error'), error(500, 'api_error'), 'broken'];
  const { agents, server } = await bench((_, n) => (n % 6 === 0 ? (trouble[(n / 6) % 4] ?? 'broken') : submit({ count: n })), {
    budget: 1e9,
  });
  const all = await Promise.all(Array.from({ length: 100 }, (_, n) => agents.submit(countTask({ id: `a${n}` }), live())));
  expect(all.filter((outcome) => outcome.ending !== 'done')).toEqual([]);
  expect(server.seen.length).toBeLessThan(130);
});
