import { expect, test } from 'vitest';
import type { RunEvent } from '../../src/domain/events.ts';
import { foldRun } from '../../src/domain/run-state.ts';
import { viewOf } from '../../src/publish/view.ts';
import { STARTED } from '../journal/support.ts';

function view(...events: readonly RunEvent[]): ReturnType<typeof viewOf> {
  const at = '2026-11-22T12:00:00.000Z';
  return viewOf(foldRun([STARTED, ...events].map((event, index) => ({ scope: 'r', n: index + 1, at, event }))));
}

const planned = (round: number): RunEvent => ({
  type: 'step.done',
  step: `plan#${round}`,
  result: { kind: 'refused', reason: 'for this test' },
});
const shown = (round: number): RunEvent => ({
  type: 'effect.done',
  key: `plan/${round}/1`,
  result: { id: round, url: `http://plan/${round}` },
});
const checked = (commit: string, id: number): RunEvent => ({ type: 'effect.done', key: `check/${commit}`, result: { id } });

test('the plan comment is the one of the newest plan: none while that is not shown yet', () => {
  expect(view().planComment).toBeNull();
  expect(view(planned(1)).planComment).toBeNull();
  expect(view(planned(1), shown(1)).planComment).toEqual({ id: 1, url: 'http://plan/1' });
  expect(view(planned(1), shown(1), planned(2)).planComment).toBeNull();
  expect(view(planned(1), shown(1), planned(2), shown(2)).planComment).toEqual({ id: 2, url: 'http://plan/2' });
});

test('the check run is the newest one, with its commit; the others are older', () => {
  const [first, second] = ['a'.repeat(40), 'b'.repeat(40)];
  expect(view().check).toBeNull();
  const two = view(checked(first, 7), checked(second, 8));
  expect(two.check).toEqual({ id: 8, commit: second });
  expect(two.olderChecks).toEqual([{ id: 7, commit: first }]);
});
