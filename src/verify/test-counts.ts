import type { SgNode } from '@ast-grep/napi';
import { extensionOf, scriptRoot } from './syntax.ts';

/** How much a test file tests, by counting: cases are single tests, not their groups. */
export interface TestCounts {
  readonly cases: number;
  readonly assertions: number;
}

const CASES: ReadonlySet<string> = new Set(['it', 'test', 'spec', 'specify', 'scenario', 'example', 'fit', 'ftest']);
const GROUPS: ReadonlySet<string> = new Set(['describe', 'suite', 'context', 'group', 'feature', 'module', 'fdescribe']);
const SKIPPED: ReadonlySet<string> = new Set([
  'skip',
  'todo',
  'fixme',
  'xit',
  'xtest',
  'xspec',
  'xspecify',
  'xdescribe',
  'xcontext',
  'before',
  'beforeEach',
  'after',
  'afterEach',
]);
const MODIFIERS: ReadonlySet<string> = new Set(['only', 'concurrent', 'sequential', 'serial', 'each', 'for', 'failing']);

const ASSERTIVE_ROOT = /^(?:assert|expect|should|check|ensure|verify|chai)(?:$|[A-Z_])/u;
const ASSERTIVE_PART = /^(?:assert|expect|should)$/u;
const TEST_CONTEXT = /^(?:t|tap|test|is|util)$/u;
const MATCHERS = new RegExp(
  '^(?:ok|notOk|true|false|truthy|falsy|is|not|same|notSame|near|match|doesNotMatch|like|regex|pass|fail|snapshot|throws|throwsAsync|doesNotThrow|' +
    'rejects|doesNotReject|closeTo|approx\\w*|equals?|notEqual|(?:not)?[dD]eep\\w*|(?:not)?[sS]trict\\w*|loose\\w*)$',
  'u',
);

const PATH =
  /(?:^|\/)(?:tests?|__tests__|specs?)\/|[._-](?:test|spec)s?\.[a-z]+$|(?:^|\/)test_[^/]*\.py$|(?:^|\/)[^/]*Tests?\.(?:java|kt|cs|php)$/u;

/** Does this file hold tests, by its name or by the calls in it? */
export function looksLikeTest(path: string, text: string): boolean {
  const root = scriptRoot(path, text);
  if (root === null) return PATH.test(path);
  // A helper among the tests holds none itself.
  return (
    countCases(root, { unknown: false }) > 0 || (PATH.test(path) && (countCases(root, { unknown: true }) > 0 || countAssertions(root) > 0))
  );
}

/** Counts by the syntax tree for JavaScript and TypeScript, by line patterns for other languages; comments never count in the first. */
export function countTests(path: string, text: string): TestCounts {
  const root = scriptRoot(path, text);
  if (root !== null) return { cases: countCases(root, { unknown: true }), assertions: countAssertions(root) };
  const pattern = CASE_LINES[extensionOf(path)];
  const hits = (regex: RegExp): number => [...text.matchAll(regex)].length;
  return { cases: pattern === undefined ? 0 : hits(pattern), assertions: hits(ASSERTION_LINE) };
}

const CASE_LINES: Readonly<Record<string, RegExp>> = {
  py: /^\s*(?:async\s+)?def\s+test\w*/gmu,
  java: /@(?:Test|ParameterizedTest)\b/gu,
  kt: /@(?:Test|ParameterizedTest)\b/gu,
  cs: /\[(?:Fact|Theory|Test|TestCase|TestMethod)\b/gu,
  go: /^func\s+(?:Test|Fuzz)\w+/gmu,
  rs: /#\[(?:\w+::)?test\b/gu,
  rb: /^\s*(?:it|specify|test|scenario)\s+['"]/gmu,
  php: /function\s+test\w+|#\[Test\]/gu,
};
const ASSERTION_LINE = /\b(?:assert\w*|expect\w*|should\w*)\s*[.(! ]|\bt\.(?:Error|Fatal)f?\(|\brequire\.[A-Z]\w*\(/gu;

/**
 * Calls like `name('title', function)`. Known names count as they are; an unknown bare name (a home-made library's) counts where `unknown` is set, outside of
 * known cases, and only if it holds no case itself: then it is a group.
 */
function countCases(node: SgNode, options: { readonly unknown: boolean }): number {
  const inside = (unknown: boolean): number => node.children().reduce((sum, child) => sum + countCases(child, { unknown }), 0);
  if (node.kind() !== 'call_expression') return inside(options.unknown);
  const name = caseName(node.field('function'));
  if (name === null || !takesFunction(node) || GROUPS.has(name.text)) return inside(options.unknown);
  if (SKIPPED.has(name.text)) return 0;
  if (CASES.has(name.text)) return 1 + inside(false);
  const nested = inside(options.unknown);
  return nested === 0 && options.unknown && name.bare && hasTitle(node) ? 1 : nested;
}

function caseName(callee: SgNode | null): { readonly text: string; readonly bare: boolean } | null {
  if (callee === null) return null;
  if (callee.kind() === 'identifier') return { text: callee.text(), bare: true };
  if (callee.kind() === 'call_expression') return caseName(callee.field('function'));
  if (callee.kind() !== 'member_expression') return null;
  const property = callee.field('property')?.text() ?? '';
  return MODIFIERS.has(property) ? caseName(callee.field('object')) : { text: property, bare: false };
}

function callArguments(call: SgNode): readonly SgNode[] {
  return (call.field('arguments')?.children() ?? []).filter((child) => child.isNamed() && child.kind() !== 'comment');
}

function takesFunction(call: SgNode): boolean {
  const given = callArguments(call);
  const written = given.some((item) => /function/u.test(String(item.kind())));
  return written || (given.length > 1 && given.at(-1)?.kind() === 'identifier');
}

function hasTitle(call: SgNode): boolean {
  return /string/u.test(String(callArguments(call)[0]?.kind()));
}

/** `expect(x).not.toBe(y)` is one assertion, whatever the library's words are. */
function countAssertions(node: SgNode): number {
  if (node.kind() !== 'call_expression') return node.children().reduce((sum, child) => sum + countAssertions(child), 0);
  const chain = chainOf(node);
  const within = chain.given.reduce((sum, item) => sum + countAssertions(item), 0);
  return (isAssertion(chain.names) ? 1 : 0) + within;
}

/** Names from the root outwards, and everything that is no link of the chain: arguments, and a root that is no name. */
function chainOf(call: SgNode): { readonly names: readonly string[]; readonly given: readonly SgNode[] } {
  const names: string[] = [];
  const given: SgNode[] = [];
  for (let node: SgNode | null = call; node !== null;) {
    if (node.kind() === 'call_expression') {
      given.push(...callArguments(node));
      node = node.field('function');
    } else if (node.kind() === 'member_expression') {
      names.unshift(node.field('property')?.text() ?? '');
      node = node.field('object');
    } else {
      if (node.kind() === 'identifier') names.unshift(node.text());
      else {
        names.unshift('');
        given.push(node);
      }
      node = null;
    }
  }
  return { names, given };
}

function isAssertion(names: readonly string[]): boolean {
  const [root = '', ...parts] = names;
  if (ASSERTIVE_ROOT.test(root) || parts.some((part) => ASSERTIVE_PART.test(part))) return true;
  if (parts.length === 0) return MATCHERS.test(root);
  return TEST_CONTEXT.test(root) && parts.some((part) => MATCHERS.test(part));
}
