import { expect, test } from 'vitest';

import { Suspended } from '../../src/domain/errors.ts';
import { type Clock, Pace, type PaceOptions, type Rank } from '../../src/github/pace.ts';
import type { RateLimit } from '../../src/github/rate-limit.ts';
import { FAST } from './support.ts';

/** Time that passes only by being waited for. */
function handClock(): Clock {
  let now = 0;
  return {
    now: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        // After everything else that is due: whoever comes now is there before time goes on.
        setImmediate(() => {
          if (!signal.aborted) now += Math.max(ms, 0);
          resolve();
        });
      }),
  };
}

class TooMuch extends Error {
  readonly limit: RateLimit;
  constructor(told: number | null) {
    super('too much');
    this.limit = { told };
  }
}

interface Done {
  readonly name: string;
  readonly at: number;
}

/** A pace, what was done by it, and `ask` for a write that ends as told. */
function scene(changes: Partial<PaceOptions> = {}) {
  const clock = handClock();
  const done: Done[] = [];
  const tries: Done[] = [];
  const pace = new Pace({
    timings: { ...FAST, writeSpacingMs: 1000, contentSpacingMs: 3000, limitWaitMs: 60_000, limitPatienceMs: 900_000 },
    limits: { perMinute: 80, perHour: 450 },
    clock,
    known: async () => [],
    limitOf: (thrown) => (thrown instanceof TooMuch ? thrown.limit : null),
    outlasted: () => new Error('come back later'),
    signal: new AbortController().signal,
    ...changes,
  });
  const ask = (
    name: string,
    { rank = 'note', content = false, faults = [] }: { rank?: Rank; content?: boolean; faults?: unknown[] } = {},
  ) => {
    const left = [...faults];
    return pace.turn({ rank, content }, async () => {
      tries.push({ name, at: clock.now() });
      if (left.length > 0) throw left.shift();
      done.push({ name, at: clock.now() });
      return name;
    });
  };
  return { pace, ask, done, tries, clock };
}

const names = (done: readonly Done[]): readonly string[] => done.map(({ name }) => name);

test('writes begin a second apart, contents three', async () => {
  const { ask, done } = scene();
  await Promise.all([ask('a', { content: true }), ask('b'), ask('c', { content: true }), ask('d')]);
  const at = Object.fromEntries(done.map(({ name, at }) => [name, at]));
  expect(at['a']).toBe(0);
  expect((at['c'] ?? 0) - (at['a'] ?? 0)).toBe(3000);
  const times = done.map((one) => one.at);
  for (const [index, time] of times.entries()) if (index > 0) expect(time - (times[index - 1] ?? 0)).toBeGreaterThanOrEqual(1000);
});

test('the most useful first, in order within a rank; what may not go yet holds nothing up that may', async () => {
  const { ask, done } = scene();
  await Promise.all([
    ask('note', { rank: 'note', content: true }),
    ask('review 1', { rank: 'review', content: true }),
    ask('check', { rank: 'check-run' }),
    ask('review 2', { rank: 'review', content: true }),
    ask('status', { rank: 'status' }),
    ask('reply', { rank: 'reply', content: true }),
  ]);
  expect(names(done)).toEqual(['reply', 'status', 'check', 'review 1', 'review 2', 'note']);
});

test('never more contents in an hour than the limit; the last tenth is for replies', async () => {
  const { ask, done, clock } = scene({ limits: { perMinute: 80, perHour: 20 } });
  const reviews = Array.from({ length: 30 }, (_, n) => ask(`review ${n}`, { rank: 'review', content: true }));
  await Promise.all(reviews.slice(0, 18));
  expect(clock.now()).toBeLessThan(60_000);
  await Promise.all([ask('reply 1', { rank: 'reply', content: true }), ask('reply 2', { rank: 'reply', content: true })]);
  expect(clock.now()).toBeLessThan(120_000);
  expect(done).toHaveLength(20);
  await Promise.all(reviews);
  for (const { at } of done) expect(done.filter((one) => one.at > at - 3_600_000 && one.at <= at).length).toBeLessThanOrEqual(20);
  // Two hours and not one more: what is allowed is used.
  expect(clock.now()).toBeLessThan(2 * 3_600_000);
});

