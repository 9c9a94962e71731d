import { expect, test } from 'vitest';
import type { RunEvent } from '../../src/domain/events.ts';
import { Told } from '../../src/script/told.ts';

const told = (...events: readonly RunEvent[]): Told =>
  new Told(events.map((event, index) => ({ scope: 'r', n: index + 1, at: new Date(0).toISOString(), event })));

const LOST: RunEvent = { type: 'item.lost', text: 'item 1 threw' };
const OPENED: RunEvent = { type: 'generation.opened', generation: 2, id: '9', by: 'mona', shards: [], calls: [] };

test('lines are told once in all generations, each as often as it is said', () => {
  const all = told({ type: 'log', text: 'a' }, OPENED);
  expect([all.had({ kind: 'log', text: 'a' }), all.had({ kind: 'log', text: 'a' })]).toEqual([true, false]);
});

test('what a generation lost the next one tells again, if it loses it too', () => {
  expect(told(LOST).had({ kind: 'lost', text: 'item 1 threw' })).toBe(true);
  expect(told(LOST, OPENED).had({ kind: 'lost', text: 'item 1 threw' })).toBe(false);
  expect(told(LOST, OPENED, LOST).had({ kind: 'lost', text: 'item 1 threw' })).toBe(true);
});
