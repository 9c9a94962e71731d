import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';

import type { Journal } from '../../src/journal/journal.ts';
import { openSqliteJournal } from '../../src/journal/sqlite.ts';
import { durableSteps } from '../../src/journal/step.ts';
import { temporaryDirectory } from './support.ts';

async function open(): Promise<Journal> {
  const journal = await openSqliteJournal({ directory: temporaryDirectory() });
  onTestFinished(() => journal.close());
  return journal;
}

const counted = z.object({ count: z.number() });

/** Acts by counting how often it was asked to. */
function counter(): { act: () => Promise<{ count: number }>; acted: () => number } {
  let count = 0;
  return {
    act: async () => {
      count += 1;
      return { count };
    },
    acted: () => count,
  };
}

test('a step acts once in the life of the run', async () => {
  const journal = await open();
  const { act, acted } = counter();
  expect(await durableSteps(journal, 'r')('plan', counted, act)).toEqual({ count: 1 });
  expect(await durableSteps(journal, 'r')('plan', counted, act)).toEqual({ count: 1 });
  expect(acted()).toBe(1);
  expect((await journal.events('r')).map(({ event }) => event)).toEqual([{ type: 'step.done', step: 'plan', result: { count: 1 } }]);
});

test('steps of other names and other runs are other steps', async () => {
  const journal = await open();
  const { act } = counter();
  expect(await durableSteps(journal, 'r')('one', counted, act)).toEqual({ count: 1 });
  expect(await durableSteps(journal, 'r')('two', counted, act)).toEqual({ count: 2 });
  expect(await durableSteps(journal, 's')('one', counted, act)).toEqual({ count: 3 });
});

test('a step that threw is open again', async () => {
  const journal = await open();
  const step = durableSteps(journal, 'r');
  await expect(step('push', counted, () => Promise.reject(new Error('no network')))).rejects.toThrow('no network');
  expect(await journal.events('r')).toEqual([]);
  expect(await step('push', counted, async () => ({ count: 5 }))).toEqual({ count: 5 });
});

test('the first answer is the same as all later ones: what the schema makes of the JSON', async () => {
  const journal = await open();
  const step = durableSteps(journal, 'r');
  const schema = z.object({ at: z.coerce.date() });
  const first = await step('date', schema, async () => ({ at: new Date(0), more: 'than the schema knows' }));
  const second = await step('date', schema, () => Promise.reject(new Error('acted again')));
  expect(first).toEqual({ at: new Date(0) });
  expect(second).toEqual(first);
});

test('a journaled result of another shape is told, not used', async () => {
  const journal = await open();
  await journal.append('r', [{ type: 'step.done', step: 'plan', result: { count: 'three' } }]);
  await expect(durableSteps(journal, 'r')('plan', counted, counter().act)).rejects.toMatchObject({
    kind: 'journal',
    message: expect.stringMatching(/step plan of run r .*count/su),
  });
});

test('a step without a result is done too', async () => {
  const journal = await open();
  const step = durableSteps(journal, 'r');
  let acted = 0;
  const act = async (): Promise<void> => {
    acted += 1;
  };
  expect(await step('silent', z.unknown(), act)).toBeNull();
  expect(await step('silent', z.unknown(), act)).toBeNull();
  expect(acted).toBe(1);
});
