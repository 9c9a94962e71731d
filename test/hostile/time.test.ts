import { describe, expect, test } from 'vitest';
import { openToolbox } from '../../src/agents/toolbox.ts';
import { parseComment } from '../../src/domain/command.ts';
import { visibleMarkdown } from '../../src/domain/visible-markdown.ts';
import { matcherOf } from '../../src/git/globs.ts';
import { answerProblems } from '../../src/primitives/answer-schema.ts';
import { prose } from '../../src/report/markdown.ts';
import { parseScript } from '../../src/script/parse.ts';
import { within } from '../../src/time-limit.ts';
import { syntaxOf } from '../../src/verify/syntax.ts';
import { workspaceOf } from '../agents/support.ts';

/*
 * Words by which a stranger would stop the whole process: one thread answers webhooks, drives runs and counts money.
 * Limits of time are far above what is measured and far below what the attack takes without its defence (minutes to years).
 */

const NAME = 'a'.repeat(60);

describe('a glob that never ends', () => {
  test.each(['(a+)+b', '+(a*)b', '*(*a)b', '*([a-z]|a)b', '+({a,aa})b', '*(a|{a,aa})b', '*a*a*a*a*a*a*a*a*a*b'])(
    '%s is ended, and told',
    (glob) => {
      const begun = performance.now();
      const ask = (): boolean => matcherOf(glob)(NAME.repeat(4));
      expect(ask).toThrow(/did not end on one path/u);
      expect(performance.now() - begun).toBeLessThan(5_000);
    },
  );

  test('of stars in many folders is ended, and told', () => {
    expect(() => matcherOf('**/a/**/a/**/a/**/a/**/a/**/b')(`${'a/'.repeat(400)}c`)).toThrow(/did not end on one path/u);
  });

  test.each(['{[a-z],[a-z]}'.repeat(26) + '9', `${'{,a}'.repeat(40)}b`, `${'[a]*'.repeat(20)}b`])(
    'of braces and classes is ended, and told: %s',
    (glob) => {
      expect(() => matcherOf(glob)(glob.startsWith('{[') ? 'internationalizationhelpers.ts' : NAME)).toThrow(/did not end on one path/u);
    },
  );

  test('on many paths is ended after a time for all of them', () => {
    const paths = Array.from({ length: 3_000 }, (_, at) => `${NAME.slice(0, 20)}${at}`);
    const begun = performance.now();
    const matches = (among: readonly string[]) => (): unknown => paths.filter(matcherOf('(a+)+b', { among }));
    expect(matches(paths)).toThrow(/did not end on 3000 paths/u);
    expect(matches([])).toThrow(/did not end on one path/u);
    expect(performance.now() - begun).toBeLessThan(15_000);
  });

  test('and an honest one on many paths takes one clock for all', () => {
    const paths = Array.from({ length: 50_000 }, (_, at) => `packages/a-b-${at}/src/deep/x${at}.ts`);
    const begun = performance.now();
    expect(paths.filter(matcherOf('packages/*-*-*/src/**/*.ts', { among: paths }))).toHaveLength(50_000);
    expect(performance.now() - begun).toBeLessThan(3_000);
  });

  test('by an agent is an answer of its tool, and the agent goes on', async () => {
    const open = await workspaceOf({ [`${NAME}.txt`]: 'x' });
    const box = openToolbox({ tools: ['glob', 'grep'], checks: [], submit: null });
    const desk = {
      workspace: open(),
      mayWrite: () => ({ ok: true }) as const,
      checks: [],
      runCheck: () => Promise.reject(new Error('none')),
    };
    const use = async (name: string, input: unknown) => box.run({ type: 'tool_use', id: 'x', name, input }, desk);
    expect(await use('glob', { pattern: '(a+)+b' })).toMatchObject({ is_error: true, content: expect.stringContaining('did not end') });
    expect(await use('grep', { pattern: 'x', glob: '+(a*)b' })).toMatchObject({ is_error: true });
    expect(await use('glob', { pattern: '*.txt' })).toMatchObject({ content: `${NAME}.txt` });
  });

  test.each([
    ['src/**/*.{ts,tsx}', 'src/a/b.tsx'],
    ['src/routes/(app)/+page.svelte', 'src/routes/(app)/+page.svelte'],
    ['pages/[[]id]/*.js', 'pages/[id]/x.js'],
    ['**/!(*.test).js', 'a/b.js'],
    ['lib/@(a|b)/+(c).js', 'lib/a/ccc.js'],
  ])('an honest one still means what it meant: %s', (glob, path) => {
    expect(matcherOf(glob)(path)).toBe(true);
    expect(matcherOf(glob)(`${path}.other`)).toBe(false);
  });
});

