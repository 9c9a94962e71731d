import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { markdown } from '../../../src/local/pages/markdown.ts';
import { sanitise } from '../../../src/local/pages/sanitise.ts';

const AROUND = {
  repositoryUrl: 'http://here/acme/widgets',
  pageOf: (number: number) => (number === 7 ? 'http://here/acme/widgets/issues/7' : null),
  profileOf: (login: string) => (login === 'alice' ? 'http://here/alice' : null),
};

const shown = (text: string): string => markdown(text, AROUND).text;

test('tables, task lists, folded details and small print are kept', () => {
  const text =
    '| A | B |\n|---|--:|\n| `x` | 1 |\n\n- [x] done\n\n<details open>\n<summary>More</summary>\n\n**bold**\n\n</details>\n\n<sub>small</sub>';
  const html = shown(text);
  for (const kept of [
    '<td align="right">1</td>',
    '<input checked="" disabled="" type="checkbox">',
    '<details open=""><summary>',
    '<strong>bold</strong>',
    '<sub>small</sub>',
  ]) {
    expect(html.replaceAll(/>\s+</gu, '><')).toContain(kept);
  }
});

test('references become links where there is something, and nowhere else', () => {
  const commit = 'a'.repeat(40);
  expect(shown('see #7 by @alice')).toContain('href="http://here/acme/widgets/issues/7"');
  expect(shown('see #7 by @alice')).toContain('href="http://here/alice"');
  expect(shown(`at ${commit}`)).toContain(`href="http://here/acme/widgets/commit/${commit}"`);
  for (const plain of ['#8', '@bob', '`#7`', 'a@alice', '@\u200Balice', '@alice-too']) expect(shown(plain)).not.toContain('<a');
  expect(shown('[#7](http://elsewhere/)').match(/<a /gu)).toHaveLength(1);
});

test('a diff is coloured and stays text', () => {
  const html = shown('```diff\n- <b>old</b>\n+ new\n same\n```');
  expect(html).toContain('<span class="line-removed">- &lt;b&gt;old&lt;/b&gt;</span>');
  expect(html).toContain('<span class="line-added">+ new</span>\n same');
});

test.each([
  ['<script>alert(1)</script>', '&lt;script&gt;alert(1)&lt;/script&gt;'],
  ['a <!-- hidden --> b', 'a  b'],
  ['a <!-- never ends', 'a '],
  ['<img src=x onerror=alert(1)>', ''],
  ['<b onclick="x()" style="a">t</b>', '<b>t</b>'],
  ['<a href="javascript:alert(1)">t</a>', '<a>t</a>'],
  ['<a href="java&#115;cript:alert(1)">t</a>', '<a>t</a>'],
  ['<a href="//elsewhere/">t</a>', '<a>t</a>'],
  ['<a href="https://x/?a=1&amp;b=2">t</a>', '<a href="https://x/?a=1&amp;b=2" rel="nofollow noopener">t</a>'],
  ['<div class="merge">t</div>', '<div>t</div>'],
  ['</div></details>t', 't'],
  ['<details><b>t', '<details><b>t</b></details>'],
  ['<b><i>t</b>u</i>', '<b><i>t</i></b>u'],
  ['<input type="text" name="p">', '<input>'],
  ['1 < 2', '1 &lt; 2'],
  ['<b title="><script>">t</b>', '<b>&lt;script&gt;">t</b>'],
])('%s', (from, to) => expect(sanitise(from)).toBe(to));

test('whatever is written, only harmless elements come out, each closed in its place', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      '<',
      '>',
      '"',
      "'",
      '</',
      '<!--',
      '-->',
      '<div',
      '<b>',
      '</b>',
      '<details>',
      '</details>',
      '<script',
      '</p>',
      '<td>',
      ' href=',
      '\n\n',
      '`',
    ),
    fc.constantFrom('javascript:', 'onclick=x', '<a href="/x">', '<svg onload=1>', '&lt;', '**', '- ', '| a |', '#7'),
    fc.string({ maxLength: 6 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const html = shown(pieces.join(''));
      const open: string[] = [];
      for (const [, slash, name = '', rest = ''] of html.matchAll(/<(\/?)([a-z][\w-]*)([^<>]*)>/giu)) {
        expect(name).not.toMatch(/^(?:script|style|img|svg|iframe|form|link|meta|object)$/iu);
        expect(rest).not.toMatch(/ on\w+=|javascript:/iu);
        if (slash === '/') expect(open.pop()).toBe(name);
        else if (!['br', 'hr', 'input'].includes(name)) open.push(name);
      }
      expect(open).toEqual([]);
      expect(html.replaceAll(/<\/?[a-z][^<>]*>/giu, '')).not.toContain('<');
    }),
    { numRuns: 500 },
  );
});
