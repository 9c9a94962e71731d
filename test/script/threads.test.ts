import { expect, onTestFinished, test } from 'vitest';
import type { ScriptEnd } from '../../src/script/protocol.ts';
import { openThreads, runSandboxed } from '../../src/script/sandbox.ts';
import type { Threads } from '../../src/script/thread.ts';
import { META, VIEW } from './support.ts';

const port = { drained: () => Promise.resolve(), next: () => Promise.reject(new Error('nothing was called')) };

function run(threads: Threads, body: string): Promise<ScriptEnd> {
  return runSandboxed({ source: META + body, view: VIEW, port, threads });
}

test('scripts run on threads that were started ahead, each on one of its own', async () => {
  const threads = openThreads();
  onTestFinished(() => threads.close());
  expect(await run(threads, 'globalThis.left = 1; return 1;')).toMatchObject({ kind: 'returned', value: 1 });
  expect(await run(threads, 'return typeof left;')).toMatchObject({ kind: 'returned', value: 'undefined' });
});

test('two at once have two', async () => {
  const threads = openThreads();
  onTestFinished(() => threads.close());
  const ends = await Promise.all([run(threads, 'return 1;'), run(threads, 'return 2;')]);
  expect(ends).toMatchObject([{ value: 1 }, { value: 2 }]);
});

test('one that is gone says so, and after the close nobody gets a dead one', async () => {
  const threads = openThreads();
  const taken = threads.take();
  expect(taken.lives()).toBe(true);
  await taken.stop();
  expect(taken.lives()).toBe(false);
  await threads.close();
  expect(await run(threads, 'return 3;')).toMatchObject({ kind: 'returned', value: 3 });
});