describe('a schema that never ends', () => {
  test.each<[string, Parameters<typeof answerProblems>[0], unknown]>([
    ['by its pattern', { type: 'object', properties: { a: { type: 'string', pattern: '^(a+)+$' } } }, { a: `${'a'.repeat(60)}b` }],
    ['by a reference to itself', { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/a' } } }, {}],
  ])('%s is an error of the script', (_how, schema, answer) => {
    expect(() => answerProblems(schema)(answer)).toThrow(expect.objectContaining({ kind: 'script' }));
  });

  test('by its depth is an error of the script', () => {
    let schema: Parameters<typeof answerProblems>[0] = { type: 'string' };
    for (let depth = 0; depth < 5_000; depth += 1) schema = { type: 'array', items: schema };
    expect(() => answerProblems(schema)([])).toThrow(expect.objectContaining({ kind: 'script' }));
  });

  test('by its keys reaches no prototype', () => {
    const schema = JSON.parse('{"type":"object","properties":{"__proto__":{"type":"string"},"constructor":{"type":"object"}}}');
    answerProblems(schema)(JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'));
    expect('polluted' in {}).toBe(false);
  });
});

const LONG = 65_000;
const BOMBS: Readonly<Record<string, string>> = {
  'quotes in quotes': '> '.repeat(LONG / 2),
  'quotes without spaces': '>'.repeat(LONG),
  'lists in lists': '1. '.repeat(LONG / 3),
  'lists in quotes': '> - '.repeat(LONG / 4),
  'many quotes of many quotes': `${'> '.repeat(31)}a\n`.repeat(LONG / 64),
  'many lists of many lists': `${'- '.repeat(31)}a\n`.repeat(LONG / 64),
  emphasis: '__a_b'.repeat(LONG / 5),
  brackets: '['.repeat(LONG),
  images: '![a]('.repeat(LONG / 5),
  'code spans': Array.from({ length: 350 }, (_, ticks) => '`'.repeat(ticks)).join(' '),
  'html comments': '<!--'.repeat(LONG / 4),
  tags: '<a '.repeat(LONG / 3),
  'a wide table': `${'|a'.repeat(LONG / 4)}\n${'|-'.repeat(LONG / 4)}\n`,
  'definitions of links': '[a]: b\n'.repeat(LONG / 7),
  'many headings': 'a\n-\n'.repeat(LONG / 4),
  'tags that are not closed': '<div\n'.repeat(LONG / 5),
  'instructions that are not closed': 'a<?'.repeat(LONG / 3),
  'declarations that are not closed': 'a<!a'.repeat(LONG / 4),
  'line ends': '\n'.repeat(LONG),
  'open quotation marks': `/workflow migrate ${'"a '.repeat(LONG / 4)}`,
  flags: `/workflow migrate ${'--a="'.repeat(LONG / 6)}`,
};

describe('a comment of any stranger', () => {
  test.each(Object.entries(BOMBS))('with %s is read in time, and nothing is thrown', (_what, bomb) => {
    const begun = performance.now();
    for (const text of [bomb, `/workflow help\n\n${bomb}`, `${bomb}\n\n/workflow help`]) expect(parseComment(text)).toBeDefined();
    expect(performance.now() - begun).toBeLessThan(3_000);
  });

  // Whatever a quick machine would make of it in time.
  test.each(['> ', '- ', '1. '])('with %s in itself deeper than anybody writes is not read as Markdown', (mark) => {
    expect(parseComment(`/workflow help\n\n${mark.repeat(39)}a`)).toMatchObject({ kind: 'command' });
    expect(parseComment(`/workflow help\n\n${mark.repeat(40)}a`)).toEqual({ kind: 'none' });
  });

  test.each(Object.entries(BOMBS))('with %s is made visible in time', (_what, bomb) => {
    const begun = performance.now();
    expect(visibleMarkdown(bomb).text).toBeDefined();
    expect(performance.now() - begun).toBeLessThan(3_000);
  });
});

test.each(['a<?', 'a<!--', 'a<!a'])('a text that begins %s two hundred thousand times is made visible in time', (piece) => {
  const begun = performance.now();
  expect(visibleMarkdown(piece.repeat(200_000)).text).toBe(piece.repeat(200_000));
  expect(performance.now() - begun).toBeLessThan(5_000);
});

test.each(['_a*', '~a~~', '*a **', '[a](', '**a_'])('prose of a model with %s ten thousand times is posted in time', (piece) => {
  const begun = performance.now();
  expect(prose(piece.repeat(10_000))).toMatch(/^```/u);
  expect(performance.now() - begun).toBeLessThan(2_000);
});

test('a page of elements that are never closed is not parsed, and an ordinary one is', () => {
  const begun = performance.now();
  expect(syntaxOf('a.html', '<a>'.repeat(100_000))).toEqual({ kind: 'no-parser' });
  expect(performance.now() - begun).toBeLessThan(2_000);
  expect(syntaxOf('a.html', `<ul>${'<li>x<br></li>'.repeat(1_000)}</ul>`)).toEqual({ kind: 'parses' });
});

test('what takes no time is given its answer, and what it throws is thrown', () => {
  expect(within(1_000, () => within(1_000, () => 3))).toBe(3);
  expect(() =>
    within(1_000, () => {
      throw new RangeError('mine');
    }),
  ).toThrow(RangeError);
});

describe('a script that is nested for ever', () => {
  const META = "export const meta = {name: 'x', description: 'x'};\n";
  test.each([
    ['brackets', '['.repeat(150_000)],
    ['blocks', '{'.repeat(150_000)],
    ['templates', '`${'.repeat(100_000)],
    ['arrows', 'a=>'.repeat(150_000)],
    ['sums', `return ${'1+'.repeat(150_000)}1`],
    ['meta', ''],
  ])('%s is refused with words', (what, body) => {
    const source = what === 'meta' ? `export const meta = ${'['.repeat(150_000)}` : META + body;
    expect(() => parseScript(source)).toThrow(expect.objectContaining({ kind: 'script' }));
  });
});
