import { expect, test } from 'vitest';
import { Suspended } from '../../src/domain/errors.ts';
import { endOf, openChecks, tail } from '../../src/verify/checks.ts';
import type { CommandResult, Commands } from '../../src/sandbox/commands.ts';

const CHECK = { name: 'unit', run: 'npm test', when: 'shard' } as const;

/** Commands that end with these exit codes, in order. */
function ending(...codes: readonly number[]): Commands & { readonly trees: string[] } {
  const left = [...codes];
  const trees: string[] = [];
  const on = async (tree: string): Promise<CommandResult> => {
    trees.push(tree);
    const exitCode = left.shift() ?? 99;
    return { ok: exitCode === 0, exitCode, output: `ended with ${exitCode}`, ended: 'exit' };
  };
  return { trees, on, caveats: [], close: () => Promise.resolve() };
}

const { signal } = new AbortController();

test('what passed on a tree is not run again on the same tree; another tree is', async () => {
  const commands = ending(0, 0);
  const checks = openChecks(commands, signal);
  const first = await checks.run(CHECK, 'tree-1');
  expect(await checks.run(CHECK, 'tree-1')).toEqual(first);
  await checks.run(CHECK, 'tree-2');
  expect(commands.trees).toEqual(['tree-1', 'tree-2']);
});

test('two that ask at the same moment wait for one run', async () => {
  const commands = ending(0);
  const checks = openChecks(commands, signal);
  const [one, two] = await Promise.all([checks.run(CHECK, 'tree-1'), checks.run(CHECK, 'tree-1')]);
  expect([one.ok, two.ok, commands.trees.length]).toEqual([true, true, 1]);
});

test('what failed is run again: it may have failed by chance', async () => {
  const checks = openChecks(ending(1, 0), signal);
  expect((await checks.run(CHECK, 'tree-1')).ok).toBe(false);
  expect((await checks.run(CHECK, 'tree-1')).ok).toBe(true);
});

test('runAgain believes nothing that is known', async () => {
  const checks = openChecks(ending(0, 3), signal);
  await checks.run(CHECK, 'tree-1');
  expect((await checks.runAgain(CHECK, 'tree-1')).exitCode).toBe(3);
});

test('a run that was stopped proves nothing', async () => {
  const stop = new AbortController();
  const commands = ending(0);
  const checks = openChecks(
    { ...commands, on: async () => ({ ...(await commands.on('x', { run: '', seconds: 1 })), ended: 'aborted' }) },
    stop.signal,
  );
  await expect(checks.run(CHECK, 'tree-1')).rejects.toBeInstanceOf(Suspended);
});

test('ends in words, outputs by their tail', () => {
  const result: CommandResult = { ok: false, exitCode: 2, output: '', ended: 'exit' };
  expect(endOf(result)).toBe('exit 2');
  expect(endOf({ ...result, ended: 'timeout' })).toBe('stopped after 10 min');
  expect(endOf({ ...result, ended: 'memory' })).toBe('stopped: too much memory');
  expect(tail(`${'x'.repeat(5000)}end\n`)).toMatch(/^… 1,003 characters before this …\nx+end$/u);
});
