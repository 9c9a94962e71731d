import { count } from './amounts.ts';
/**
 * Characters that a model reads and a person does not see: a text with them says two things. Emoji and the joiners of scripts that are written with them
 * are what they seem, and stay.
 */

export type HiddenKind =
  | 'bidirectional control'
  | 'zero-width character'
  | 'tag character'
  | 'variation selector'
  | 'invisible character'
  | 'control character';

/** What was hidden, by kind, and how often. */
export type Hidden = ReadonlyMap<string, number>;

const KINDS: readonly (readonly [HiddenKind, RegExp])[] = [
  ['bidirectional control', /^[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]$/u],
  ['zero-width character', /^[\u180E\u200B-\u200D\u2060\uFEFF]$/u],
  ['tag character', /^[\u{E0000}-\u{E007F}]$/u],
  ['variation selector', /^(?:[\u180B-\u180D]|\u180F|[\uFE00-\uFE0F]|[\u{E0100}-\u{E01EF}])$/u],
  [
    'invisible character',
    /^(?:\u034F|[\u00AD\u115F\u1160\u17B4\u17B5\u2061-\u2065\u206A-\u206F\u3164\uFFA0\uFFF0-\uFFFB\u{1BCA0}-\u{1BCA3}\u{1D173}-\u{1D17A}])$/u,
  ],
];

const HIDDEN_CLASS =
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  '\\u0000-\\u0008\\u000B\\u000C\\u000E-\\u001F\\u007F-\\u009F\\u00AD\\u034F\\u061C\\u115F\\u1160\\u17B4\\u17B5\\u180B-\\u180F\\u200B-\\u200F\\u202A-\\u202E\\u2060-\\u206F\\u3164\\uFE00-\\uFE0F\\uFEFF\\uFFA0\\uFFF0-\\uFFFB\\u{1BCA0}-\\u{1BCA3}\\u{1D173}-\\u{1D17A}\\u{E0000}-\\u{E01EF}';

/** Cheap: asked of every prompt and post. */
const ANY = new RegExp(`[${HIDDEN_CLASS}]`, 'u');

const JOINED =
  'Arabic Syriac Mongolian Devanagari Bengali Gurmukhi Gujarati Oriya Tamil Telugu Kannada Malayalam Sinhala Khmer Myanmar Tibetan'
    .split(' ')
    .map((script) => `\\p{Script_Extensions=${script}}`)
    .join('');

const tags = (letters: string): string =>
  Array.from(letters, (letter) => String.fromCodePoint(0xe_00_00 + (letter.codePointAt(0) ?? 0))).join('');

/** What is no secret although such characters are in it: flags of three countries, emoji, keycaps, letters that are joined or kept apart. */
const PLAIN = [
  `\\u{1F3F4}(?:${['gbeng', 'gbsct', 'gbwls'].map(tags).join('|')})\\u{E007F}`,
  '\\p{Extended_Pictographic}(?:\\uFE0F|\\uFE0E|\\p{Emoji_Modifier})?(?:\\u200D\\p{Extended_Pictographic}(?:\\uFE0F|\\p{Emoji_Modifier})?){0,4}',
  '[0-9#*]\\uFE0F\\u20E3',
  `(?<=[${JOINED}])[\\u200C\\u200D](?=[${JOINED}])`,
].join('|');
const EACH = new RegExp(`(${PLAIN})|[${HIDDEN_CLASS}]`, 'gu');

const OPEN = '\u27E6';

/** The text without them; what was taken out is told. Separators of lines that people see as such become line ends. */
export function withoutHidden(text: string): { readonly text: string; readonly hidden: Hidden } {
  // oxlint-disable-next-line no-control-regex -- two of them separate lines
  const lines = text.replaceAll(/[\u000B\u000C\u0085\u2028\u2029]/gu, '\n');
  if (!ANY.test(lines)) return { text: lines, hidden: new Map() };
  return replaceHidden(lines, () => '');
}

/**
 * The text with each of them shown by its number, as in `⟦U+202E⟧`; `hiddenAgain` is the exact way back, so that text which was shown like this can be
 * named and edited to the byte.
 */
export function shownHidden(text: string): { readonly text: string; readonly hidden: Hidden } {
  const plain = text.includes(OPEN) ? text.replaceAll(/\u27E6(?=U\+)/gu, numbered) : text;
  if (!ANY.test(plain)) return { text: plain, hidden: new Map() };
  return replaceHidden(plain, numbered);
}

/** A path or a name as one line: line ends in it are shown by their numbers too. */
export function shownName(name: string): string {
  return shownHidden(name).text.replaceAll(/[\t\n\r\u2028\u2029]/gu, numbered);
}

/** Each of them shown by its number, in text where some may stand like that already: for what nobody has to name to the byte. */
export function numberedHidden(text: string): { readonly text: string; readonly hidden: Hidden } {
  return ANY.test(text) ? replaceHidden(text, numbered) : { text, hidden: new Map() };
}

/** The text that `shownHidden` has shown. */
export function hiddenAgain(shown: string): string {
  if (!shown.includes(OPEN)) return shown;
  return shown.replaceAll(/\u27E6U\+([0-9A-F]{4,6})\u27E7/gu, (token, number: string) => {
    const point = Number.parseInt(number, 16);
    return point > 0x10_ff_ff ? token : String.fromCodePoint(point);
  });
}

/** `2 zero-width characters, 1 HTML comment`. */
export function hiddenText(hidden: Hidden): string {
  return [...hidden].map(([kind, found]) => count(found, kind)).join(', ');
}

/** Counts of several texts together. */
export function addHidden(...all: readonly Hidden[]): Hidden {
  const sum = new Map<string, number>();
  for (const hidden of all) for (const [kind, count] of hidden) sum.set(kind, (sum.get(kind) ?? 0) + count);
  return sum;
}

function replaceHidden(text: string, by: (character: string) => string): { readonly text: string; readonly hidden: Hidden } {
  const hidden = new Map<string, number>();
  const replaced = text.replaceAll(EACH, (found, plain: string | undefined) => {
    if (plain !== undefined) return found;
    const kind = KINDS.find(([, pattern]) => pattern.test(found))?.[0] ?? 'control character';
    hidden.set(kind, (hidden.get(kind) ?? 0) + 1);
    return by(found);
  });
  return { text: replaced, hidden };
}

function numbered(character: string): string {
  return `${OPEN}U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}\u27E7`;
}
