import { expect, test } from 'vitest';
import { amend } from '../../src/control/amend.ts';
import { effectiveHash, type Amendment } from '../../src/domain/amendment.ts';
import { foldRun } from '../../src/domain/run-state.ts';
import { plan, shard } from '../verify/support.ts';
import { comment, openOffice, RUN } from './support.ts';

const PLAN = plan({ branch: 'main', commit: 'c'.repeat(40), tree: 't'.repeat(40) }, [shard('sa', ['src/a.js'])]);
const MORE: Amendment = { kind: 'budget', add: 1_000_000 };
const SAY: Amendment = { kind: 'steer', text: 'keep the names' };

test('an amendment is journaled with the hash of the plan and of all amendments so far', async () => {
  const { desk, journal, plan: approve } = await openOffice();
  await approve(PLAN);
  expect(await amend(desk, comment(1), MORE)).toMatchObject({ kind: 'amended', run: RUN });
  const second = await amend(desk, comment(2), SAY);
  const { amendments } = foldRun(await journal.events(RUN));
  expect(second.kind === 'amended' && second.state.amendments).toEqual(amendments);
  expect(amendments.map(({ id, by, amendment, hash }) => ({ id, by, amendment, hash }))).toEqual([
    { id: '1', by: 'mona', amendment: MORE, hash: effectiveHash(PLAN.hash, [MORE]) },
    { id: '2', by: 'mona', amendment: SAY, hash: effectiveHash(PLAN.hash, [MORE, SAY]) },
  ]);
});

test('the same comment carried out again changes nothing, even when the run has ended since', async () => {
  const { desk, journal, plan: approve } = await openOffice();
  await approve(PLAN);
  await amend(desk, comment(1), MORE);
  const before = await journal.events(RUN);
  expect(await amend(desk, comment(1), MORE)).toMatchObject({ kind: 'amended', run: RUN });
  expect(await journal.events(RUN)).toEqual(before);
  await journal.append(RUN, [{ type: 'run.ended', status: 'stopped', why: 'Stopped.', ledger: [] }]);
  expect(await amend(desk, comment(1), MORE)).toMatchObject({ kind: 'amended', run: RUN });
  expect(await amend(desk, comment(2), MORE)).toMatchObject({
    kind: 'refused',
    answer: { refused: expect.stringContaining('no unfinished run') },
  });
});

test('who may not approve may not amend', async () => {
  const { desk, journal, plan: approve } = await openOffice({ logins: [], permission: 'maintain' });
  await approve(PLAN);
  expect(await amend(desk, comment(1, 'wim'), MORE)).toMatchObject({
    kind: 'refused',
    answer: { refused: expect.stringContaining('Found write access, expected maintain') },
  });
  expect(foldRun(await journal.events(RUN)).amendments).toEqual([]);
});

test('nothing is amended before the approval', async () => {
  const { desk, plan: show } = await openOffice();
  expect(await amend(desk, comment(1), SAY)).toMatchObject({ answer: { refused: expect.stringContaining('is still being made') } });
  await show(PLAN, false);
  expect(await amend(desk, comment(1), SAY)).toMatchObject({ answer: { refused: expect.stringContaining('is not approved yet') } });
});

test('the effective hash is the plan’s without amendments, and depends on their order', () => {
  expect(effectiveHash('abc', [])).toBe('abc');
  expect(effectiveHash('abc', [MORE, SAY])).not.toBe(effectiveHash('abc', [SAY, MORE]));
  expect(effectiveHash('abc', [MORE])).toMatch(/^[0-9a-f]{64}$/u);
});
