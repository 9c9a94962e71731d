import { describe, expect, it } from 'vitest';
import { prose } from '../../src/report/markdown.ts';

describe('prose', () => {
  it('leaves code as it is and defuses the rest', () => {
    expect(prose('See `a < b && @types/x` by @alice, #12\n\n```js\nif (a < b && c) {} // @bob\n```\n<b>bold</b>')).toBe(
      'See `a < b && @types/x` by @\u200Balice, #\u200B12\n\n```js\nif (a < b && c) {} // @bob\n```\n\n&lt;b>bold&lt;/b>',
    );
  });

  it.each([
    ['an escaped backtick', '\\`@alice\\`'],
    ['HTML that hides a backtick', '<!-- ` -->`@alice`'],
    ['an unclosed span', '`code @alice'],
  ])('is not misled by %s', (_what, text) => {
    expect(prose(text)).toContain('@\u200Balice');
  });

  it('shows commands and images as text', () => {
    expect(prose('/workflow stop\n\n![x](http://h/i.png)')).toBe('/\u200Bworkflow stop\n\n[image: x]');
  });
});

describe('prose beside other text', () => {
  it('ends a fence that it left open, and only that', () => {
    expect(prose('See\n\n```js\nif (a) {')).toBe('See\n\n```js\nif (a) {\n```');
    expect(prose('~~~~\ncode\n~~~')).toBe('```\ncode\n~~~\n```');
    for (const code of ['~~~\ncode\n~~~~', '    code']) expect(prose(code)).toBe('```\ncode\n```');
    for (const whole of ['```js\ncode\n```', 'text', '']) expect(prose(whole)).toBe(whole);
  });

  it('has no backtick that could find a partner outside of it', () => {
    expect(prose('a `code` b ` c ``')).toBe('a `code` b &#96; c &#96;&#96;');
  });
});
