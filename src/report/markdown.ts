import { marked } from 'marked';

/** Pure Markdown. Everything that comes from people, the model or the repository passes through here before it is posted. */

/** Largest body that is posted: GitHub refuses above 65,536 characters (facts/github.md §4). */
export const BODY_LIMIT = 60_000;

const ZERO_WIDTH_SPACE = '\u200B';
// Bidirectional controls and invisible characters: what people read must be what is there.
const HIDDEN = /[\u200B-\u200F\u202A-\u202E\u2060-\u2064\u2066-\u2069\uFEFF\u00AD]/gu;

/** Untrusted prose: mentions, references, HTML, images and commands are shown and do nothing; code stays as it is. */
export function prose(text: string): string {
  // Escaped first, and code found in that: then nothing that is taken for code here stops being code on GitHub.
  const escaped = text.replaceAll(HIDDEN, '').replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  let shown = '';
  let at = 0;
  for (const { start, end } of codeIn(escaped)) {
    shown += defuse(escaped.slice(at, start)) + escaped.slice(start, end).replaceAll('&lt;', '<').replaceAll('&amp;', '&');
    at = end;
  }
  return shown + defuse(escaped.slice(at)) + closingOf(escaped);
}

const FENCE = /^ {0,3}(`{3,}|~{3,})/u;

/** What ends the fence that a text left open, so that it swallows nothing of what is posted after it. */
function closingOf(text: string): string {
  const last = marked.lexer(text).at(-1);
  const fence = last?.type === 'code' ? FENCE.exec(last.raw)?.[1] : undefined;
  if (last === undefined || fence === undefined) return '';
  const [, ...rest] = last.raw.trimEnd().split('\n');
  const end = rest.at(-1)?.trim() ?? '';
  const closed = end.length >= fence.length && end === fence.charAt(0).repeat(end.length);
  return closed ? '' : `\n${fence}`;
}

function defuse(text: string): string {
  return (
    text
      .replaceAll(/!\[([^\]]*)\]\([^)]*\)/gu, '[image: $1]')
      .replaceAll(/@(?=[\w-])/gu, `@${ZERO_WIDTH_SPACE}`)
      .replaceAll(/#(?=\d)/gu, `#${ZERO_WIDTH_SPACE}`)
      .replaceAll(/\bGH-(?=\d)/gu, `GH${ZERO_WIDTH_SPACE}-`)
      // One that begins no code here would find its partner in what is posted beside it.
      .replaceAll('`', '&#96;')
      .replaceAll(/^(\s*)\/(?=workflow\b)/gimu, `$1/${ZERO_WIDTH_SPACE}`)
  );
}

/** Code spans and blocks, in order; one whose text is not found as it stands (in a list, dedented) counts as prose, which is safe. */
function codeIn(text: string): readonly { readonly start: number; readonly end: number }[] {
  const ranges: { start: number; end: number }[] = [];
  let from = 0;
  void marked.walkTokens(marked.lexer(text), (token) => {
    if (token.type !== 'code' && token.type !== 'codespan') return;
    const start = text.indexOf(token.raw, from);
    if (start === -1) return;
    from = start + token.raw.length;
    ranges.push({ start, end: from });
  });
  return ranges;
}

/** One line of untrusted prose, for headings and table cells. */
export function line(text: string, limit = 300): string {
  return prose(clip(text.replaceAll(/\s+/gu, ' ').trim(), limit)).replaceAll('|', String.raw`\|`);
}

/** Inline code, whatever is in it. */
export function code(text: string): string {
  const flat = text.replaceAll(HIDDEN, '').replaceAll(/[\r\n]+/gu, ' ');
  const longest = Math.max(0, ...[...flat.matchAll(/`+/gu)].map((match) => match[0].length));
  const ticks = '`'.repeat(longest + 1);
  const pad = flat.startsWith('`') || flat.endsWith('`') || flat === '' ? ' ' : '';
  return `${ticks}${pad}${flat}${pad}${ticks}`;
}

/** Inline code in a table's cell. */
export function cell(text: string): string {
  return code(text).replaceAll('|', String.raw`\|`);
}

/** A fenced block that its text cannot close. */
export function block(text: string, language = ''): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/gu)].map((match) => match[0].length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${text.replace(/\n+$/u, '')}\n${fence}`;
}

export function details(summary: string, body: string): string {
  return `<details>\n<summary>${summary}</summary>\n\n${body}\n\n</details>`;
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

export function paragraphs(...parts: readonly (string | null)[]): string {
  return parts.filter((part): part is string => part !== null && part !== '').join('\n\n');
}

/** At most `limit` characters, told when cut. */
export function clip(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit - 1)}…`;
}

/** `1 shard`, `3 shards`. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString('en-US')} ${number === 1 ? one : many}`;
}

/** `42 s`, `3 min`, `2 h 5 min`. */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Parts of at most `limit` characters, cut at line ends; each is a comment of its own. A fence that is cut ends there and begins again, so that code stays code. */
export function parts(text: string, limit = BODY_LIMIT): readonly string[] {
  const lines = text.split('\n');
  const longest = Math.max(0, ...lines.filter((one) => FENCE.test(one)).map((one) => one.length));
  const room = limit - 2 * (longest + 1);
  const found: string[] = [];
  let current = '';
  let open: string | null = null;
  for (const piece of lines.flatMap((whole) => whole.match(new RegExp(`.{1,${room - 1}}`, 'gsu')) ?? [''])) {
    if (current.length + piece.length + 1 > room + longest) {
      found.push(open === null ? current : `${current}\n${ticksOf(open)}`);
      current = open ?? '';
    }
    current += current === '' ? piece : `\n${piece}`;
    open = openAfter(piece, open);
  }
  return [...found, current];
}

function ticksOf(opening: string): string {
  return FENCE.exec(opening)?.[1] ?? '';
}

/** The line that opened the fence in which the next line stands; null outside of one. */
function openAfter(text: string, open: string | null): string | null {
  const ticks = ticksOf(text);
  if (open === null) return ticks === '' ? null : text;
  const ends = ticks.startsWith(ticksOf(open)) && text.trim() === ticks;
  return ends ? null : open;
}

/** A range of hours of work, in the unit that reads best. */
export function hours({ low, expected, worst }: { readonly low: number; readonly expected: number; readonly worst: number }): string {
  return `${duration(expected * 3_600)} (${duration(low * 3_600)} to ${duration(worst * 3_600)})`;
}
