import { expect, test } from 'vitest';
import { openJudge } from '../../src/agents/judge.ts';
import { openLimiter, type Limiter, type Slot } from '../../src/agents/limiter.ts';
import { ratesOf } from '../../src/agents/rates.ts';
import { NO_USAGE } from '../../src/domain/budget.ts';
import { Suspended } from '../../src/domain/errors.ts';
import { testClock, type TestClock } from './support.ts';

function judged(start: number, most: number) {
  const judge = openJudge(start, most);
  let now = 0;
  const rounds = (count: number, limit: number): number => {
    let refused = 0;
    for (let n = 0; n < count; n++) {
      now += 1000;
      const all = Array.from({ length: judge.allowed() }, (_, at) => judge.sent(at + 1));
      // Refusals come at once, answers later.
      for (const sent of all.filter(({ level }) => level > limit)) {
        refused += 1;
        judge.refused(sent, now);
      }
      for (const sent of all.filter(({ level }) => level <= limit)) judge.admitted(sent);
      for (const sent of all.filter(({ level }) => level <= limit)) judge.answered(sent, now, 16);
    }
    return refused;
  };
  return { judge, rounds };
}

test('the judge finds the ceiling, stays below it, tries it ever more rarely, and finds it gone', () => {
  const { judge, rounds } = judged(4, 16);
  expect(rounds(20, 8)).toBeLessThanOrEqual(12);
  expect(judge.allowed()).toBeGreaterThanOrEqual(8);
  expect(judge.allowed()).toBeLessThanOrEqual(9);
  expect(rounds(80, 8)).toBeLessThanOrEqual(3); // of more than 600
  rounds(150, 16);
  expect(judge.allowed()).toBe(16);
});

test('the judge goes down at once when fewer are let in than before', () => {
  const { judge, rounds } = judged(4, 16);
  rounds(10, 16);
  expect(judge.allowed()).toBe(16);
  expect(rounds(10, 5)).toBeLessThanOrEqual(50);
  expect(judge.allowed()).toBeLessThanOrEqual(6);
});

test('a burst above a ceiling tells only of the ceiling, however long the row of refusals', () => {
  const judge = openJudge(16, 16);
  const all = Array.from({ length: 16 }, (_, at) => judge.sent(at + 1));
  for (const sent of all.slice(0, 7)) judge.admitted(sent);
  const verdicts = all.slice(7).map((sent) => judge.refused(sent, 0));
  expect(verdicts).toEqual(verdicts.map(() => 'ceiling'));
  expect(judge.allowed()).toBeGreaterThanOrEqual(7);
});

test('a row of refusals at a level at which others are answered yet: nobody is let in any more', () => {
  const judge = openJudge(16, 16);
  const streaming = Array.from({ length: 8 }, () => judge.sent(16));
  for (const sent of streaming) judge.admitted(sent);
  const row = Array.from({ length: 8 }, () => judge.sent(16));
  expect(row.map((sent) => judge.refused(sent, 0)).at(-1)).toBe('nobody');
});

test('answers to what was sent before everybody was refused do not bring the crowd back', () => {
  const judge = openJudge(4, 16);
  judge.answered(judge.sent(4), 0, 16);
  const before = Array.from({ length: judge.allowed() }, (_, at) => judge.sent(at + 1));
  judge.restart(4);
  for (const sent of before) judge.answered(sent, 0, 16);
  expect(judge.allowed()).toBe(4);
  judge.answered(judge.sent(4), 0, 16);
  expect(judge.allowed()).toBe(5);
});

test('the first answer lets nobody beyond a ceiling that was met, and brings no crowd back after everybody was refused', () => {
  const met = openJudge(4, 16);
  const all = Array.from({ length: 4 }, (_, at) => met.sent(at + 1));
  for (const sent of all.slice(0, 3)) met.admitted(sent);
  for (const sent of all.slice(3)) expect(met.refused(sent, 0)).toBe('ceiling');
  for (const sent of all.slice(0, 1)) met.answered(sent, 0, 16);
  expect(met.allowed()).toBe(3);

  const down = openJudge(4, 16);
  const verdicts = Array.from({ length: 4 }, (_, at) => down.sent(at + 1)).map((sent) => down.refused(sent, 0));
  expect(verdicts.at(-1)).toBe('nobody');
  down.restart(1);
  down.answered(down.sent(1), 0, 16);
  expect(down.allowed()).toBe(2);
});

