import { availableParallelism } from 'node:os';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock, type Clock } from '../../src/agents/clock.ts';
import { Suspended } from '../../src/domain/errors.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { spendingOf } from '../journal/support.ts';
import { bench, live, openTestJournal, refusal, RUN, testClock, textTask, type Answer, type Bench, type Seen } from './support.ts';

/* Limits of the model service and of its account, as agents meet them: the acceptance tests B1, B2 and B4 of facts/dynamic-workflows.md §5, and what belongs to them. */

const OTHER = 'run-2';

/** Time that can be moved on; waits are real. */
function movable(): Clock & { forward(ms: number): void } {
  let offset = 0;
  return { ...systemClock, now: () => systemClock.now() + offset, forward: (ms) => void (offset += ms) };
}

/** Each of a run with a prefix of its own; the second run's wait for the first's, too, until those begin to be answered. */
const task = (n: number, run = RUN, model = 'claude-sonnet-5-5') => textTask({ id: `a${n}`, run, model, system: [`You are number ${n}.`] });

/** How a wave of agents ends: `done`, or the reason for which it is suspended. */
async function wave(
  agents: Bench['agents'],
  tasks: readonly ReturnType<typeof task>[],
): Promise<{ ends: Record<string, number>; message: string }> {
  const ends: Record<string, number> = {};
  let message = '';
  await Promise.all(
    tasks.map(async (one) => {
      let end: string;
      try {
        end = (await agents.run(one, live())).ending;
      } catch (error) {
        if (!(error instanceof Suspended)) throw error;
        end = error.reason;
        message = error.message;
      }
      ends[end] = (ends[end] ?? 0) + 1;
    }),
  );
  return { ends, message };
}

const many = (count: number, run = RUN): ReturnType<typeof task>[] => Array.from({ length: count }, (_, n) => task(n, run));

/** A server that holds every answer until it is told what to say. */
function held() {
  const open: { readonly seen: Seen; readonly answer: (answer: Answer) => void }[] = [];
  let more = Promise.withResolvers<void>();
  return {
    script: (seen: Seen): Promise<Answer> =>
      new Promise((answer) => {
        open.push({ seen, answer });
        more.resolve();
      }),
    /** The next `count` requests, once they are there. */
    take: async (count: number) => {
      while (open.length < count) {
        more = Promise.withResolvers<void>();
        await more.promise;
      }
      return open.splice(0, count);
    },
  };
}

/** A journal of which is known whether anything is under way: in it, or between a reservation and the `answering` requests that wait in the service. */
function observed(journal: Journal, answering: () => number): { readonly journal: Journal; readonly isQuiet: () => boolean } {
  let pending = 0;
  let open = 0;
  const unwatch = journal.watch(null, ({ event }) => {
    if (event.type === 'spend.reserved') open += 1;
    if (event.type === 'spend.charged') open -= 1;
  });
  onTestFinished(unwatch);
  const counting = new Proxy(journal, {
    get: (target, name) => {
      const verb: unknown = Reflect.get(target, name, target);
      if (typeof verb !== 'function') return verb;
      return (...given: readonly unknown[]): unknown => {
        const answer: unknown = Reflect.apply(verb, target, given);
        if (!(answer instanceof Promise)) return answer;
        pending += 1;
        return answer.finally(() => (pending -= 1));
      };
    },
  });
  return { journal: counting, isQuiet: () => pending === 0 && open === answering() };
}

test.for([
  ['429 with retry-after', refusal(429, 'rate_limit_error', { headers: { 'retry-after': '1' } })],
  ['429 without', refusal(429, 'rate_limit_error')],
] as const)('B1 %s slows the wave, no agent is dropped or begun again, and at most one request in ten is refused', async ([, no]) => {
  const clock = testClock();
  let active = 0;
  let refused = 0;
  const { journal, isQuiet } = observed(await openTestJournal(), () => active);
  const { agents, events, server } = await bench(
    async (_seen, n) => {
      if (active >= 8) {
        refused += 1;
        return no;
      }
      active += 1;
      await clock.sleep(45 + (n % 11));
      active -= 1;
      return { text: 'ok' };
    },
    { clock, journal, timings: { firstBackoff: 1000, longestBackoff: 60_000 } },
  );
  const wholeWave = wave(agents, many(300));
  // Time goes on only when nothing else does: the machine's speed is of no matter.
  const goOn = async (): Promise<null> => {
    await new Promise((resolve) => setImmediate(resolve));
    if (isQuiet()) await clock.next();
    return null;
  };
  let ended: Awaited<typeof wholeWave> | null = null;
  while (ended === null) ended = await Promise.race([wholeWave, goOn()]);
  expect(ended.ends).toEqual({ done: 300 });
  expect(refused).toBeGreaterThan(0);
  expect(refused).toBeLessThanOrEqual(30);
  expect(server.seen).toHaveLength(300 + refused);
  expect((await events()).filter((event) => event.type === 'agent.started')).toHaveLength(300);
});

