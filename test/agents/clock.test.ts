import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { systemClock } from '../../src/agents/clock.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const DAY = 24 * 60 * 60 * 1000;

test('a wait that is longer than a timer can be is no short one', async () => {
  let ended = 0;
  systemClock.after(30 * DAY, () => (ended += 1));
  void systemClock.sleep(30 * DAY).then(() => (ended += 1));
  await vi.advanceTimersByTimeAsync(20 * DAY);
  expect(ended).toBe(0);
  await vi.advanceTimersByTimeAsync(10 * DAY);
  expect(ended).toBe(2);
});

test('what was called off does not happen', async () => {
  let ended = 0;
  const call = systemClock.after(1000, () => (ended += 1));
  call();
  await vi.advanceTimersByTimeAsync(2000);
  expect(ended).toBe(0);
});