test('never more contents in a minute than the limit, however short the spacing', async () => {
  const { ask, done } = scene({ timings: { ...FAST, writeSpacingMs: 0, contentSpacingMs: 0 }, limits: { perMinute: 5, perHour: 450 } });
  await Promise.all(Array.from({ length: 12 }, (_, n) => ask(`${n}`, { rank: 'reply', content: true })));
  for (const { at } of done) expect(done.filter((one) => one.at > at - 60_000 && one.at <= at).length).toBeLessThanOrEqual(5);
  expect(done.at(-1)?.at).toBe(120_000);
});

test('contents of the journal count: a restart does not begin anew', async () => {
  const half = Array.from({ length: 18 }, () => 1_800_000);
  const { ask, done } = scene({ limits: { perMinute: 80, perHour: 20 }, known: async () => half });
  const late = ask('review', { rank: 'review', content: true });
  await ask('edit', { rank: 'note' });
  await ask('reply', { rank: 'reply', content: true });
  expect(names(done)).toEqual(['edit', 'reply']);
  void late;
});

test('a rate limit holds every write of the installation together, and each is done once', async () => {
  const { ask, done, tries } = scene();
  const all = [
    ask('a', { rank: 'reply', content: true, faults: [new TooMuch(120_000)] }),
    ask('b', { rank: 'status' }),
    ask('c', { rank: 'reply', content: true }),
  ];
  await Promise.all(all);
  expect(names(done).toSorted()).toEqual(['a', 'b', 'c']);
  expect(tries.filter(({ at }) => at < 120_000)).toHaveLength(1);
});

test('without a time in the answer the waits double for all, and begin anew when something went through', async () => {
  const { ask, tries } = scene();
  await ask('a', { faults: [new TooMuch(null), new TooMuch(null), new TooMuch(null)] });
  await ask('b', { faults: [new TooMuch(null)] });
  const waits = tries.slice(1).map(({ at }, index) => at - (tries[index]?.at ?? 0));
  expect(waits).toEqual([60_000, 120_000, 240_000, 1000, 60_000]);
});

test('“retry after 0 seconds” again and again is not asked without end', async () => {
  const { ask, tries } = scene();
  await expect(ask('a', { faults: Array.from({ length: 100 }, () => new TooMuch(0)) })).rejects.toThrow('come back later');
  expect(tries.length).toBeLessThan(12);
});

test('a limit that outlasts the patience ends what waits, and what comes while it lasts, without a request', async () => {
  const { ask, tries } = scene();
  const [first, second] = await Promise.allSettled([ask('a', { faults: [new TooMuch(3_600_000)] }), ask('b', { rank: 'note' })]);
  expect([first.status, second.status]).toEqual(['rejected', 'rejected']);
  await expect(ask('c')).rejects.toThrow('come back later');
  expect(names(tries)).toEqual(['a']);
});

test('one that fails is its caller’s alone', async () => {
  const { ask, done } = scene();
  const [first] = await Promise.allSettled([ask('a', { faults: [new Error('no')] }), ask('b')]);
  expect(first).toMatchObject({ status: 'rejected', reason: { message: 'no' } });
  expect(names(done)).toEqual(['b']);
});

test('a journal that cannot be asked holds nothing up', async () => {
  const { ask, done } = scene({ known: () => Promise.reject(new Error('disk')) });
  await ask('a', { content: true });
  expect(names(done)).toEqual(['a']);
});

test('what waits ends when the process stops, and what comes after', async () => {
  const stopping = new AbortController();
  const { ask } = scene({ signal: stopping.signal, limits: { perMinute: 1, perHour: 1 } });
  await ask('a', { content: true });
  stopping.abort();
  await expect(ask('b', { content: true })).rejects.toBeInstanceOf(Suspended);
});