const KEY_WIDE: readonly (readonly [string, Answer, string])[] = [
  ['an enforced spending limit', refusal(429, 'rate_limit_error', { code: 'enforced_spend_limit_reached' }), 'spending-limit'],
  ['a contract’s spending limit', refusal(429, 'rate_limit_error', { code: 'contract_spend_limit_reached' }), 'spending-limit'],
  ['a payment that is due', refusal(402, 'billing_error'), 'spending-limit'],
  [
    'the account’s own limit',
    refusal(400, 'invalid_request_error', { message: 'You have reached your specified API usage limits.' }),
    'spending-limit',
  ],
  ['a wrong key', refusal(401, 'authentication_error'), 'authentication'],
  ['a key without permission', refusal(403, 'permission_error'), 'authentication'],
];

test.for(KEY_WIDE)('B2 after %s no further agent starts and no further request is sent, by no run', async ([, no, reason]) => {
  const { script, take } = held();
  const { agents, server, journal, events } = await bench(script, { most: 20 });
  const small = wave(agents, [task(90, 'run-3', 'claude-haiku-5-5')]);
  const first = wave(agents, many(40));
  const [bad, ...others] = await take(4 + 1);
  const second = wave(agents, many(40, OTHER));
  // Three places are left for its agents, and none among the requests.
  while ((await journal.events(OTHER)).length < 3) await new Promise((resolve) => setImmediate(resolve));
  bad?.answer(no);
  // The other run pauses before any other answer comes: nobody of it waits for a place any more.
  expect((await second).ends).toEqual({ [reason]: 40 });
  for (const { answer } of others) answer({ text: 'ok' });
  const [one, three] = [await first, await small];
  expect(server.seen).toHaveLength(5);
  expect((one.ends[reason] ?? 0) + (three.ends[reason] ?? 0)).toBe(37);
  const started = [...(await events()), ...(await journal.events(OTHER)).map(({ event }) => event)];
  expect(started.filter((event) => event.type === 'agent.started').length).toBeLessThanOrEqual(20);
  // Whoever comes at once is told the same, and sends nothing.
  expect(await wave(agents, many(10, 'run-4'))).toEqual({ ends: { [reason]: 10 }, message: one.message });
  expect(server.seen).toHaveLength(5);
  expect(await spendingOf(journal, RUN)).toMatchObject({ reserved: 0 });
});

test('B2 after the wait exactly one request finds out; the others follow only when it is answered', async () => {
  const clock = movable();
  const { script, take } = held();
  const { agents, server } = await bench(script, { clock, timings: { firstProbe: 60_000, longestProbe: 100_000 } });
  const no = refusal(401, 'authentication_error');
  const away = wave(agents, many(1));
  for (const { answer } of await take(1)) answer(no);
  expect((await away).ends).toEqual({ authentication: 1 });

  clock.forward(60_000);
  const vain = Promise.all([wave(agents, many(8)), wave(agents, many(8, OTHER))]);
  for (const { answer } of await take(1)) answer(no);
  expect((await vain).map(({ ends }) => ends)).toEqual([{ authentication: 8 }, { authentication: 8 }]);
  expect(server.seen).toHaveLength(2);

  // The wait has grown.
  clock.forward(60_000);
  expect((await wave(agents, many(8))).ends).toEqual({ authentication: 8 });
  expect(server.seen).toHaveLength(2);

  clock.forward(40_000);
  const well = Promise.all([wave(agents, many(8)), wave(agents, many(8, OTHER))]);
  const [probe] = await take(1);
  expect(server.seen).toHaveLength(3);
  probe?.answer({ text: 'ok' });
  for (let n = 0; n < 15; n++) for (const { answer } of await take(1)) answer({ text: 'ok' });
  expect((await well).map(({ ends }) => ends)).toEqual([{ done: 8 }, { done: 8 }]);
});

