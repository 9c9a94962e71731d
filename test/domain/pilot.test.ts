import { expect, test } from 'vitest';
import { project, type PilotFigure } from '../../src/domain/pilot.ts';

const figure = (files: number, cost: number, minutes: number, accepted = true): PilotFigure => ({
  shard: 's',
  why: '',
  files,
  cost,
  minutes,
  rounds: 1,
  accepted,
});

test('the others by file: at the mean, the cheapest and the dearest, side by side', () => {
  const projection = project([figure(2, 200, 2), figure(8, 400, 16, false)], { shards: 10, files: 40, atOnce: 4 });
  expect(projection).toEqual({
    shards: 10,
    files: 40,
    cost: { low: 2_000, expected: 2_400, high: 4_000 },
    minutes: { low: 10, expected: 18, high: 20 },
    accepted: 5,
    measured: 2,
  });
});

test('one shard has no spread: half to double, and said', () => {
  expect(project([figure(2, 100, 1)], { shards: 3, files: 6, atOnce: 16 })).toMatchObject({
    cost: { low: 150, expected: 300, high: 600 },
    minutes: { low: 0.5, expected: 1, high: 2 },
    measured: 1,
  });
});

test('a shard that cost nothing divides by nothing', () => {
  expect(project([], { shards: 3, files: 6, atOnce: 16 })).toMatchObject({ cost: { low: 0, expected: 0, high: 0 }, accepted: 0 });
});
