import { count } from './amounts.ts';

/** A fence's line: what stands before it (blanks, quotes, marks of lists), its ticks, and what follows: no tick, else it is a code span. */
const FENCE = /^((?:[ \t>]|[-*+] |\d{1,9}[.)] )*)(`{3,}|~{3,}(?!~))([^`]*)$/u;

interface Fence {
  readonly margin: string;
  readonly ticks: string;
  readonly info: string;
}

function fenceOf(line: string): Fence | null {
  const [, margin, ticks, info] = FENCE.exec(line) ?? [];
  return margin === undefined || ticks === undefined || info === undefined ? null : { margin, ticks, info };
}

/** The line that opened the fence in which the next line stands, as we write fences: none of their lines can close them. Null outside of one. */
export function openAfter(line: string, open: string | null): string | null {
  const fence = fenceOf(line);
  if (open === null) return fence === null ? null : line;
  const ends = fence !== null && fence.info.trim() === '' && fence.ticks.startsWith(fenceOf(open)?.ticks ?? '');
  return ends ? null : open;
}

/** What every line of a fence begins with that this line opened: its quotes, and blanks for the marks of its lists. */
export function marginWithin(open: string): string {
  return (fenceOf(open)?.margin ?? '').replaceAll(/[^> \t]/gu, ' ');
}

/** The line that closes it. */
export function closingOf(open: string): string {
  return `${marginWithin(open)}${fenceOf(open)?.ticks ?? ''}`;
}

/**
 * The first `limit` characters of Markdown of ours at most, and a note of what is missing. It is cut at the end of a line, or in one before its first backtick: half of a
 * code span would be text, and do what was only shown. Fences and folds that are open are closed.
 */
export function cutMarkdown(text: string, limit: number): string {
  if (text.length <= limit) return text;
  let kept = 0;
  let open: string | null = null;
  let folds = 0;
  for (const line of text.split('\n')) {
    const room = limit - kept;
    if (line.length > room) {
      const tick = line.indexOf('`');
      kept += tick === -1 ? room : Math.min(room, tick);
      break;
    }
    if (open === null && line.startsWith('<details>')) folds += 1;
    if (open === null && line.startsWith('</details>')) folds -= 1;
    open = openAfter(line, open);
    kept += Math.min(room, line.length + 1);
  }
  const shown = text.slice(0, kept).replace(/[\uD800-\uDBFF]$/u, '');
  const left = text.length - shown.length;
  return [
    `${shown}${open === null ? '' : `\n${closingOf(open)}`}${'\n\n</details>'.repeat(Math.max(0, folds))}`,
    `*Cut here: ${count(left, 'more character does', 'more characters do')} not fit into what GitHub accepts.*`,
  ].join('\n\n');
}
