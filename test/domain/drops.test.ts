import { expect, test } from 'vitest';
import { dropsOf, unwanted } from '../../src/domain/drops.ts';
import type { RunEvent, StoredEvent } from '../../src/domain/events.ts';

function record(...events: readonly RunEvent[]): readonly StoredEvent[] {
  return events.map((event, at) => ({ scope: 'run', n: at + 1, at: '2026-11-01T00:00:00.000Z', event }));
}

const drop = (by: string, ...shards: readonly string[]): RunEvent => ({
  type: 'run.amended',
  id: by,
  by,
  amendment: { kind: 'drop', shards },
  hash: 'h',
});
const push = (key: string, ...shards: readonly string[]): RunEvent => ({
  type: 'effect.intended',
  key,
  intent: { push: 'b', commit: 'c', shards },
});
const came = (key: string, kind: string): RunEvent => ({ type: 'effect.done', key, result: { kind } });

test('the first of a drop and of the push that would deliver the shard counts', () => {
  const { dropped, delivered } = dropsOf(record(drop('ada', 'a'), push('p', 'a', 'b'), drop('bob', 'b', 'c'), drop('eve', 'a')));
  expect([...dropped]).toEqual([
    ['a', 'ada'],
    ['c', 'bob'],
  ]);
  expect([...delivered]).toEqual(['b']);
});

test('a push that did not reach the branch delivered nothing', () => {
  const moved = [push('p', 'a'), came('p', 'moved')];
  expect([...dropsOf(record(...moved, drop('ada', 'a'))).dropped.keys()]).toEqual(['a']);
  for (const kind of ['pushed', 'already'])
    expect([...dropsOf(record(push('p', 'a'), came('p', kind), drop('ada', 'a'))).dropped]).toEqual([]);
});

test('what needs a dropped shard is not wanted either, and says why', () => {
  const { dropped } = dropsOf(record(drop('ada', 'a')));
  expect(unwanted('a', [], dropped)).toBe('dropped by @ada');
  expect(unwanted('b', ['x', 'a'], dropped)).toBe('needs `a`, dropped by @ada');
  expect(unwanted('c', ['x'], dropped)).toBeNull();
});
