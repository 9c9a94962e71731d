import { array, assert, property, stringMatching } from 'fast-check';
import { marked } from 'marked';
import { describe, expect, it } from 'vitest';
import { count, duration } from '../../src/domain/amounts.ts';
import { block, BODY_LIMIT, clip, code, line, link, paragraphs, table, details } from '../../src/report/markdown.ts';
import { cutMarkdown } from '../../src/domain/markdown-cut.ts';
import { inertMarkdown } from '../../src/report/inert.ts';
import { parts } from '../../src/report/parts.ts';
import { acting, HOSTILE } from './support.ts';

describe('what others wrote', () => {
  it('is seen to act when it is posted as it stands', () => {
    expect(acting(HOSTILE)).toEqual(expect.arrayContaining(['@everyone', '#12', 'GH-13', '<script>', '![x](http://evil/i.png)']));
  });

  it.each([
    ['a line', line(HOSTILE)],
    ['inline code', code(HOSTILE)],
    ['a fence', block(HOSTILE, 'js')],
    ['a row', table(['a', 'b'], [[line(HOSTILE), code(HOSTILE)]])],
  ])('does nothing as %s', (_what, text) => {
    expect(acting(text)).toEqual([]);
  });

  it('stays one row of its table, and one line', () => {
    const rows = table(['a', 'b'], [[line(HOSTILE), code(HOSTILE)]]).split('\n');
    expect(rows).toHaveLength(3);
    expect(rows[2]?.replaceAll(String.raw`\|`, '').match(/\|/gu)).toHaveLength(3);
    expect(line('one\n\ntwo')).toBe('one two');
  });

  it('ends a code span in which it is cut', () => {
    expect(line('Create `near.js`. It exports `near(actual, expected)`.', 40)).toBe('Create `near.js`. It exports `near(actu…`');
    expect(line('Create a helper that compares.', 20)).toBe('Create a helper tha…');
  });

  it('hides nothing: invisible and turning characters are taken out of prose, and shown by number in code', () => {
    expect(line('a\u202Eb\u200Bc\u2066d')).toBe('abcd');
    expect(code('a\u202Eb')).toBe('`a⟦U+202E⟧b`');
    expect(block('a\u202Eb')).toBe('```\na⟦U+202E⟧b\n```');
  });
});

describe('numbers', () => {
  it.each([
    [count(1, 'shard'), '1 shard'],
    [count(1200, 'push', 'pushes'), '1,200 pushes'],
    [duration(42.4), '42 s'],
    [duration(185), '3 min'],
    [duration(7500), '2 h 5 min'],
    [duration(3600), '1 h'],
    [duration(60), '1 min'],
    [duration(7200), '2 h'],
    [clip('abcdef', 4), 'abc…'],
    [clip('abcd', 4), 'abcd'],
  ])('%s', (shown, expected) => {
    expect(shown).toBe(expected);
  });
});

