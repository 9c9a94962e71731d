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

test('with the last who waits the listener goes, so that a signal made of others can go as well; who comes later waits again', () => {
  const stop = new AbortController();
  const both = AbortSignal.any([stop.signal, new AbortController().signal]);
  const removes = [onAbort(both, () => undefined), onAbort(both, () => undefined)];
  removes[0]?.();
  removes[0]?.();
  expect(getEventListeners(both, 'abort')).toHaveLength(1);
  removes[1]?.();
  expect(getEventListeners(both, 'abort')).toHaveLength(0);
  let told = 0;
  onAbort(both, () => void (told += 1));
  removes[1]?.();
  stop.abort();
  expect(told).toBe(1);
});

test('a listener that throws keeps nobody else from being told', () => {
  const { signal } = new AbortController();
  const told: string[] = [];
  onAbort(signal, () => {
    throw new Error('mine');
  });
  onAbort(signal, () => told.push('other'));
  const [tell = expect.fail()] = getEventListeners(signal, 'abort');
  expect(() => Reflect.apply(tell, signal, [])).toThrow(AggregateError);
  expect(told).toEqual(['other']);
});
