import { expect, test } from 'vitest';
import { currentRun, lastRun, runUnderWay } from '../../src/control/current-run.ts';
import { STARTED } from '../journal/support.ts';
import { comment, openOffice, RUN } from './support.ts';

test('a command that is carried out late means no run that was started after it was written', async () => {
  const { desk, journal } = await openOffice();
  await journal.append(RUN, [{ type: 'run.ended', status: 'stopped', why: 'Stopped.', ledger: [] }]);
  await journal.start({ run: 'run-2', trigger: '500', event: { ...STARTED, comment: '500' } });
  expect(await currentRun(desk, comment(499))).toBeNull();
  expect((await lastRun(desk, comment(499)))?.run).toBe(RUN);
  expect((await currentRun(desk, comment(501)))?.run).toBe('run-2');
  expect((await lastRun(desk, comment(501)))?.run).toBe('run-2');
  // Whether there is one at all is another question: a late `migrate` must not start a second one beside it.
  expect((await runUnderWay(desk, comment(499)))?.run).toBe('run-2');
});