test('a ceiling near the most is tried too, though few can wait there', () => {
  const judge = openJudge(4, 16);
  judge.answered(judge.sent(4), 0, 16);
  while (judge.allowed() < 15) judge.answered(judge.sent(judge.allowed()), 0, 16);
  const all = Array.from({ length: 15 }, (_, at) => judge.sent(at + 1));
  for (const sent of all.slice(0, -1)) judge.admitted(sent);
  for (const sent of all.slice(-1)) expect(judge.refused(sent, 0)).toBe('ceiling');
  for (let n = 0; n < 500; n++) judge.answered(judge.sent(14), 1000, 1);
  expect(judge.allowed()).toBe(14);
  judge.answered(judge.sent(14), 121_000, 1);
  expect(judge.allowed()).toBe(15);
});

test('a request that ended in another way lets nobody believe that somebody is let in', () => {
  const judge = openJudge(16, 16);
  judge.left(judge.sent(1));
  const row = Array.from({ length: 8 }, (_, at) => judge.sent(at + 2));
  expect(row.map((sent) => judge.refused(sent, 0)).at(-1)).toBe('nobody');
});

test('a request that is broken off leaves no trace with the scheduler', async () => {
  const { limiter } = scheduler();
  const broken = await limiter.enter([]);
  const other = await limiter.enter([]);
  broken.left();
  expect(refuse(other)).toEqual({ kind: 'everybody' });
});

test('after a long rest all is as at first, whatever was before it', () => {
  const judge = openJudge(4, 16);
  judge.answered(judge.sent(4), 0, 16);
  judge.restart(1);
  judge.begin();
  expect(judge.allowed()).toBe(4);
  judge.answered(judge.sent(1), 0, 16);
  expect(judge.allowed()).toBe(8);
});

test('a ceiling is tried only where enough wait for it', () => {
  const judge = openJudge(4, 16);
  judge.answered(judge.sent(4), 0, 16);
  const all = Array.from({ length: 8 }, (_, at) => judge.sent(at + 1));
  const [last] = all.slice(-1);
  if (last === undefined) throw new Error('nothing was sent');
  for (const sent of all.slice(0, -1)) judge.admitted(sent);
  expect(judge.refused(last, 0)).toBe('ceiling');
  const answers = (waiting: number): void => {
    for (let n = 0; n < 50; n++) judge.answered(judge.sent(7), n, waiting);
  };
  answers(1);
  expect(judge.allowed()).toBe(7);
  answers(2);
  expect(judge.allowed()).toBe(8);
});

test.for([1, 2, 3, 4, 5])('one in six refused by chance does not shrink what is allowed to one at a time (%i)', (seed) => {
  const judge = openJudge(4, 16);
  const random = numbers(seed);
  const allowed: number[] = [];
  const verdicts: string[] = [];
  for (let n = 0; n < 2000; n++) {
    const sent = judge.sent(judge.allowed());
    if (random() < 0.17) verdicts.push(judge.refused(sent, n * 50));
    else judge.answered(sent, n * 50, 16);
    allowed.push(judge.allowed());
  }
  expect(verdicts.length).toBeGreaterThan(250);
  expect(verdicts.slice(5)).not.toContain('nobody');
  const late = allowed.slice(200);
  expect(Math.min(...late)).toBeGreaterThan(2);
  expect(late.reduce((sum, one) => sum + one, 0) / late.length).toBeGreaterThan(10);
});

function scheduler(most = 16, clock: TestClock = testClock()): { limiter: Limiter; clock: TestClock } {
  const timings = { tries: 3, firstBackoff: 1000, longestBackoff: 60_000 };
  return { limiter: openLimiter({ most, timings, clock, random: () => 0.5 }), clock };
}

const refuse = (slot: Slot, retryAfterMs: number | null = null, headers = new Headers()) =>
  slot.refused({ retryAfterMs, rates: ratesOf(headers), tries: 1 });
const answer = (slot: Slot, headers: Record<string, string> = {}, usage = NO_USAGE): void => {
  slot.admitted(ratesOf(new Headers(headers)));
  slot.answered(usage);
};

async function entered(limiter: Limiter, halts: readonly AbortSignal[] = []): Promise<{ slot: () => Slot | undefined }> {
  let slot: Slot | undefined;
  limiter.enter(halts).then(
    (got) => (slot = got),
    () => undefined,
  );
  await settle();
  return { slot: () => slot };
}

