/** Where a quote stands in a text: 1-based first and last line. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Fewer characters than this could stand anywhere and prove nothing. */
const LEAST = 3;

/**
 * All places of a quote in a text, top to bottom. Indentation, blank lines at the ends, and the marks that a diff or a numbered listing puts before lines
 * do not matter; words do. A line of the quote may be a part of its line in the text.
 */
export function findQuote(text: string, quote: string): readonly Span[] {
  const lines = text.split('\n').map(squeeze);
  for (const read of READINGS) {
    const wanted = trimBlank(quote.split('\n').map((line) => squeeze(read(line))));
    if (wanted.join('').replaceAll(/\s/gu, '').length < LEAST) continue;
    const spans = lines.flatMap((_line, at) => (standsAt(lines, wanted, at) ? [{ start: at + 1, end: at + wanted.length }] : []));
    if (spans.length > 0) return spans;
  }
  return [];
}

/** As it is; without a diff's mark; without the number that the read tool puts before a line. */
const READINGS: readonly ((line: string) => string)[] = [
  (line) => line,
  (line) => line.replace(/^[+-]/u, ''),
  (line) => line.replace(/^\s*\d+(?:[:|\t→]|\s{2})\s?/u, ''),
];

function squeeze(line: string): string {
  return line.trim().replaceAll(/\s+/gu, ' ');
}

function trimBlank(lines: readonly string[]): readonly string[] {
  const first = lines.findIndex((line) => line !== '');
  const last = lines.findLastIndex((line) => line !== '');
  return first < 0 ? [] : lines.slice(first, last + 1);
}

function standsAt(lines: readonly string[], wanted: readonly string[], at: number): boolean {
  return wanted.every((want, offset) => {
    const line = lines[at + offset];
    return line !== undefined && (want === '' ? line === '' : line.includes(want));
  });
}
