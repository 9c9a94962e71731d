import { expect, test } from 'vitest';
import { priceOf } from '../../src/agents/models.ts';
import type { Estimate } from '../../src/domain/plan.ts';
import { OPERATOR_DEFAULTS } from '../../src/domain/operator-limits.ts';
import { estimate } from '../../src/plan/estimate.ts';
import { worstAgentsOfShard } from '../../src/plan/sharding.ts';
import { settings } from './support.ts';

function of(shards: number, change: { readonly bytes?: number; readonly reviewers?: number; readonly rounds?: number } = {}): Estimate {
  const paths = Array.from({ length: shards }, (_, index) => `f${index}.js`);
  return estimate({
    shards: paths.map((path) => ({ id: path, kind: 'inventory', files: [path], owner: null, after: [], task: '' })),
    inventory: paths.map((path) => ({ path, bytes: change.bytes ?? 6_000 })),
    guideBytes: 5_000,
    limits: { ...settings().limits, reviewers: change.reviewers ?? 2, rounds: change.rounds ?? 3 },
    models: OPERATOR_DEFAULTS.models,
    priceOf,
  });
}

test('agents: one migrator and one panel at best, all rounds at worst, which is what sharding counts with', () => {
  expect(of(10).agents).toEqual({ low: 30, expected: 45, worst: 10 * worstAgentsOfShard({ reviewers: 2, rounds: 3 }) });
  expect(of(10, { reviewers: 3, rounds: 1 }).agents).toEqual({ low: 40, expected: 40, worst: 40 });
});

test('low, expected and worst are in this order, and grow with files, bytes and reviewers', () => {
  const one = of(10);
  for (const range of [one.agents, one.inputTokens, one.outputTokens, one.cost]) {
    expect(range.low).toBeLessThan(range.expected);
    expect(range.expected).toBeLessThan(range.worst);
  }
  for (const more of [of(20), of(10, { bytes: 60_000 }), of(10, { reviewers: 4 })]) {
    expect(more.cost.expected).toBeGreaterThan(one.cost.expected);
  }
});

test('about what such agents are known to cost: between five cents and two dollars for a small shard', () => {
  const { cost } = of(100);
  expect(cost.low / 100 / 1e6).toBeGreaterThan(0.05);
  expect(cost.expected / 100 / 1e6).toBeLessThan(2);
});

test('pushes and content-creating calls are bounded whatever the size', () => {
  expect([of(1), of(500)].map(({ pushes, contents }) => [pushes, contents])).toEqual([
    [4, 100],
    [4, 100],
  ]);
});
