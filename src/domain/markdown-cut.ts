import { count } from './amounts.ts';
const FENCE = /^ {0,3}(`{3,}|~{3,})/u;

/** The fence with which a line begins; empty without one. */
export function fenceOf(text: string): string {
  return FENCE.exec(text)?.[1] ?? '';
}

/** The line that opened the fence in which the next line stands; null outside of one. */
export function openAfter(text: string, open: string | null): string | null {
  const ticks = fenceOf(text);
  if (open === null) return ticks === '' ? null : text;
  const ends = ticks.startsWith(fenceOf(open)) && text.trim() === ticks;
  return ends ? null : open;
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
    `${shown}${open === null ? '' : `\n${fenceOf(open)}`}${'\n\n</details>'.repeat(Math.max(0, folds))}`,
    `*Cut here: ${count(left, 'more character does', 'more characters do')} not fit into what GitHub accepts.*`,
  ].join('\n\n');
}
