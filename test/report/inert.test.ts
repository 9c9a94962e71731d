import * as fc from 'fast-check';
import { marked } from 'marked';
import { describe, expect, test } from 'vitest';
import { markdown } from '../../src/local/pages/markdown.ts';
import { block, code, details, line, paragraphs, prose, table, plainLine } from '../../src/report/markdown.ts';

/** Pieces that act on GitHub, and what could make them act again: signs that open, close and join. */
const PIECES = [
  '@everyone',
  '@org/team',
  '@dependabot merge',
  '\\@bob',
  '&#64;carol',
  '#12',
  '\\#12',
  'o/r#3',
  'GH-13',
  'gh-14',
  'fixes #15',
  'closes GH-16',
  '/workflow stop',
  '/approve',
  '/lgtm cancel',
  '.deploy',
  '!merge',
  '\n/merge',
  '\n  /approve now',
  '- /retest',
  'https://evil.example/x',
  'http://evil.example',
  'www.evil.example',
  'me@evil.example',
  '<https://evil.example>',
  'ftp://evil.example',
  'mailto:a@evil.example',
  '[a](http://evil.example)',
  '[a]',
  '[a]: http://evil.example',
  '![a](http://evil.example/i.png)',
  '![a][a]',
  '[![a](//evil.example)](//evil.example)',
  '[^1]',
  '[^1]: note',
  '<b>',
  '</details>',
  '<img src=//evil.example>',
  '<!-- converge 0123456789abcdef -->',
  '<!--',
  '-->',
  '<script>',
  '<a href=//evil.example>',
  '<br>',
  '&lt;b&gt;',
  '`',
  '``',
  '```',
  '````js',
  '~~~',
  '~~~~',
  '\\',
  '\\\\',
  '\\`',
  '\\*',
  '\\~',
  '\\_',
  '\\-',
  '\\>',
  '*',
  '**',
  '_',
  '~~',
  '|',
  '||',
  '\n',
  '\n\n',
  '\r\n',
  '    ',
  '\t',
  ' ',
  '> ',
  '- ',
  '1. ',
  '# ',
  '---',
  '===',
  'a',
  'word',
  '$x$',
  '$$',
  '\u202E',
  '\u200B',
  '\u2028',
  '\u{E0041}',
  '```mermaid\nclick A "http://evil.example"\n```',
  '\n|---|---|\n',
  '[x] ',
  ':',
  '](',
  '][',
  ')',
  '(',
  '"',
];

const hostile = fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }).map((pieces) => pieces.join(''));
const AROUND = {
  repositoryUrl: 'http://here.example/acme/widgets',
  profileOf: (login: string) => `/${login}`,
  pageOf: (number: number) => `/issues/${number}`,
};
const OURS = /^<(?:\/?(?:details|summary)|br)>$/u;

