import { expect, test } from 'vitest';
import type { FileDiff } from '../../src/git/workspace.ts';
import { diffText } from '../../src/verify/diff-text.ts';
import { workText } from '../../src/verify/shard-text.ts';
import { shard } from './support.ts';

test("a shard's own task is an instruction, and a rule for those who judge", () => {
  const closing = shard('c1', ['package.json'], { kind: 'closing', task: 'Remove it.\nNothing else.' });
  expect(workText(closing, 'author')).toMatch(/^This is a closing shard, [^]*\n\n> Remove it\.\n> Nothing else\.$/u);
  expect(workText(closing, 'author')).not.toContain('rule `task`');
  expect(workText(closing, 'verifier')).toMatch(/\(rule `task`\)[^]*\n\n> Remove it\.\n> Nothing else\.$/u);
});

test("a diff is shown without the ids of git's objects, and lines of files that look like them stay", () => {
  const name = (digit: string) => digit.repeat(40);
  const head = 'diff --git a/x.js b/x.js\nindex ';
  const body = '--- a/x.js\n+++ b/x.js\n@@ -1,2 +1,2 @@\n index abc..def 100644\n-old();\n+fresh();';
  const text = `${head}${name('a')}..${name('b')} 100644\n${body}\n`;
  const file: FileDiff = { path: 'x.js', oldPath: null, status: 'modified', binary: false, added: 1, removed: 1, text, hunks: [] };
  expect(diffText([file])).toBe(`diff --git a/x.js b/x.js\n${body}`);
});