/** Lets what is due happen; no time passes. */
async function settle(): Promise<void> {
  for (let n = 0; n < 20; n++) await Promise.resolve();
}

test('when everybody is refused the class waits for retry-after, and then starts low', async () => {
  const { limiter, clock } = scheduler();
  const slots = [await limiter.enter([]), await limiter.enter([]), await limiter.enter([]), await limiter.enter([])];
  expect(slots.toReversed().map((slot) => refuse(slot, 5000).kind)).toEqual(['ceiling', 'ceiling', 'ceiling', 'everybody']);
  const next = await Promise.all([entered(limiter), entered(limiter), entered(limiter)]);
  await clock.pass(4999);
  expect(next.map(({ slot }) => slot() !== undefined)).toEqual([false, false, false]);
  await clock.pass(200);
  expect(next.map(({ slot }) => slot() !== undefined)).toEqual([true, false, false]);
});

test('without retry-after the waits grow, and after as many as are tried the service counts as down', async () => {
  const { limiter, clock } = scheduler();
  expect(refuse(await limiter.enter([]))).toEqual({ kind: 'everybody' });
  const second = await entered(limiter);
  await clock.pass(749);
  expect(second.slot()).toBeUndefined();
  await clock.pass(1);
  const slot = second.slot();
  if (slot === undefined) throw new Error('no place');
  expect(refuse(slot)).toEqual({ kind: 'everybody' });
  const third = await entered(limiter);
  await clock.pass(1499);
  expect(third.slot()).toBeUndefined();
  await clock.pass(1);
  const last = third.slot();
  if (last === undefined) throw new Error('no place');
  expect(refuse(last)).toEqual({ kind: 'down', tries: 3 });
});

test('requests are held back when the headers say that next to nothing is left, until enough of it is back', async () => {
  const { limiter, clock } = scheduler();
  const rates = (remaining: number) => ({
    date: 'Sun, 22 Nov 2026 10:00:00 GMT',
    'anthropic-ratelimit-requests-limit': '50',
    'anthropic-ratelimit-requests-remaining': String(remaining),
    'anthropic-ratelimit-requests-reset': '2026-11-22T10:00:50Z',
  });
  answer(await limiter.enter([]), rates(40));
  answer(await limiter.enter([]), rates(0));
  const next = await entered(limiter);
  // 50 in 50 s: the one that is kept back and the one that is asked for take 2 s.
  await clock.pass(1999);
  expect(next.slot()).toBeUndefined();
  await clock.pass(2);
  expect(next.slot()).toBeDefined();
});

test('what the cache answers does not count against the limit of input tokens; what a request is likely to take does', async () => {
  const { limiter } = scheduler();
  const left = (tokens: number) => ({
    date: 'Sun, 22 Nov 2026 10:00:00 GMT',
    'anthropic-ratelimit-input-tokens-limit': '100000',
    'anthropic-ratelimit-input-tokens-remaining': String(tokens),
    'anthropic-ratelimit-input-tokens-reset': '2026-11-22T10:00:30Z',
  });
  answer(await limiter.enter([]), left(12_000), { ...NO_USAGE, input: 4000, cacheRead: 500_000 });
  const [first, second, third] = [await entered(limiter), await entered(limiter), await entered(limiter)];
  expect([first, second, third].map(({ slot }) => slot() !== undefined)).toEqual([true, true, false]);
});

test('headers hold nobody back for more than a minute: then asking tells more', async () => {
  const { limiter, clock } = scheduler();
  answer(await limiter.enter([]), {
    date: 'Sun, 22 Nov 2026 10:00:00 GMT',
    'anthropic-ratelimit-requests-limit': '1000',
    'anthropic-ratelimit-requests-remaining': '0',
    'anthropic-ratelimit-requests-reset': '2026-11-23T10:00:00Z',
  });
  const next = await entered(limiter);
  await clock.pass(59_000);
  expect(next.slot()).toBeUndefined();
  await clock.pass(1001);
  expect(next.slot()).toBeDefined();
});

