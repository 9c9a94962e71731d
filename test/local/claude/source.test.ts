import { assert as always, constantFrom, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDiff, textBefore } from '../../../src/local/claude/model/diff.ts';
import { understandLibrary } from '../../../src/local/claude/model/library.ts';
import type { Library } from '../../../src/local/claude/model/library.ts';
import { migrateSource } from '../../../src/local/claude/model/source/migrate.ts';
import { tokenise } from '../../../src/local/claude/model/source/tokens.ts';
import { commit, copyFixture, diffOf, FIXTURE, put, remove, textIn } from './support.ts';

describe('tokens', () => {
  it.each([
    { source: 'a / b / c', kinds: ['word', 'punctuation', 'word', 'punctuation', 'word'] },
    {
      source: 'x = /[/"]+/g.test(y)',
      kinds: ['word', 'punctuation', 'regex', 'punctuation', 'word', 'punctuation', 'word', 'punctuation'],
    },
    { source: 'return /x/', kinds: ['word', 'regex'] },
    { source: '(1) / 2 // "no string"', kinds: ['punctuation', 'number', 'punctuation', 'punctuation', 'number', 'comment'] },
    { source: '`a ${b(`${c}`, "}")} d` + 1', kinds: ['template', 'punctuation', 'number'] },
    { source: `'it\\'s' + "x"`, kinds: ['string', 'punctuation', 'string'] },
  ])('of $source', ({ source, kinds }) => {
    expect(tokenise(source).map((token) => token.kind)).toEqual(kinds);
  });

  it('never fail, and lose nothing but white space', () => {
    always(
      property(string({ unit: constantFrom(...Array.from('ab1 \n\'"`/\\${}()[].,*=')) }), (source) => {
        const tokens = tokenise(source);
        expect(tokens.every((token) => source.slice(token.start, token.end) === token.text)).toBe(true);
        const kept = tokens.map((token) => token.text.replaceAll(/\s/g, '')).join('');
        expect(kept).toBe(source.replaceAll(/\s/g, ''));
      }),
    );
  });
});

async function library(): Promise<Library> {
  const found = understandLibrary('lib/bdd.js', await textIn(FIXTURE, 'lib/bdd.js'));
  if (found === null) throw new Error('the library is not understood');
  return found;
}

async function migrated(
  source: string,
  more: { nearHelper?: string | null; loseTightTolerances?: boolean } = {},
): Promise<{ text: string; unsolved: readonly string[] }> {
  const options = {
    path: 'test/x.test.js',
    library: await library(),
    nearHelper: 'test/support/near.js',
    loseTightTolerances: false,
    ...more,
  };
  const result = migrateSource(source, options);
  if (result === null) throw new Error('not a user of the library');
  return result;
}

const IMPORT = "import { suite, spec, check } from '../lib/bdd.js';\n";
const body = async (code: string): Promise<string> => (await migrated(IMPORT + code)).text.split('\n').slice(1).join('\n');

