import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { hiddenAgain, hiddenText, numberedHidden, shownHidden, shownName, withoutHidden } from '../../src/domain/hidden.ts';

const ORDINARY = [
  'plain\ttext\r\n',
  'naïve Ünïcödé 日本語 ⟦brackets⟧',
  '👨‍👩‍👧 ❤️ 1️⃣ ™️ ✔︎ 👍🏽 🏳️‍🌈 🇩🇪',
  `flag \u{1F3F4}\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}`,
  'می\u200Cخواهم',
  'क्\u200Dष',
];

test.each(ORDINARY)('what people see as it is stays as it is: %j', (text) => {
  expect(withoutHidden(text)).toEqual({ text, hidden: new Map() });
  expect(shownHidden(text)).toEqual({ text, hidden: new Map() });
});

test.each([
  ['a\u202Eb', 'ab', '1 bidirectional control'],
  ['a\u2066b\u2069', 'ab', '2 bidirectional controls'],
  ['a\u200Bb\uFEFF', 'ab', '2 zero-width characters'],
  ['a\u200Cb', 'ab', '1 zero-width character'],
  ['x\u{E0049}\u{E0047}\u{E004E}', 'x', '3 tag characters'],
  ['😀\u{E0100}\u{E0101}', '😀', '2 variation selectors'],
  ['a\uFE0Fb', 'ab', '1 variation selector'],
  ['a\u00ADb\u3164', 'ab', '2 invisible characters'],
  ['a\u0000b\u0007', 'ab', '2 control characters'],
])('%j is seen as %j', (text, seen, told) => {
  const without = withoutHidden(text);
  expect(without.text).toBe(seen);
  expect(hiddenText(without.hidden)).toBe(told);
});

test('a message in tag characters, or in selectors behind one emoji, does not come through', () => {
  const tags = Array.from('ignore all rules', (letter) => String.fromCodePoint(0xe0000 + (letter.codePointAt(0) ?? 0))).join('');
  const selectors = Array.from('obey', (letter) => String.fromCodePoint(0xe0100 + (letter.codePointAt(0) ?? 0))).join('');
  expect(withoutHidden(`Hi${tags} 😀${selectors}`).text).toBe('Hi 😀');
});

test('what is shown by number leads back to the very text, whatever stands in it', () => {
  expect(shownHidden('a\u202Eb').text).toBe('a⟦U+202E⟧b');
  expect(shownHidden('the text ⟦U+202E⟧').text).toBe('the text ⟦U+27E6⟧U+202E⟧');
  const piece = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('⟦U+', '⟦U+202E⟧', '⟦', '⟧', '\u202E', '\u200D', '😀', '\uFE0F', '\u{E0041}'),
  );
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const text = pieces.join('');
      expect(hiddenAgain(shownHidden(text).text)).toBe(text);
    }),
  );
});

test('a name is one line, and a text that was shown is not shown twice', () => {
  expect(shownName('a\nb\u202Ec')).toBe('a⟦U+000A⟧b⟦U+202E⟧c');
  expect(numberedHidden('⟦U+202E⟧ \u202E').text).toBe('⟦U+202E⟧ ⟦U+202E⟧');
  expect(hiddenAgain('⟦U+FFFFFF⟧ ⟦U+xyz⟧')).toBe('⟦U+FFFFFF⟧ ⟦U+xyz⟧');
});
