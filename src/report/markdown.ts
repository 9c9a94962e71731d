import { cutMarkdown } from '../domain/markdown-cut.ts';
import { inCell, inertBlock, inertCode, inertLine, inertMarkdown, inHtml } from './inert.ts';

/** Pure Markdown. Everything that comes from people, the model or the repository passes through here before it is posted. */

/** Largest body that is posted: GitHub refuses above 65,536 characters (facts/github.md §4). */
export const BODY_LIMIT = 60_000;

/** More of others' prose than this in one piece is not read, and costs parsers seconds. */
const PROSE_LIMIT = 16_000;

/** Untrusted prose: it keeps its form, and does nothing; code stays as it is. */
export function prose(text: string): string {
  return inertMarkdown(clip(text, PROSE_LIMIT));
}

/** Characters of a line, unless told. */
const LINE_LIMIT = 300;

/** One line of untrusted prose, in the middle of a line of ours. */
export function line(text: string, limit = LINE_LIMIT): string {
  const flat = plainLine(text, Number.POSITIVE_INFINITY);
  return inertLine(flat.length <= limit ? flat : closingCode(clip(flat, limit)));
}

/** A code span that was cut ends there: half of one would be a backtick and words. */
function closingCode(cut: string): string {
  return cut.split('`').length % 2 === 1 ? cut : `${cut}\``;
}

/** Inline code, whatever is in it. */
export function code(text: string): string {
  return inertCode(text);
}

/** A fenced block that its text cannot close. */
export function block(text: string, language = ''): string {
  return inertBlock(text, language);
}

/** A link on the host of `home`; another address is shown beside the words and leads nowhere, for whoever named it may be anybody. */
export function link(words: string, url: string, home: string): string {
  const host = hostOf(url);
  return host !== null && host === hostOf(home)
    ? `[${words}](${new URL(url).href.replaceAll('(', '%28').replaceAll(')', '%29')})`
    : `${words} ${code(clip(url, 200))}`;
}

function hostOf(url: string): string | null {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  return parsed !== null && /^https?:$/u.test(parsed.protocol) ? parsed.host : null;
}

/** One line of plain text, for a summary. */
export function plainLine(text: string, limit: number): string {
  return clip(text.replaceAll(/\s+/gu, ' ').trim(), limit);
}

/** A fold. The summary is plain text, and shown as it is: others' words come from `plainLine`, not from `line`. */
export function details(summary: string, body: string): string {
  return `<details>\n<summary>${inHtml(summary)}</summary>\n\n${body}\n\n</details>`;
}

/** Cells are finished Markdown; here they are made to stay in their cell. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.map(inCell).join(' | ')} |`).join('\n');
}

export function paragraphs(...parts: readonly (string | null)[]): string {
  return parts.filter((part): part is string => part !== null && part !== '').join('\n\n');
}

/** Room for the note that a body was cut, and for what closes it. */
const NOTE_ROOM = 4_000;

/** A whole body of ours, cut where it is longer than what is posted. Finished Markdown is never cut by `clip`. */
export function fitting(body: string): string {
  return body.length <= BODY_LIMIT ? body : cutMarkdown(body, BODY_LIMIT - NOTE_ROOM);
}

/** At most `limit` characters of plain text, told when cut. */
export function clip(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit - 1)}…`;
}
