import { expect, test } from 'vitest';
import { receiptsTable, type Receipt } from '../../src/report/receipts.ts';

const whole: Receipt = {
  shard: 'sa',
  ending: 'accepted',
  maker: { model: 'claude-sonnet-5-5', prompt: '0f8e4251381e0000' },
  gates: [
    { gate: 'paths', outcome: 'passed', detail: '' },
    { gate: 'syntax', outcome: 'skipped', detail: '' },
  ],
  reviewers: ['behaviour', 'guide'].map((lens) => ({ lens, answered: true, cause: null, model: 'claude-opus-5-5' })),
  verdict: 'accepted',
  rounds: 2,
  cost: 1_190_000,
};

function rowsOf(...receipts: readonly Receipt[]): readonly string[] {
  return (receiptsTable(receipts, 60_000) ?? '').split('\n').filter((line) => line.startsWith('| `'));
}

test('a receipt tells verdict, prompt, gates, reviewers and cost; a model that all have is said once', () => {
  const told = receiptsTable([whole], 60_000);
  expect(told).toContain('| `sa` | accepted, round 2 | `0f8e4251381e` | 1 passed, 1 skipped | 2: behaviour, guide | $1.19 |');
  expect(told).toContain('Every change is of claude-sonnet-5-5. Every reviewer is claude-opus-5-5.');
});

test('what is missing is told as missing, what failed by its name, and models where they differ', () => {
  const left: Receipt = {
    ...whole,
    shard: 'sb',
    ending: 'left over',
    maker: { model: 'claude-opus-4-8', prompt: null },
    gates: [
      { gate: 'test', outcome: 'failed', detail: '' },
      { gate: 'lint', outcome: 'unknown', detail: '' },
    ],
    reviewers: [{ lens: 'guide', answered: false, cause: 'died', model: 'claude-opus-4-8' }],
    verdict: 'revise',
    rounds: 3,
  };
  const never: Receipt = {
    ...whole,
    shard: 'sc',
    ending: 'dropped',
    maker: null,
    gates: [],
    reviewers: [],
    verdict: null,
    rounds: 0,
    cost: 0,
  };
  expect(rowsOf(whole, left, never)).toEqual([
    '| `sa` | accepted, round 2 | claude-sonnet-5-5 `0f8e4251381e` | 1 passed, 1 skipped | 2: behaviour, guide (claude-opus-5-5) | $1.19 |',
    '| `sb` | left over: revise, round 3 | claude-opus-4-8 | 0 passed, 1 failed (test), 1 unknown (lint) | 1: guide (no answer) (claude-opus-4-8) | $1.19 |',
    '| `sc` | dropped | – | – | – | $0.00 |',
  ]);
});

test('where there is no room for all, the dearest are shown and the others counted; where there is none, none', () => {
  const many = Array.from({ length: 1000 }, (_, n): Receipt => ({ ...whole, shard: `s${n}`, cost: n }));
  for (const room of [0, 100, 500, 5000, 50_000]) {
    const told = receiptsTable(many, room);
    expect(told?.length ?? 0).toBeLessThanOrEqual(room);
    if (room >= 1000) expect(told).toMatch(/`s999`.*\n[^]*And \d+ more shards/u);
    else expect(told === null || told.includes('`s999`')).toBe(true);
  }
  expect(receiptsTable([], 60_000)).toBeNull();
});