/** What acts when a body is rendered by the parser that posts are made with, by the local GitHub, or read line by line by a robot. */
function acting(body: string): readonly string[] {
  const found: string[] = [];
  void marked.walkTokens(marked.lexer(body), (token) => {
    if (token.type === 'html') found.push(...(token.raw.match(/<[^>]*>?/gu) ?? []).filter((tag: string) => !OURS.test(tag)));
    if (token.type === 'image' || token.type === 'link' || token.type === 'def') found.push(token.raw);
    if (token.type === 'code' && /^(?:mermaid|math|geojson)/iu.test(token['lang'] ?? '')) found.push(token.raw);
    if (token.type === 'text' && !('tokens' in token))
      found.push(...(token.raw.match(/@[\w-]+|(?<!&)#\d+|\bGH-\d+|\w:\/\/|\bwww\./giu) ?? []));
  });
  const shown = markdown(body, AROUND).text;
  found.push(...(shown.match(/<a\b[^>]*>|<img[^>]*>|<script/gu) ?? []));
  found.push(
    ...(body.match(/^[ \t]*\/[a-z][\w-]*(?=\s|$)/gimu) ?? []),
    ...(body.match(/[\u202A-\u202E\u2066-\u2069\u2028\u2029\u{E0000}-\u{E007F}]/gu) ?? []),
  );
  return found;
}

test('a summary shows plain text as it is, and no entity of others becomes a sign', () => {
  expect(details(`Output of ${plainLine('`&#x40;octocat` a\n& *b*', 100)}`, '')).toContain(
    '<summary>Output of `&amp;#x40;octocat` a &amp; *b*</summary>',
  );
  expect(details(plainLine('&commat;octocat <b> @octocat', 100), '')).toContain(
    '<summary>&amp;commat;octocat &lt;b> @\u200Boctocat</summary>',
  );
});

test.each([
  ['$`\\href{https://evil.example}{Approve}`$', '\\$`\\href{https://evil.example}{Approve}`\\$'],
  ['$`x`', '\\$`x`'],
  ['`x`$ is', '`x`\\$ is'],
  ['$*a* b$', '\\$*a* b\\$'],
  ['it costs $5', 'it costs $5'],
  ['$5 is it', '$5 is it'],
  ['from $5 to $6', 'from \\$5 to \\$6'],
  ['ends with $', 'ends with \\$'],
  ['\\\\\\$ a $b', '\\\\\\$ a \\$b'],
])('formulas are text, around code too: %s', (text, expected) => {
  expect(prose(text)).toBe(expected);
  expect(line(text)).toBe(expected);
});

test.each([
  ['2\\*3\\*4', '2\\*3\\*4'],
  ['\\_\\_init\\_\\_', '\\_\\_init\\_\\_'],
  ['\\- no list', '\\- no list'],
  ['C\\# 1', 'C\\#\u200B 1'],
  ['a | b, `c | d`, e \\| f', 'a | b, `c | d`, e | f'],
])('what was escaped stays so, and a bar needs none: %s', (text, expected) => {
  expect(line(text)).toBe(expected);
  expect(prose(text)).toBe(expected);
});

test('in a table, and only there, a bar is escaped, in code too', () => {
  expect(table(['a|b'], [[`${line('c | d')} ${code('e|f')}`]])).toBe('| a\\|b |\n| --- |\n| c \\| d `e\\|f` |');
});

test('the pieces act as they stand', () => {
  expect(acting(PIECES.join('\n\n')).length).toBeGreaterThan(30);
});

describe.each([
  ['prose', (text: string) => prose(text)],
  [
    'prose beside other text',
    (text: string) =>
      paragraphs('Before.', prose(text), `${code(text)} after`, '<details>\n<summary>ours</summary>\n\nin it\n\n</details>'),
  ],
  ['a line', (text: string) => `**Why:** ${line(text)} and ${line(text)}`],
  ['a line at the beginning', (text: string) => `${line(text)}\n- ${line(text)}`],
  ['a row', (text: string) => table(['a', 'b'], [[line(text), code(text)]])],
  ['a heading and a summary', (text: string) => `### ${line(text)}\n\n${details(plainLine(text, 300), block(text, 'js'))}`],
  ['inline code', (text: string) => `${code(text)}, ${code(text)}`],
  ['a block', (text: string) => `${block(text)}\n\nafter`],
])('%s', (_name, written) => {
  test('does nothing, whatever is written', () => {
    fc.assert(
      fc.property(hostile, hostile, (one, two) => {
        expect(acting(written(`${one}${two}`))).toEqual([]);
      }),
      { numRuns: 400 },
    );
  });
});

test('what stands after it is not swallowed', () => {
  fc.assert(
    fc.property(hostile, (text) => {
      const tokens = marked.lexer(`${prose(text)}\n\n<details>\n<summary>ours</summary>\n\n</details>`);
      expect(tokens.some((token) => token.type === 'html' && token.raw.includes('<summary>ours</summary>'))).toBe(true);
    }),
  );
});

test('a row stays one row, and a line one line', () => {
  fc.assert(
    fc.property(hostile, (text) => {
      const [parsed] = marked.lexer(table(['a', 'b'], [[line(text), code(text)]]));
      expect(parsed).toMatchObject({ type: 'table', rows: [[expect.anything(), expect.anything()]] });
      expect(line(text)).not.toMatch(/[\r\n]/u);
    }),
  );
});

test('code in prose is the very code', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, unit: 'grapheme-ascii' }), (source) => {
      const written = prose(`Before.\n\n${block(source, 'js')}\n\nAfter.`);
      const found = marked.lexer(written).find(({ type }) => type === 'code');
      expect(found).toMatchObject({
        text: source.replace(/\n+$/u, '').replaceAll(/^([ \t]*)\/(?=[a-z][\w-]*(?:[ \t]|$))/gimu, '$1/\u200B'),
      });
    }),
  );
});

test('what would run a parser out of its stack is shown as code', () => {
  for (const deep of ['> ', '- ', '1. ', '>- ']) expect(prose(`${deep.repeat(20_000)}@x`)).toMatch(/^`{3}/u);
});
