import type { FileDiff } from '../../git/workspace.ts';
import { failed, passed } from '../gate.ts';
import type { Gate, Objection } from '../gate.ts';
import { extensionOf } from '../syntax.ts';

const NAME = 'no-suppressions';

interface Suppression {
  readonly name: string;
  readonly pattern: RegExp;
  /** Only in these; in all but prose when absent. */
  readonly only?: readonly string[];
}

const TYPED = ['ts', 'tsx', 'mts', 'cts', 'vue', 'svelte'];
const PYTHON = ['py', 'pyi'];

/** What silences a tool or a test instead of doing the work (facts/verification.md §3). */
const SUPPRESSIONS: readonly Suppression[] = [
  { name: 'a TypeScript directive that hides errors', pattern: /@ts-(?:ignore|nocheck|expect-error)\b/gu },
  { name: 'a linter directive', pattern: /\b(?:eslint|oxlint|tslint|stylelint|pylint|rubocop)[-:]\s*disable/gu },
  { name: 'a linter directive', pattern: /\bbiome-ignore\b|\/\/\s*nolint\b|\bNOSONAR\b|@SuppressWarnings\b|#\[allow\(/gu },
  { name: 'a coverage directive', pattern: /\b(?:istanbul|c8|v8)\s+ignore\b|#\s*pragma:\s*no cover/gu },
  { name: 'the type `any`', pattern: /\bas\s+any\b|:\s*any\b|<any\b/gu, only: TYPED },
  { name: 'a cast through `unknown`', pattern: /\bas\s+unknown\s+as\b/gu, only: TYPED },
  { name: 'a type or lint comment', pattern: /#\s*type:\s*ignore|#\s*noqa\b|#\s*mypy:\s*ignore/gu, only: PYTHON },
  { name: 'a skipped test', pattern: /@(?:pytest\.mark|unittest)\.(?:skip|xfail)|\bpytest\.(?:skip|xfail)\(/gu, only: PYTHON },
  { name: 'a skipped test', pattern: /@(?:Disabled|Ignore)\b|#\[ignore\b|\bt\.Skip(?:f|Now)?\(/gu },
  {
    name: 'a test that is skipped, left to do, or run alone',
    pattern: /\b(?:it|test|describe|suite|spec|specify|context|t|this|bench)(?:\.\w+)*(?:\.|\?\.)(?:skip|only|todo|fixme|skipIf|runIf)\b/gu,
  },
  {
    name: 'a test that is skipped, left to do, or run alone',
    pattern: /\.(?:skip|only|todo)\s*\(\s*['"`]|\[\s*['"`](?:skip|only|todo)['"`]\s*\]/gu,
  },
  {
    name: 'a test that is skipped, left to do, or run alone',
    pattern: /\b(?:x(?:it|test|describe|context|specify)|f(?:it|describe|context))\s*\(/gu,
  },
  { name: 'a test that is skipped, left to do, or run alone', pattern: /\b(?:skip|todo|only)\s*:\s*(?:true\b|['"`])/gu },
];

const PROSE: ReadonlySet<string> = new Set(['md', 'mdx', 'txt', 'rst', 'adoc', 'json', 'yml', 'yaml', 'toml', 'lock', 'svg']);

/**
 * No suppression is added. Counted over the whole change, added lines against removed ones, so that a line which only moved does not count.
 */
export const noSuppressions: Gate = async ({ diff }) => {
  const objections = SUPPRESSIONS.flatMap((suppression) => added(suppression, diff));
  const places = new Map(objections.map((objection) => [`${objection.path}:${objection.line}`, objection]));
  if (places.size === 0) return passed(NAME, 'none added');
  return failed(NAME, `added at ${[...places.keys()].join(', ')}`, [...places.values()]);
};

function added(suppression: Suppression, diff: readonly FileDiff[]): readonly Objection[] {
  const files = diff.filter((file) => applies(suppression, file.path));
  const lines = (kind: 'added' | 'removed') => files.flatMap((file) => changedLines(file, kind));
  const hits = (text: string): number => [...text.matchAll(suppression.pattern)].length;
  const total = (texts: readonly { readonly text: string }[]): number => texts.reduce((sum, line) => sum + hits(line.text), 0);
  const removed = lines('removed').filter((line) => hits(line.text) > 0);
  const gained = lines('added').filter((line) => hits(line.text) > 0);
  if (total(gained) <= total(removed)) return [];
  const moved = removed.map((line) => line.text.trim());
  return gained
    .filter((line) => !takeOne(moved, line.text.trim()))
    .map((line) => ({
      path: line.path,
      line: line.line,
      side: 'RIGHT',
      claim: `This line adds ${suppression.name}. Do the work so that nothing needs to be silenced or skipped; if it cannot be done, leave the code as it was.`,
      evidence: { kind: 'lines', before: '', after: line.text },
    }));
}

function changedLines(file: FileDiff, kind: 'added' | 'removed') {
  const lines = file.hunks.flatMap((hunk) => hunk.lines).filter((line) => line.kind === kind);
  return lines.map((line) => ({ path: file.path, line: line.new, text: line.text }));
}

function applies(suppression: Suppression, path: string): boolean {
  const extension = extensionOf(path);
  return suppression.only === undefined ? !PROSE.has(extension) : suppression.only.includes(extension);
}

function takeOne(items: string[], item: string): boolean {
  const at = items.indexOf(item);
  if (at >= 0) items.splice(at, 1);
  return at >= 0;
}
