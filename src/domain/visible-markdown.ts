import { Lexer } from 'marked';
import { isDeep } from './markdown-depth.ts';
import { addHidden, type Hidden, withoutHidden } from './hidden.ts';

/**
 * What a person sees of a comment when GitHub shows it: without HTML comments, images' alternative text, titles of links, attributes of HTML, and characters
 * that are not shown (facts/security.md §3). Code stays as it is, for it is seen. What was taken out is told.
 */
export function visibleMarkdown(source: string): { readonly text: string; readonly hidden: Hidden } {
  const plain = withoutHidden(source.replaceAll(/\r\n?/gu, '\n'));
  const found = new Map<string, number>();
  // So deep, or so many blocks, nobody reads it and a parser takes seconds: then all of it counts as prose.
  const parts =
    isDeep(plain.text) || hasManyBlocks(plain.text) ? [{ type: 'paragraph', raw: plain.text }] : new Lexer().blockTokens(plain.text);
  const text = parts
    .map((token) => (token.type === 'code' ? token.raw : seen(token.raw, (kind) => found.set(kind, (found.get(kind) ?? 0) + 1))))
    .join('');
  return { text, hidden: addHidden(plain.hidden, found) };
}

/** Lines beyond which a text is no matter for a parser of Markdown, which takes their square. */
const MANY_LINES = 6_000;

function hasManyBlocks(text: string): boolean {
  return text.split('\n', MANY_LINES + 1).length > MANY_LINES;
}

/** From left to right, so that what begins first decides, as in Markdown: code spans, comments, tags, images, links with titles, definitions with titles. */
const PARTS = new RegExp(
  [
    '(?<code>(?<!`)(?<ticks>`+)(?!`)[^]*?(?<!`)\\k<ticks>(?!`))',
    '(?<comment><!--|<\\?|<![A-Za-z])',
    '<(?<tag>/?[A-Za-z][\\w-]*)(?<attributes>\\s[^<>]*?)(?<end>/?>)',
    '!\\[(?<alt>(?:[^[\\]]|\\[[^[\\]]{0,200}\\]){0,4000})\\](?=[(\\[])',
    '(?=[ \\t\\n])(?<=\\]\\([^()\\s]{0,2000}|\\]:[ \\t]*[^\\s]{1,2000})(?<title>[ \\t\\n]+(?:"[^"]*"|\'[^\']*\'|\\([^()]*\\)))(?=[ \\t]*(?:\\)|\\n|(?![^])))',
  ].join('|'),
  'gmu',
);

function seen(markdown: string, told: (kind: string) => void): string {
  const parts = new RegExp(PARTS);
  const endOfComment = commentsIn(markdown);
  let text = '';
  let from = 0;
  for (let match = parts.exec(markdown); match !== null; match = parts.exec(markdown)) {
    const part = match.groups ?? {};
    const end = part['comment'] === undefined ? parts.lastIndex : endOfComment(match.index, part['comment']);
    // What is never closed is text; what may begin in it is looked for.
    parts.lastIndex = end ?? match.index + 1;
    if (end === null) continue;
    text += markdown.slice(from, match.index) + shownOf(match[0], part, told);
    from = end;
  }
  return text + markdown.slice(from);
}

function shownOf(whole: string, part: Readonly<Record<string, string | undefined>>, told: (kind: string) => void): string {
  if (part['code'] !== undefined) return whole;
  if (part['comment'] !== undefined) {
    told('HTML comment');
    return '';
  }
  if (part['tag'] !== undefined) {
    told('hidden attribute');
    return `<${part['tag']}${part['end'] ?? '>'}`;
  }
  if (part['alt'] !== undefined) {
    if (part['alt'] !== '') told('alternative text');
    return '![]';
  }
  told('link title');
  return '';
}

/** Where a comment that begins at a place ends; null when it is none. An end that is missing is looked for once: a text can begin thousands of comments. */
function commentsIn(markdown: string): (at: number, opening: string) => number | null {
  const missing = new Set<string>();
  return (at, opening) => {
    const closing = opening === '<!--' ? '-->' : opening === '<?' ? '?>' : '>';
    const found = missing.has(closing) ? -1 : markdown.indexOf(closing, at + opening.length);
    if (found !== -1) return found + closing.length;
    missing.add(closing);
    // Such a one goes to the end, when it begins its line.
    return opening === '<!--' && /(?:^|\n) {0,3}$/u.test(markdown.slice(Math.max(0, at - 4), at)) ? markdown.length : null;
  };
}