describe('the code transformation', () => {
  it.each([
    { from: 'check.same([1], f());', to: 'assert.deepEqual(f(), [1]);' },
    { from: 'check.same(\n  // wanted\n  [1],\n  f(),\n);', to: 'assert.deepEqual(\n  // wanted\n  f(),\n  [1],\n);' },
    { from: "check.same({ a: [1, 2] }, f(1, 2), 'so');", to: "assert.deepEqual(f(1, 2), { a: [1, 2] }, 'so');" },
    { from: 'check.equal(f(a, b), 1);', to: 'assert.equal(f(a, b), 1);' },
    { from: "check.throws(() => f(), 'a, b');", to: "assert.throws(() => f(), { message: 'a, b' });" },
    { from: 'check.throws(() => f(), /^x\\/(y)/);', to: 'assert.throws(() => f(), { message: /^x\\/(y)/ });' },
    { from: 'check.throws(() => f(), RangeError);', to: 'assert.throws(() => f(), RangeError);' },
    { from: 'await check.throws(() => f());', to: 'await assert.rejects(() => f());' },
    { from: 'check.throws(() => {\n  check.equal(1, 1);\n});', to: 'assert.throws(() => {\n  assert.equal(1, 1);\n});' },
    {
      from: "const s = 'check.same(1, 2)'; // check.equal\ncheck.ok(s);",
      to: "const s = 'check.same(1, 2)'; // check.equal\nassert.ok(s);",
    },
    { from: 'other.check.equal(1, 2); check.ok(1);', to: 'other.check.equal(1, 2); assert.ok(1);' },
    { from: 'f({ check: 1, spec: 2 }); check.ok(1);', to: 'f({ check: 1, spec: 2 }); assert.ok(1);' },
  ])('$from', async ({ from, to }) => {
    expect(await body(from)).toBe(to);
  });

  it('imports what it uses, under the names that the file had for it', async () => {
    const { text, unsolved } = await migrated(
      "// first\nimport { suite as group, spec, check as ensure, before } from '../lib/bdd.js';\nimport { f } from './f.js';\ngroup('g', () => { before(() => {}); spec('s', () => { ensure.near(f(), 1, 0.5); }); });\n",
    );
    expect(unsolved).toEqual([]);
    expect(text).toBe(
      "// first\nimport { before, describe, it } from 'node:test';\nimport { near } from './support/near.js';\nimport { f } from './f.js';\ndescribe('g', () => { before(() => {}); it('s', () => { near(f(), 1, 0.5); }); });\n",
    );
  });

  it('loses only tolerances that are tighter than the default, and only when told', async () => {
    const source = `${IMPORT}check.near(a, 1, 1e-9); check.near(a, 1, 0.1); check.near(a, 1); check.near(a, 1, 1e-9, 'm');`;
    expect((await migrated(source)).text).toContain("near(a, 1, 1e-9); near(a, 1, 0.1); near(a, 1); near(a, 1, 1e-9, 'm');");
    expect((await migrated(source, { loseTightTolerances: true })).text).toContain(
      "near(a, 1); near(a, 1, 0.1); near(a, 1); near(a, 1, undefined, 'm');",
    );
  });

  it.each([
    { source: "import * as bdd from '../lib/bdd.js';\nbdd.spec('x', () => {});\n", why: 'line 1: the library is imported as a whole' },
    { source: `${IMPORT}const spec = 1;\n`, why: 'line 2: `spec` is declared again' },
    { source: `${IMPORT}import assert from 'node:assert';\n`, why: '`assert` already means something else in this file' },
  ])('leaves alone: $why', async ({ source, why }) => {
    expect(await migrated(source)).toEqual({ text: source, unsolved: [why] });
  });

  it('keeps the structure when a part of it has no counterpart, and carries the assertions over', async () => {
    const { text, unsolved } = await migrated(
      `${IMPORT}suite.matrix('m', { a: [1] }, () => {\n  spec('s', () => check.same(1, f()));\n});\n`,
    );
    expect(unsolved).toEqual(['line 2: `suite.matrix` has no counterpart in node:test']);
    expect(text).toBe(
      "import assert from 'node:assert/strict';\nimport { suite, spec } from '../lib/bdd.js';\nsuite.matrix('m', { a: [1] }, () => {\n  spec('s', () => assert.deepEqual(f(), 1));\n});\n",
    );
  });

  it('leaves an assertion that it does not understand', async () => {
    const { text, unsolved } = await migrated(
      `${IMPORT}check.throws(f, expected); check.near(1, 1); check.rare(1); const { equal } = check;\n`,
      { nearHelper: null },
    );
    expect(text).toContain('check.throws(f, expected); check.near(1, 1); check.rare(1); const { equal } = check;');
    expect(text).toContain("import { check } from '../lib/bdd.js';");
    expect(unsolved).toHaveLength(4);
  });
});

describe('a diff', () => {
  it('read backwards gives the text before', async () => {
    const directory = await copyFixture();
    const lines = Array.from({ length: 60 }, (_, at) => `line ${at}`);
    const before = `${lines.join('\n')}\n`;
    const after = `${['new first', ...lines.toSpliced(20, 3, 'x', '', '-- y').toSpliced(50, 1)].join('\n')}\n`;
    await put(directory, 'a.txt', before);
    await put(directory, 'b.txt', 'same\n');
    await commit(directory);
    await put(directory, 'a.txt', after);
    await put(directory, 'new.txt', 'new\n');
    const changes = parseDiff(`# Title\n\n<data>\n${await diffOf(directory, ['.'])}</data>\n\nMore.`);
    expect(changes.map(({ path, added }) => ({ path, added }))).toEqual([
      { path: 'a.txt', added: false },
      { path: 'new.txt', added: true },
    ]);
    const [change] = changes;
    expect(change && textBefore(after, change)).toBe(before);
    expect(change && textBefore(before, change)).toBe(null);
    await remove(directory);
  });
});
