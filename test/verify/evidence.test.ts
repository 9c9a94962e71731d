import { openChecks } from '../../src/verify/checks.ts';
import { expect, test } from 'vitest';
import { examineFinding } from '../../src/verify/evidence.ts';
import type { Claimed } from '../../src/verify/evidence.ts';
import { gateContext } from '../../src/verify/gates.ts';
import { findQuote } from '../../src/verify/quote.ts';
import { change, edits, plan, project, shard, shell, stillOld } from './support.ts';
import { guardOf } from '../secrets/support.ts';

const BEFORE = 'one();\n  old(1, 2);\nsame();\nlast();\n';
const AFTER = 'one();\n  fresh(1, 2);\nsame();\nsame();\nlast();\n';

async function examine(claimed: Partial<Claimed>, checks: readonly { name: string; run: string; when: 'shard' | 'converged' }[] = []) {
  const there = await project({ 'src/a.js': BEFORE, 'src/z.js': 'last();\n', 'src/forgotten.js': 'old(9);\n' });
  const own = shard('s1', ['src/a.js', 'src/forgotten.js', 'src/gone.js']);
  const work = await change(there, 's1', edits({ 'src/a.js': AFTER }));
  const ports = {
    plan: plan(there.base, [own], { checks }),
    repository: there.repository,
    checks: openChecks(shell(there.repository), new AbortController().signal),
    predicate: stillOld,
    secrets: guardOf(),
  };
  const context = await gateContext({ change: work, shard: own, under: there.base.tree }, ports);
  const finding: Claimed = {
    rule: 'G1',
    severity: 'blocking',
    path: 'src/a.js',
    line: 2,
    side: 'RIGHT',
    claim: 'wrong',
    evidence: null,
    ...claimed,
  };
  return examineFinding(finding, context);
}

test('quoted lines that are there keep the finding blocking', async () => {
  const { finding, doubt } = await examine({ evidence: { kind: 'lines', before: 'old(1, 2);', after: 'fresh(1, 2);' } });
  expect(doubt).toBeNull();
  expect(finding).toMatchObject({ severity: 'blocking', line: 2, side: 'RIGHT', source: 'verifier' });
});

test('a line that is off is moved to the quoted text, the nearest one', async () => {
  const far = await examine({ line: 40, evidence: { kind: 'lines', before: '', after: 'fresh(1, 2);' } });
  expect(far.finding.line).toBe(2);
  const twice = await examine({ line: 5, evidence: { kind: 'lines', before: '', after: 'same();' } });
  expect(twice.finding.line).toBe(4);
  const none = await examine({ line: null, evidence: { kind: 'lines', before: '', after: 'last();' } });
  expect(none.finding.line).toBe(5);
});

test('what was lost is pointed at in the old text, whatever side was claimed', async () => {
  const { finding } = await examine({ line: 9, side: 'RIGHT', evidence: { kind: 'lines', before: 'old(1, 2);', after: '' } });
  expect(finding).toMatchObject({ severity: 'blocking', line: 2, side: 'LEFT' });
});

test.each([
  ['no evidence at all', null, 'without evidence'],
  ['a quote that is nowhere after the change', { kind: 'lines', before: '', after: 'stale(1, 2);' }, 'not in src/a.js after'],
  ['an old line that never was', { kind: 'lines', before: 'older();', after: 'fresh(1, 2);' }, 'not in src/a.js before'],
  ['empty quotes', { kind: 'lines', before: ' ', after: '' }, 'quotes no line'],
  ['a quote too short to prove anything', { kind: 'lines', before: '', after: '};' }, 'not in src/a.js after'],
  ['a command that is no check of the plan', { kind: 'command', name: 'rm', output: 'failed' }, 'none of the checks'],
] as const)('%s makes a note that says so', async (_name, evidence, why) => {
  const { finding, doubt } = await examine({ evidence });
  expect(finding.severity).toBe('note');
  expect(doubt).toContain(why);
});

test("a place in another shard's file blocks nothing: the author could not mend it", async () => {
  const { finding, doubt } = await examine({ path: 'src/z.js', evidence: { kind: 'lines', before: '', after: 'last();' } });
  expect([finding.severity, doubt]).toEqual(['note', expect.stringContaining('src/z.js belongs to another shard')]);
});

test('an owned file that the change left alone can be blamed: something was forgotten in it', async () => {
  const { finding } = await examine({ path: './src/forgotten.js', evidence: { kind: 'lines', before: '', after: 'old(9);' } });
  expect(finding).toMatchObject({ severity: 'blocking', path: 'src/forgotten.js', line: 1 });
});

test('an owned file that does not exist proves nothing', async () => {
  const { finding, doubt } = await examine({ path: 'src/gone.js', evidence: { kind: 'lines', before: '', after: 'old(9);' } });
  expect([finding.severity, doubt]).toEqual(['note', 'there is no text file src/gone.js before or after the change']);
});

test('a check that fails again blocks, with its own output; one that passes is a note', async () => {
  const checks = [
    { name: 'red', run: 'echo really; exit 4', when: 'shard' },
    { name: 'green', run: 'true', when: 'shard' },
    { name: 'whole', run: 'false', when: 'converged' },
  ] as const;
  const red = await examine({ evidence: { kind: 'command', name: 'red', output: 'claimed' } }, checks);
  expect(red.finding).toMatchObject({ severity: 'blocking', evidence: { kind: 'command', name: 'red', output: 'exit 4\nreally' } });
  const green = await examine({ evidence: { kind: 'command', name: 'green', output: 'claimed' } }, checks);
  expect([green.finding.severity, green.doubt]).toEqual(['note', '`green` passes on this change when it is run again']);
  expect((await examine({ evidence: { kind: 'command', name: 'whole', output: 'x' } }, checks)).finding.severity).toBe('note');
});

test('a note stays a note, whatever its evidence', async () => {
  const { finding, doubt } = await examine({ severity: 'note', evidence: { kind: 'lines', before: '', after: 'nowhere();' } });
  expect([finding.severity, doubt]).toEqual(['note', null]);
});

test('quotes are found without regard to indentation and to the marks of diffs and listings', () => {
  const text = 'a();\n    if (b) {\n\n      c(1,  2);\n    }\n';
  expect(findQuote(text, 'if (b) {\n\nc(1, 2);')).toEqual([{ start: 2, end: 4 }]);
  expect(findQuote(text, '+    if (b) {\n+\n+      c(1, 2);')).toEqual([{ start: 2, end: 4 }]);
  expect(findQuote(text, '4\t      c(1,  2);')).toEqual([{ start: 4, end: 4 }]);
  expect(findQuote(text, 'if (b) {\nc(1, 2);')).toEqual([]);
});