test('a probe that is stopped, or says nothing of the key, hands on to the next', async () => {
  const clock = movable();
  const { script, take } = held();
  const { agents, server } = await bench(script, { clock, timings: { firstProbe: 1000 } });
  const away = wave(agents, many(1));
  for (const { answer } of await take(1)) answer(refusal(402, 'billing_error'));
  await away;
  clock.forward(1000);
  const stop = new AbortController();
  const stopped = agents.run(task(0), stop.signal).catch((error: unknown) => error);
  const [first] = await take(1);
  const others = wave(agents, many(3, OTHER));
  stop.abort();
  expect(await stopped).toMatchObject({ reason: 'stopping' });
  const [second] = await take(1);
  second?.answer(refusal(400, 'invalid_request_error', { message: 'odd' }));
  for (let n = 0; n < 2; n++) for (const { answer } of await take(1)) answer({ text: 'ok' });
  expect((await others).ends).toEqual({ failed: 1, done: 2 });
  expect(server.seen).toHaveLength(5);
  first?.answer({ text: 'too late' });
});

test('a model that the key may not use stops that model only', async () => {
  const opus = 'claude-opus-5-5';
  const { agents, server } = await bench((seen) =>
    seen.body.model === opus ? refusal(404, 'not_found_error', { message: `model: ${opus}` }) : { text: 'ok' },
  );
  const { ends, message } = await wave(agents, [task(0, RUN, opus)]);
  expect(ends).toEqual({ authentication: 1 });
  expect(message).toMatch(/does not know `claude-opus-5-5`, or this key may not use it/u);
  expect(
    (
      await wave(
        agents,
        Array.from({ length: 5 }, (_, n) => task(n, OTHER, opus)),
      )
    ).ends,
  ).toEqual({ authentication: 5 });
  // Of the same class.
  expect((await wave(agents, [task(1, RUN, 'claude-opus-4-8'), task(2)])).ends).toEqual({ done: 2 });
  expect(server.seen).toHaveLength(3);
});

test.for<[string, Answer]>([
  ['529', refusal(529, 'overloaded_error')],
  ['500', refusal(500, 'api_error')],
  ['a broken connection', 'refused-connection'],
])('a service that is down (%s) is asked by few, then by nobody, then by one; the runs go on when it answers', async ([, no]) => {
  const clock = movable();
  let up = false;
  const { agents, server } = await bench(() => (up ? { text: 'ok' } : no), { clock, budget: 1e9 });
  const { ends, message } = await wave(agents, many(16));
  expect(ends).toEqual({ 'model-down': 16 });
  expect(message).toContain('The model service did not answer in 4 tries');
  // A start of four, and one or two for each wait of the class.
  expect(server.seen.length).toBeLessThanOrEqual(12);

  const before = server.seen.length;
  expect((await wave(agents, many(16))).ends).toEqual({ 'model-down': 16 });
  expect(server.seen).toHaveLength(before);
  clock.forward(60_000);
  expect((await wave(agents, many(16))).ends).toEqual({ 'model-down': 16 });
  expect(server.seen).toHaveLength(before + 1);

  up = true;
  clock.forward(60_000);
  expect((await wave(agents, many(16))).ends).toEqual({ done: 16 });
});

test('a retry-after beyond our patience pauses the runs, and nobody asks before it is over', async () => {
  const clock = movable();
  let answers = 0;
  const no = refusal(429, 'rate_limit_error', { headers: { 'retry-after': '7200' } });
  const { agents, server } = await bench(() => ((answers += 1) === 1 ? no : { text: 'ok' }), { clock });
  const { ends, message } = await wave(agents, many(1));
  expect(ends).toEqual({ 'model-down': 1 });
  expect(message).toContain('takes no more requests for the next 120 minutes');
  clock.forward(7_100_000);
  expect((await wave(agents, many(5))).ends).toEqual({ 'model-down': 5 });
  expect(server.seen).toHaveLength(1);
  clock.forward(100_000);
  expect((await wave(agents, many(5))).ends).toEqual({ done: 5 });
});

test('B4 how many talk at once is what was configured, for the process and for a run, whatever the machine has', async () => {
  const wide = availableParallelism() * 4 + 20;
  const peakOf = async (most: number, concurrency: number): Promise<number> => {
    const slow = async (): Promise<Answer> => {
      for (let n = 0; n < 5; n++) await new Promise((resolve) => setImmediate(resolve));
      return { text: 'ok' };
    };
    const { agents, server } = await bench(slow, { most, concurrency, budget: 1e9 });
    await wave(agents, many(wide * 3));
    return server.peak();
  };
  expect(await peakOf(wide, wide)).toBeGreaterThan(availableParallelism() * 2);
  expect(await peakOf(wide, 3)).toBe(3);
  expect(await peakOf(2, wide)).toBe(2);
});
