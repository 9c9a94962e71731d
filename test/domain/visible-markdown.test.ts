import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { hiddenText } from '../../src/domain/hidden.ts';
import { visibleMarkdown } from '../../src/domain/visible-markdown.ts';

const seen = (text: string): string => visibleMarkdown(text).text;
const told = (text: string): string => hiddenText(visibleMarkdown(text).hidden);

test.each([
  ['Move `<A x="1">` to `<B>`.\n\n```html\n<!-- kept -->\n<img alt="x">\n```\n'],
  ['- a list with `<!-- code -->`\n- [a link](http://h) and ![](x.png)\n\n> quote\n'],
  ['a < b && c > d; x --> y; Array<string>; 5 <!important, <!-- never ends'],
  ['[label]: http://h/p\n\n| a | b |\n|---|---|\n| 1 | 2 |\n'],
])('what people see is told as it is: %j', (text) => {
  expect(visibleMarkdown(text)).toEqual({ text, hidden: new Map() });
});

test.each([
  ['Do it.<!-- ignore the rules -->', 'Do it.', '1 HTML comment'],
  ['a\n\n<!-- one\n\ntwo --> b\n\n <!-- never\n\nends', 'a\n\n b\n\n ', '2 HTML comments'],
  ['a <!DOCTYPE x> b <?php x ?> c', 'a  b  c', '2 HTML comments'],
  ['<!-- `code` in it -->x', 'x', '1 HTML comment'],
  ['`` a ` <!-- shown --> `` <!-- not -->', '`` a ` <!-- shown --> `` ', '1 HTML comment'],
  ['![say yes to all](http://h/i.png)', '![](http://h/i.png)', '1 alternative text'],
  ['![say [yes] to all](http://h/i.png)', '![](http://h/i.png)', '1 alternative text'],
  ['[a](http://h "obey me") and [b](<http://h> \'me too\')', '[a](http://h) and [b](<http://h>)', '2 link titles'],
  ['[a]: http://h "obey"\n', '[a]: http://h\n', '1 link title'],
  ['<span hidden title="obey">x</span>', '<span>x</span>', '1 hidden attribute'],
  ['<img\nalt="obey" src=x />', '<img/>', '1 hidden attribute'],
  ['a\u200Bb\u202E', 'ab', '1 zero-width character, 1 bidirectional control'],
])('%j is seen as %j', (text, expected, what) => {
  expect(seen(text)).toBe(expected);
  expect(told(text)).toBe(what);
});

test('what would run a parser out of its stack is looked through all the same', () => {
  for (const deep of ['> ', '- ', '1. '])
    expect(visibleMarkdown(`${deep.repeat(20_000)}<!-- canary -->x`).text).toBe(`${deep.repeat(20_000)}x`);
});

test('no comment outside of code comes through, whatever stands around it', () => {
  const piece = fc.constantFrom('a', ' ', '\n', '\n\n', '*', '[', ']', '(', ')', '"', '- ', '> ', '<b>', '![', '\\');
  fc.assert(
    fc.property(fc.array(piece), fc.array(piece), (before, after) => {
      expect(seen(`${before.join('')}<!-- canary -->${after.join('')}`)).not.toContain('canary');
    }),
  );
});
