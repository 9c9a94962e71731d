import { expect, test } from 'vitest';
import { budget as budgetCommand } from '../../src/control/budget.ts';
import { foldRun } from '../../src/domain/run-state.ts';
import { plan, shard } from '../verify/support.ts';
import { comment, openOffice, RUN, type Office, plain } from './support.ts';

const budget = plain(budgetCommand);

const PLAN = plan({ branch: 'main', commit: 'c'.repeat(40), tree: 't'.repeat(40) }, [shard('sa', ['src/a.js'])]);
const dollars = (more: number) => ({ name: 'budget', limit: 'dollars', more: more * 1_000_000 }) as const;

async function paused(): Promise<Office> {
  const office = await openOffice();
  await office.plan(PLAN);
  await office.journal.append(RUN, [{ type: 'run.paused', reason: 'budget', message: 'used up' }]);
  return office;
}

const limits = async ({ journal }: Office) => foldRun(await journal.events(RUN)).standing.limits;

test('a raised limit is journaled, told, and the paused run is driven', async () => {
  const office = await paused();
  expect(await budget(office.desk, comment(1), dollars(2.5))).toBe(
    "The run's limit is now $7.50, and it goes on. Nothing that was finished is paid for again.",
  );
  expect(await limits(office)).toMatchObject({ budget: 7_500_000 });
  expect(office.driven).toEqual([RUN]);
});

test('the same comment carried out again after a kill raises nothing twice and says the same', async () => {
  const office = await paused();
  const first = await budget(office.desk, comment(1), dollars(60));
  expect(await budget(office.desk, comment(1), dollars(60))).toBe(first);
  expect(await limits(office)).toMatchObject({ budget: 50_000_000 });
  expect(office.driven).toEqual([RUN, RUN]);
});

test('never above what the operator allows: cut, and told; at the top, refused with what to do', async () => {
  const office = await paused();
  expect(await budget(office.desk, comment(1), dollars(60))).toContain(
    'now $50.00, and it goes on. Nothing that was finished is paid for again. $60.00 more was asked: the operator of this Converge allows a run no more',
  );
  expect(await budget(office.desk, comment(2), dollars(1))).toMatch(
    /^The run's limit is \$50\.00 already, the most that the operator.*\/workflow stop/,
  );
  expect(await limits(office)).toMatchObject({ budget: 50_000_000 });
});

test('other limits are raised by their names; one that the run does not have is told', async () => {
  const office = await paused();
  await office.journal.append(RUN, [
    { type: 'run.amended', id: '0', by: 'mona', amendment: { kind: 'budget', add: 0, agents: -900 }, hash: '' },
  ]);
  expect(await budget(office.desk, comment(1), { name: 'budget', limit: 'agents', more: 50 })).toContain(
    'limit is now 150 agents, and it goes on',
  );
  expect(await budget(office.desk, comment(2), { name: 'budget', limit: 'hours', more: 5 })).toContain('has no limit of hours');
});

test('who may not approve raises nothing, nor anybody before the approval', async () => {
  const office = await paused();
  expect(await budget(office.desk, comment(1, 'casey'), dollars(1))).toContain('Found read access, expected write');
  expect(await limits(office)).toMatchObject({ budget: 5_000_000 });
  const early = await openOffice();
  expect(await budget(early.desk, comment(1), dollars(1))).toContain('still being made');
  expect(early.driven).toEqual([]);
});
