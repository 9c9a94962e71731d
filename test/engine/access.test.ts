import { expect, test } from 'vitest';
import { ConvergeError } from '../../src/domain/errors.ts';
import { type Access, accessAsker, answerAccess } from '../../src/engine/access.ts';
import type { Enquiries } from '../../src/engine/enquiries.ts';
import { openRunJournal, RUN } from './driving.ts';

const ACCESS: Access = {
  cloneUrl: 'https://github.test/octo/farm.git',
  bot: { name: 'converge[bot]', email: '1+converge[bot]@users.noreply.github.test' },
  token: 'ghs_of the tests',
};

/** Whoever asks is answered at once. `told`: all that went from one process to the other. */
function enquiries(): Enquiries & { readonly told: readonly unknown[] } {
  const told: unknown[] = [];
  const answers = new Map<string, (question: unknown) => Promise<object>>();
  return {
    told,
    answer: async (name, answer) => void answers.set(name, answer),
    ask: async (name, question) => {
      const given = await answers.get(name)?.(JSON.parse(JSON.stringify(question)));
      told.push(question, given);
      return JSON.parse(JSON.stringify(given));
    },
  };
}

test('a worker is given access to the repository of a run that is under way, unread by the database between', async () => {
  const journal = await openRunJournal();
  const between = enquiries();
  await answerAccess(between, journal, async (run) => ({ ...ACCESS, cloneUrl: `${ACCESS.cloneUrl}#${run}` }));
  expect(await accessAsker(between)(RUN)).toEqual({ ...ACCESS, cloneUrl: `${ACCESS.cloneUrl}#${RUN}` });
  expect(JSON.stringify(between.told)).toContain(RUN);
  expect(JSON.stringify(between.told)).not.toContain('ghs_');
});

test('a worker is given nothing of a run that has ended, and nothing is minted for it', async () => {
  const journal = await openRunJournal();
  const minted: string[] = [];
  const between = enquiries();
  await answerAccess(between, journal, async (run) => {
    minted.push(run);
    return ACCESS;
  });
  const ask = accessAsker(between);
  await ask(RUN);
  await journal.append(RUN, [{ type: 'run.ended', status: 'completed', why: '', ledger: [] }]);
  const refused = await ask(RUN).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(ConvergeError);
  expect(refused).toMatchObject({ kind: 'command', message: expect.stringContaining(`run ${RUN}, which has ended`) });
  expect(minted).toEqual([RUN]);
});

test('a worker is given nothing of a run that nobody asked for', async () => {
  const between = enquiries();
  await answerAccess(between, await openRunJournal(), async () => ACCESS);
  await expect(accessAsker(between)('run-2')).rejects.toThrow();
});
