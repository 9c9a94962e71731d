import { expect, test } from 'vitest';
import { Suspended } from '../../src/domain/errors.ts';
import type { CallOutcome } from '../../src/journal/journal.ts';
import type { Withhold } from '../../src/script/calls.ts';
import { echo, run } from './support.ts';

/** Keeps back agents whose prompt begins with `late`; `idle` does what the test says. */
function keeper(idle: (decide: (end: CallOutcome | null) => void) => void): Withhold & { readonly idles: number } {
  const waiting: ((end: CallOutcome | null) => void)[] = [];
  let idles = 0;
  return {
    get idles() {
      return idles;
    },
    withholds: ({ args: [prompt] }) =>
      typeof prompt === 'string' && prompt.startsWith('late') ? new Promise((decide) => void waiting.push(decide)) : null,
    idle: () => {
      idles += 1;
      idle((end) => waiting.splice(0).forEach((decide) => decide(end)));
      return Promise.resolve();
    },
  };
}

const BODY = `const [a, b] = await Promise.all([agent('late one'), agent('early').then(() => agent('then'))]); return [a, b];`;

test('calls that are kept back cost nothing until nothing else is under way, then go on', async () => {
  const order: string[] = [];
  const withhold = keeper((decide) => {
    order.push('idle');
    decide(null);
  });
  const { end } = await run(BODY, {
    withhold,
    answer: (call) => {
      order.push(JSON.stringify(call.args[0]));
      return echo(call);
    },
  });
  expect(end).toMatchObject({ kind: 'returned', value: ['late one', 'then'] });
  expect(order).toEqual(['"early"', '"then"', 'idle', '"late one"']);
});

test('or come to the end that was decided, in the journal, without being carried out; a replay needs nobody’s word again', async () => {
  const withhold = keeper((decide) => decide({ kind: 'null', cause: 'not wanted' }));
  const body = BODY.replace('return [a, b]', 'return [a, b, failures()[0].cause]');
  const first = await run(body, { withhold });
  expect(first.end).toMatchObject({ value: [null, 'then', 'not wanted'] });
  expect(first.performed.map(({ args }) => args[0])).toEqual(['early', 'then']);
  const silent = keeper(() => {});
  const again = await run(body, { withhold: silent, journal: first.journal });
  expect(again.end).toMatchObject({ value: [null, 'then', 'not wanted'], replay: { performed: 0, diverged: 0 } });
  expect(silent.idles).toBe(0);
});

test('a run that is suspended does not wait for them', async () => {
  const withhold = keeper(() => {});
  const suspended = run(BODY, { withhold, answer: () => Promise.reject(new Suspended('budget', 'used up')) });
  await expect(suspended).rejects.toThrow('used up');
  expect(withhold.idles).toBe(0);
});

test('what goes wrong while it is decided stops the run', async () => {
  const withhold: Withhold = { ...keeper(() => {}), idle: () => Promise.reject(new Suspended('fault', 'GitHub is silent')) };
  await expect(run(BODY, { withhold })).rejects.toThrow('GitHub is silent');
});
