import { closingOf, marginWithin, openAfter } from '../domain/markdown-cut.ts';
import { BODY_LIMIT } from './markdown.ts';

/** What is open at some place of Markdown of ours. */
interface Open {
  /** The line that opened the fence; null outside of one. */
  readonly fence: string | null;
  /** What the summaries of folds say, outermost first. */
  readonly folds: readonly string[];
  /** The head of the table and the line below it; empty outside of one. */
  readonly head: readonly string[];
}

const NOTHING: Open = { fence: null, folds: [], head: [] };

/** Lines that are not parted: a head, a fold's or a fence's beginning with the line after it. */
interface Unit {
  readonly lines: readonly string[];
  readonly after: Open;
}

/** Most that opening again adds to the text of what was open. */
const SLACK = 100;

/**
 * Parts of at most `limit` characters, cut at line ends, each a comment that stands alone: a fence, a fold or a table that is cut ends there and begins again in the next
 * part, with its language, summary or head. A line that is too long for a part is cut too.
 */
export function parts(text: string, limit = BODY_LIMIT): readonly string[] {
  const found: string[] = [];
  let current: string[] = [];
  let length = 0;
  let open = NOTHING;
  for (const { lines, after } of unitsOf(text, limit)) {
    const more = lengthOf(lines);
    const begun = current.length > 0;
    if (begun && length + more + lengthOf(closing(after)) > limit) {
      found.push([...current, ...closing(open)].join('\n'));
      const blank = lines.every((line) => line === '');
      current = [...opening(blank ? after : open)];
      length = lengthOf(current);
      if (blank) {
        open = after;
        continue;
      }
    }
    current.push(...lines);
    length += more;
    open = after;
  }
  return [...found, current.join('\n')];
}

function lengthOf(lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + line.length + 1, 0);
}

function closing({ fence, folds }: Open): readonly string[] {
  return [...(fence === null ? [] : [closingOf(fence)]), ...folds.flatMap(() => ['', '</details>'])];
}

function opening({ fence, folds, head }: Open): readonly string[] {
  const begun = folds.flatMap((summary) => ['<details>', `<summary>${summary} (continued)</summary>`, '']);
  return [...begun, ...head, ...(fence === null ? [] : [fence])];
}

function* unitsOf(text: string, limit: number): Generator<Unit> {
  const held: string[] = [];
  let open = NOTHING;
  for (const line of text.split('\n')) {
    const before = open;
    open = after(line, before);
    if (begins(line, before, open) || (line === '' && held.length > 0 && open.fence === null)) {
      held.push(line);
      continue;
    }
    const room = Math.max(limit / 2, limit - lengthOf(opening(open)) - lengthOf(closing(open)) - SLACK);
    const margin = open.fence === null ? '' : marginWithin(open.fence);
    const [first = '', ...others] = piecesOf(line, room - margin.length);
    yield { lines: [...held.splice(0), first], after: open };
    // Without it, what follows would leave the quote or the list, and its fence with that.
    for (const piece of others) yield { lines: [`${margin}${piece}`], after: open };
  }
  if (held.length > 0) yield { lines: held, after: open };
}

function piecesOf(line: string, room: number): readonly string[] {
  return line.length <= room ? [line] : (line.match(new RegExp(`.{1,${Math.floor(room)}}`, 'gsu')) ?? ['']);
}

/** Whether a line is the beginning of something that the next line is part of. */
function begins(line: string, before: Open, after: Open): boolean {
  if (before.fence !== null) return false;
  if (after.fence !== null || after.folds.length > before.folds.length || /^(?:<summary>|#{1,6} )/u.test(line)) return true;
  return after.head.length > before.head.length;
}

function after(line: string, open: Open): Open {
  const fence = openAfter(line, open.fence);
  if (open.fence !== null || fence !== null) return { ...open, fence, head: [] };
  if (line === '<details>') return { fence, folds: [...open.folds, ''], head: [] };
  if (line === '</details>') return { fence, folds: open.folds.slice(0, -1), head: [] };
  const summary = /^<summary>(.*)<\/summary>$/u.exec(line)?.[1];
  if (summary !== undefined) return { fence, folds: [...open.folds.slice(0, -1), summary], head: [] };
  if (!line.startsWith('|')) return { ...open, fence, head: [] };
  return { ...open, fence, head: open.head.length < 2 ? [...open.head, line] : open.head };
}
