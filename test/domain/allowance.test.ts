import { describe, expect, test } from 'vitest';
import { EMPTY_BALANCE, NO_AMOUNTS } from '../../src/domain/account.ts';
import { agentsText, allowanceOf, nearLimits, nearLimitsOf, shortageText } from '../../src/domain/allowance.ts';
import type { RunEvent, StoredEvent } from '../../src/domain/events.ts';
import { parseOperatorPolicy } from '../../src/domain/operator-policy.ts';
import { runCeilings } from '../../src/domain/ceilings.ts';
import { standingAfter, standingFrom, workedUntil, type Standing } from '../../src/domain/standing.ts';
import { STARTED } from '../journal/support.ts';

const HOUR = 3_600_000;
const APPROVED: RunEvent = { type: 'step.done', step: 'fresh#1', result: { kind: 'fresh' } };
const PAUSED: RunEvent = { type: 'run.paused', reason: 'budget', message: '' };
const RESUMED: RunEvent = { type: 'run.resumed' };
const hour = (at: number): string => new Date(Date.UTC(2026, 10, 30, 0) + at * 3_600_000).toISOString();

function standing(...events: readonly (readonly [at: number, event: RunEvent])[]): Standing {
  const stored = events.map(([at, event], n): StoredEvent => ({ scope: 'r', n: n + 2, at: hour(at), event }));
  return stored.reduce(standingAfter, standingFrom(STARTED));
}

const hours = (one: Standing, at: number): number => workedUntil(one, hour(at)) / 3_600_000;

test('hours of work begin with the approval, and pauses are not counted', () => {
  expect(hours(standing([1, PAUSED], [2, RESUMED]), 9)).toBe(0);
  const worked = standing([1, APPROVED], [3, PAUSED], [10, RESUMED], [12, PAUSED]);
  expect(hours(worked, 50)).toBe(4);
  expect(hours(standing([1, APPROVED], [3, PAUSED], [10, RESUMED]), 11.5)).toBe(3.5);
  const again = { type: 'generation.opened', generation: 2, id: '1', by: 'mona', shards: [], calls: [] } as const;
  expect(hours(standing([1, APPROVED], [2, { type: 'run.ended', status: 'partial', why: '', ledger: [] }], [8, again]), 9)).toBe(2);
  // The clock was set back.
  expect(hours(standing([5, APPROVED], [3, PAUSED]), 9)).toBe(0);
});

test('raises count once for each comment, and what has no limit stays without', () => {
  const raise = (id: string): RunEvent => ({
    type: 'run.amended',
    id,
    by: 'mona',
    hash: '',
    amendment: { kind: 'budget', add: 7, agents: 2, tokens: 9 },
  });
  const { limits } = standing([1, raise('1')], [2, raise('1')], [3, raise('2')]);
  expect(limits).toEqual({ ...STARTED.settings.limits, budget: 5_000_014, agents: 1004 });
});

test('a request counts against the run, the repository in this month and all runs in this month', () => {
  const operator = { repositoryMonth: { dollars: 9 }, month: { tokens: 5 } };
  const ofLimits = { ...standing([0, APPROVED]), limits: { ...STARTED.settings.limits, turns: 4, hours: 3 } };
  expect(allowanceOf('r1', { standing: ofLimits, operator, now: new Date(hour(25)) })).toEqual({
    accounts: [
      { name: 'run/r1', limits: { dollars: 5_000_000, turns: 4, hours: 3 * HOUR } },
      { name: 'repository/octo/farm/2026-12', limits: { dollars: 9 } },
      { name: 'installation/2026-12', limits: { tokens: 5 } },
    ],
    concurrency: 16,
  });
});