describe('parts', () => {
  it('are one where it fits', () => {
    expect(parts('one\ntwo')).toEqual(['one\ntwo']);
    expect(BODY_LIMIT).toBeLessThan(65_536);
  });

  it('are cut at line ends, bounded, and lose nothing', () => {
    const text = array(stringMatching(/^[a-z ]{0,60}$/u), { maxLength: 40 }).map((lines) => lines.join('\n'));
    assert(
      property(text, (whole) => {
        const found = parts(whole, 50);
        expect(found.every((part) => part.length <= 50)).toBe(true);
        expect(found.join('').replaceAll('\n', '')).toBe(whole.replaceAll('\n', ''));
      }),
    );
  });

  it.each([
    ['a quote', (code: string) => code.replaceAll(/^/gmu, '> ')],
    ['a list item', (code: string) => `- ${code.replaceAll('\n', '\n  ')}`],
    ['an item after its text', (code: string) => `1. First\n\n   ${code.replaceAll('\n', '\n   ')}`],
    ['a list in a list', (code: string) => `- a\n  - b\n\n    ${code.replaceAll('\n', '\n    ')}`],
    ['a quote in a list', (code: string) => `- > ${code.replaceAll('\n', '\n  > ')}`],
  ])('end a fence within %s and begin it again', (_where, within) => {
    const lines = Array.from({ length: 60 }, (_, at) => `${at} @everyone ![x](http://evil/i.png) <b>`);
    for (const text of [lines.join('\n'), lines.join(' ')]) {
      const whole = inertMarkdown(`Before.\n\n${within(`\`\`\`js\n${text}\n\`\`\``)}\n\nAfter \`\`\`a\`\`b\`\`\`.`);
      expect(acting(whole)).toEqual([]);
      const found = parts(whole, 400);
      expect(found.length).toBeGreaterThan(3);
      expect(found.flatMap((part) => acting(part))).toEqual([]);
      expect(found.at(-1)).toContain('After');
      for (let limit = 100; limit < whole.length; limit += 97) expect(acting(cutMarkdown(whole, limit))).toEqual([]);
    }
  });

  // Minutes where a row of ticks is tried at each of its lengths.
  it('are found in a line of a million ticks too', () => {
    const found = parts(`${'~'.repeat(1_000_000)}\``, 60_000);
    expect(found.length).toBeGreaterThan(15);
  });

  it('end a fence that is cut and begin it again, so that what was code stays code', () => {
    const script = Array.from({ length: 60 }, (_, at) => `// ${at} @everyone <b>`).join('\n');
    const found = parts(`Before.\n\n${block(script, 'js')}\n\nAfter.`, 300);
    expect(found.length).toBeGreaterThan(3);
    expect(found.flatMap((part) => acting(part))).toEqual([]);
    expect(found.every((part) => part.length <= 300)).toBe(true);
    expect(found[1]).toMatch(/^```js\n\/\/ /u);
    expect(found.join('\n').replaceAll(/\n```\n```js\n/gu, '\n')).toBe(`Before.\n\n${block(script, 'js')}\n\nAfter.`);
  });
});

describe('a fold with a table that is cut', () => {
  const rows = Array.from({ length: 60 }, (_, at) => [`row ${at}`, 'x'.repeat(20)]);
  const whole = paragraphs(
    'Before.',
    details('60 shards in order', table(['Shard', 'Files'], rows)),
    details('Script', block('a\nb', 'js')),
    'After.',
  );
  const found = parts(whole, 400);

  it('is a fold with a table in each part, with its summary and head, and no row is lost', () => {
    expect(found.length).toBeGreaterThan(4);
    const seen: string[] = [];
    for (const part of found) {
      expect(part.length).toBeLessThanOrEqual(400);
      expect(part.match(/<details>/gu)?.length ?? 0).toBe(part.match(/<\/details>/gu)?.length ?? 0);
      for (const token of marked.lexer(part)) {
        if (token.type === 'paragraph') expect(token.raw).not.toMatch(/^\|/mu);
        if (token.type === 'table') {
          expect(token['header']).toMatchObject([{ text: 'Shard' }, { text: 'Files' }]);
          expect(token['rows']).not.toEqual([]);
          for (const [cell] of token['rows'] as { text: string }[][]) seen.push(cell?.text ?? '');
        }
      }
    }
    expect(seen).toEqual(rows.map(([name]) => name));
    expect(found[1]).toMatch(/^<details>\n<summary>60 shards in order \(continued\)<\/summary>\n\n\| Shard \| Files \|\n/u);
    expect(found[2]).toContain('<summary>60 shards in order (continued)</summary>');
  });

  it('is bounded and balanced at every limit', () => {
    for (let limit = 260; limit < 700; limit += 7)
      for (const part of parts(whole, limit)) {
        expect(part.length).toBeLessThanOrEqual(limit);
        expect(part.match(/<details>/gu)?.length ?? 0).toBe(part.match(/<\/details>/gu)?.length ?? 0);
        expect(part).not.toMatch(/\| --- \| --- \|\n*(?:<|$)/u);
      }
  });
});

describe('a link', () => {
  const home = 'https://github.example/acme/widgets/pull/1';

  it('leads to the host of the pull request alone', () => {
    expect(link('✅ success', 'https://github.example/acme/widgets/runs/1?a=(b)', home)).toBe(
      '[✅ success](https://github.example/acme/widgets/runs/1?a=%28b%29)',
    );
  });

  it.each([
    'https://evil.example/x',
    'javascript:alert(1)',
    'https://github.example@evil.example/',
    'not an address',
    'http://github.example:81/',
  ])('to %s is words', (url) => {
    expect(link('❌ failure', url, home)).toBe(`❌ failure \`${url}\``);
  });
});
