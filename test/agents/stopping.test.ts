import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { onAbort } from '../../src/agents/stopping.ts';

test('however many wait for a signal, it has one listener, and all who still wait are told', () => {
  const stop = new AbortController();
  const told: number[] = [];
  const removes = Array.from({ length: 1000 }, (_, n) => onAbort(stop.signal, () => told.push(n)));
  expect(getEventListeners(stop.signal, 'abort')).toHaveLength(1);
  for (const remove of removes.slice(2)) remove();
  stop.abort();
  expect(told).toEqual([0, 1]);
});

test('the same function waits twice, and one of them goes', () => {
  const stop = new AbortController();
  let told = 0;
  const listener = (): void => void (told += 1);
  const remove = onAbort(stop.signal, listener);
  onAbort(stop.signal, listener);
  remove();
  stop.abort();
  expect(told).toBe(1);
});
