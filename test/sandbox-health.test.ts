import { expect, test } from 'vitest';
import { sandboxHealth } from '../src/open-web.ts';
import { quiet } from './engine/quiet.ts';

test('a probe that fails itself is told as no sandbox, and ends nothing', async () => {
  const told = Promise.withResolvers<unknown>();
  const health = sandboxHealth({ sandbox: { confinement: 'bubblewrap' } }, { ...quiet, error: (facts) => told.resolve(facts) }, () =>
    Promise.reject(new Error('EMFILE: too many open files')),
  );
  expect(health()).toEqual(['sandbox: being tried']);
  expect(await told.promise).toEqual({ why: 'It could not be tried: EMFILE: too many open files' });
  expect(health()).toEqual(['sandbox: missing, commands are refused. It could not be tried: EMFILE: too many open files']);
});