test('the first answer lets four more in, each further one another; after a long rest the class starts low again', async () => {
  const { limiter, clock } = scheduler();
  const placed = async (): Promise<Slot[]> => {
    const enough = new AbortController();
    const all = await Promise.all(Array.from({ length: 17 }, () => entered(limiter, [enough.signal])));
    enough.abort();
    return all.flatMap(({ slot }) => slot() ?? []);
  };
  const first = await placed();
  expect(first).toHaveLength(4);
  for (const slot of first) answer(slot);
  const second = await placed();
  expect(second).toHaveLength(9); // the others were fewer than half of those eight, but for the last
  for (const slot of second) answer(slot);
  for (const slot of await placed()) answer(slot);
  const most = await placed();
  expect(most).toHaveLength(16);
  for (const slot of most) slot.left();
  await clock.pass(6 * 60_000);
  expect(await placed()).toHaveLength(4);
});

test('one that is sent ahead of its siblings is a step of the ramp', async () => {
  const { limiter } = scheduler();
  answer(await limiter.enter([]));
  const all = await Promise.all(Array.from({ length: 17 }, () => entered(limiter)));
  expect(all.filter(({ slot }) => slot() !== undefined)).toHaveLength(8);
});

test('who waits for a place goes when told to stop, or when a circuit opens, with its reason', async () => {
  const { limiter } = scheduler(1);
  const held = await limiter.enter([]);
  const [stop, halt] = [new AbortController(), new AbortController()];
  const one = limiter.enter([stop.signal, halt.signal]);
  const two = limiter.enter([new AbortController().signal, halt.signal]);
  stop.abort();
  await expect(one).rejects.toMatchObject({ reason: 'stopping' });
  halt.abort(new Suspended('spending-limit', 'no money'));
  await expect(two).rejects.toMatchObject({ reason: 'spending-limit', message: 'no money' });
  await expect(limiter.enter([halt.signal])).rejects.toMatchObject({ reason: 'spending-limit' });
  held.left();
  (await limiter.enter([])).left();
});

/** Park and Miller's numbers between 0 and 1. */
function numbers(seed: number): () => number {
  let state = seed * 7919 + 12_345;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

/** 1,000 conversations of two turns, 16 at once, at a service of 45 to 55 ms, in simulated time; a refusal takes 1 ms. Gives milliseconds and refusals. */
async function simulate(seed: number, refuses: (active: number, luck: number) => boolean, retryAfterMs: number | null = null) {
  const clock = testClock();
  const [luck, random] = [numbers(seed), numbers(seed + 1000)];
  const limiter = openLimiter({ most: 16, timings: { tries: 8, firstBackoff: 1000, longestBackoff: 60_000 }, clock, random });
  const service = { active: 0, refused: 0 };
  let left = 2000;
  const ask = async (): Promise<void> => {
    for (let tries = 1; ;) {
      const slot = await limiter.enter([]);
      if (!refuses(service.active, luck())) {
        service.active += 1;
        await clock.sleep(45 + random() * 10);
        service.active -= 1;
        return answer(slot);
      }
      service.refused += 1;
      await clock.sleep(1);
      const refusal = slot.refused({ retryAfterMs, rates: [], tries });
      expect(refusal.kind).not.toBe('down');
      if (refusal.kind === 'chance') tries += 1;
      if ('waitMs' in refusal && refusal.waitMs > 0) await clock.sleep(refusal.waitMs);
    }
  };
  const place = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await ask();
    }
  };
  const ended = Promise.all(Array.from({ length: 16 }, place)).then(() => true);
  while (!(await Promise.race([ended, clock.next()])));
  return { ms: clock.now(), refused: service.refused };
}

const SEEDS = [1, 2, 3, 4, 5];

test.for([null, 1000])(
  'a service for 8 of 16 (retry-after %s): at most 1.1 of the ideal time and one refusal in ten',
  async (retryAfterMs) => {
    for (const seed of SEEDS) {
      const { ms, refused } = await simulate(seed, (active) => active >= 8, retryAfterMs);
      expect(ms / 12_500).toBeLessThan(1.1);
      expect(refused).toBeLessThan(200);
    }
  },
);

test('17 % refused by chance: at most 1.5 of the ideal time', async () => {
  for (const seed of SEEDS) {
    const { ms } = await simulate(seed, (_active, luck) => luck < 0.17);
    expect(ms / 6250).toBeLessThan(1.5);
  }
});

test('a service that lets in more than 8 by luck only is not asked for more again and again', async () => {
  for (const seed of SEEDS) {
    const { ms, refused } = await simulate(seed, (active, luck) => active >= 8 && luck < 0.5);
    expect(ms / 12_500).toBeLessThan(1.1);
    expect(refused).toBeLessThan(200);
  }
});