test("what the operator's policy allows now holds for a run that was approved with more, and raises nothing", () => {
  const approved = { ...standing([0, APPROVED]), limits: { ...STARTED.settings.limits, turns: 4, hours: 3 } };
  const under = (words: string) => {
    const parsed = parseOperatorPolicy(words);
    if ('errors' in parsed) throw new Error(JSON.stringify(parsed.errors));
    const operator = { repositoryMonth: {}, month: {}, run: runCeilings(parsed.policy) };
    const { accounts, concurrency } = allowanceOf('r1', { standing: approved, operator, now: new Date(hour(25)) });
    return { ...accounts[0]?.limits, concurrency };
  };
  const own = { dollars: 5_000_000, turns: 4, concurrency: 16, hours: 3 * HOUR };
  expect(under('{}')).toEqual(own);
  expect(under('limits: {dollars: 9, run_turns: 5, concurrency: 99, hours: 4}')).toEqual(own);
  expect(under('limits: {dollars: 1, tokens: 7, run_turns: 3, concurrency: 2, hours: 1}')).toEqual({
    dollars: 1_000_000,
    tokens: 7,
    turns: 3,
    concurrency: 2,
    hours: HOUR,
  });
});

describe('what people read at a limit', () => {
  const short = { limit: 20_000_000, spent: 19_000_000, reserved: 0, measure: 'dollars' } as const;
  test.each([
    [
      shortageText({ ...short, account: 'run/r1' }, 1_500_000),
      /^\$19\.00 of the run's limit of \$20\.00 are used, and the next.*\$1\.50\. All work is kept\. `\/workflow budget \+\$N`/,
    ],
    [
      shortageText({ ...short, account: 'repository/octo/farm/2026-11' }, 1),
      /^\$19\.00 of this repository's 2026-11 limit.*next month.*MAX_DOLLARS_PER_REPOSITORY_MONTH/,
    ],
    [
      shortageText({ ...short, measure: 'tokens', account: 'installation/2026-11' }, 1),
      /^19,000,000 tokens of this Converge's 2026-11 limit.*MAX_TOKENS_PER_MONTH/,
    ],
    [
      shortageText({ ...short, measure: 'turns', limit: 1, spent: 1, account: 'run/r1' }, 1),
      /^1 turn of the run's limit of 1 turn are used\. All.*\+N turns/,
    ],
    [
      shortageText({ ...short, measure: 'hours', limit: 2 * HOUR, spent: 2 * HOUR, account: 'run/r1' }, 0),
      /^2 hours of the run's limit of 2 hours are used\. All.*\+N hours/,
    ],
    [
      shortageText({ ...short, measure: 'hours', limit: 1.5 * HOUR, spent: 1.666 * HOUR, account: 'installation/2026-11' }, 0),
      /^1\.66 hours of this Converge's 2026-11 limit of 1\.5 hours are used\. All.*next month.*MAX_HOURS_PER_MONTH/,
    ],
    [
      shortageText({ ...short, measure: 'agents', limit: 9, spent: 9, account: 'repository/octo/farm/2026-11' }, 1),
      /^9 agents of this repository's 2026-11 limit of 9 agents are used\. All.*next month.*MAX_AGENTS_PER_REPOSITORY_MONTH/,
    ],
    [agentsText(1000), /^The run has started 1,000 agents, which is its limit.*\+N agents/],
  ])('%s', (text, words) => {
    expect(text).toMatch(words);
    expect(text.length).toBeLessThanOrEqual(400);
  });

  test('four fifths of any limit are told, and not less', () => {
    const limits = { budget: 10_000_000, agents: 10, tokens: 1000, hours: 2 };
    const none = { dollars: 7_990_000, agents: 7, tokens: 799, turns: 10 ** 9, hours: 1.59 };
    expect(nearLimits(none, limits)).toEqual([]);
    expect(nearLimits({ ...none, dollars: 8_000_000, agents: 9, tokens: 1000, hours: 1.7 }, limits)).toEqual([
      '80 % of the limit of $10.00',
      '100 % of the limit of 1,000 tokens',
      '85 % of the limit of 2 hours',
      '90 % of the limit of 10 agents',
    ]);
    const account = { name: 'installation/2026-11', limits: { dollars: 1_000_000, agents: 10, hours: 20 * HOUR } };
    expect(nearLimitsOf(account, EMPTY_BALANCE)).toEqual([]);
    const spent = { ...NO_AMOUNTS, dollars: 950_000, agents: 9, hours: 17 * HOUR };
    expect(nearLimitsOf(account, { ...EMPTY_BALANCE, spent })).toEqual([
      "95 % of this Converge's 2026-11 limit of $1.00",
      "90 % of this Converge's 2026-11 limit of 10 agents",
      "85 % of this Converge's 2026-11 limit of 20 hours",
    ]);
  });
});
