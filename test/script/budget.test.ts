import { describe, expect, it } from 'vitest';
import type { RunEvent } from '../../src/domain/events.ts';
import { NO_USAGE } from '../../src/domain/budget.ts';
import { deliveredBudget } from '../../src/script/budget.ts';
import { MemoryJournal, value } from './support.ts';

const reserved = (id: string, agent: string): RunEvent => ({
  type: 'spend.reserved',
  id,
  amount: 9,
  limit: 99,
  agent,
  phase: '',
  model: 'm',
});
const charged = (id: string, output: number): RunEvent => ({
  type: 'spend.charged',
  id,
  amount: output * 10,
  usage: { ...NO_USAGE, output },
  known: true,
});
const settled = (key: string, seq: number): RunEvent => ({ type: 'call.settled', key, seq, outcome: value(null) as never });

describe('deliveredBudget', () => {
  it('counts what delivered calls and their children cost before they settled, the same at each replay', async () => {
    const journal = new MemoryJournal();
    await journal.append('r', [
      reserved('1', 'A#1'),
      reserved('2', 'B#1/behaviour'),
      reserved('3', 'C#1'),
      charged('1', 100),
      charged('3', 7000),
      settled('A#1', 1),
      charged('2', 30),
      settled('B#1/behaviour', 2),
      settled('B#1', 3),
    ]);
    const totals = { tokens: 500, budget: 5_000_000 };
    const live = deliveredBudget({ journal, run: 'r', totals });
    expect(live.opening).toEqual({ total: 500, spent: 0, dollars: { total: 5, spent: 0 } });
    expect(await live.budgetAt({ key: 'A#1' })).toMatchObject({ spent: 100, dollars: { spent: 0.001 } });
    expect(await live.budgetAt({ key: 'B#1' })).toMatchObject({ spent: 130 });

    // Written after A and B were delivered; a replay finds it there from the start.
    await journal.append('r', [reserved('4', 'A#1'), charged('4', 999), settled('C#1', 4)]);
    expect(await live.budgetAt({ key: 'C#1' })).toMatchObject({ spent: 7130 });
    const replay = deliveredBudget({ journal, run: 'r', totals });
    expect(await replay.budgetAt({ key: 'A#1' })).toMatchObject({ spent: 100 });
    expect(await replay.budgetAt({ key: 'B#1' })).toMatchObject({ spent: 130 });
    expect(await replay.budgetAt({ key: 'C#1' })).toMatchObject({ spent: 7130 });
  });

  it('shows a raised limit from the first call on that settled after it, at each replay', async () => {
    const journal = new MemoryJournal();
    const raise = (id: string, add: number): RunEvent => ({
      type: 'run.amended',
      id,
      by: 'mona',
      amendment: { kind: 'budget', add },
      hash: '',
    });
    await journal.append('r', [settled('A#1', 1), raise('7', 2_000_000), raise('7', 2_000_000)]);
    const totals = { tokens: null, budget: 5_000_000 };
    const live = deliveredBudget({ journal, run: 'r', totals });
    const seen = [await live.budgetAt({ key: 'A#1' })];
    await journal.append('r', [settled('B#1', 2), raise('8', 500_000), settled('C#1', 3)]);
    for (const key of ['B#1', 'C#1']) seen.push(await live.budgetAt({ key }));
    expect(seen.map(({ dollars }) => dollars.total)).toEqual([5, 7, 7.5]);
    const replay = deliveredBudget({ journal, run: 'r', totals });
    expect(replay.opening.dollars.total).toBe(5);
    const again = [];
    for (const key of ['A#1', 'B#1', 'C#1']) again.push(await replay.budgetAt({ key }));
    expect(again).toEqual(seen);
  });
});
