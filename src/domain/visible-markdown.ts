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
  // So deep, nobody reads it: then all of it counts as prose.
  const parts = isDeep(plain.text) ? [{ type: 'paragraph', raw: plain.text }] : new Lexer().blockTokens(plain.text);
  const text = parts
    .map((token) => (token.type === 'code' ? token.raw : seen(token.raw, (kind) => found.set(kind, (found.get(kind) ?? 0) + 1))))
    .join('');
  return { text, hidden: addHidden(plain.hidden, found) };
}

/** From left to right, so that what begins first decides, as in Markdown: code spans, comments, tags, images, links with titles, definitions with titles. */
const PARTS = new RegExp(
  [
    '(?<code>(?<!`)(?<ticks>`+)(?!`)[^]*?(?<!`)\\k<ticks>(?!`))',
    '(?<comment><!--[^]*?-->|(?<=^ {0,3})<!--[^]*(?![^])|<\\?[^]*?\\?>|<![A-Za-z][^>]*>)',
    '<(?<tag>/?[A-Za-z][\\w-]*)(?<attributes>\\s[^<>]*?)(?<end>/?>)',
    '!\\[(?<alt>(?:[^[\\]]|\\[[^[\\]]{0,200}\\]){0,4000})\\](?=[(\\[])',
    '(?=[ \\t\\n])(?<=\\]\\([^()\\s]{0,2000}|\\]:[ \\t]*[^\\s]{1,2000})(?<title>[ \\t\\n]+(?:"[^"]*"|\'[^\']*\'|\\([^()]*\\)))(?=[ \\t]*(?:\\)|\\n|(?![^])))',
  ].join('|'),
  'gmu',
);

function seen(markdown: string, told: (kind: string) => void): string {
  return markdown.replaceAll(PARTS, (...match) => {
    const [whole] = match;
    const part: Readonly<Record<string, string | undefined>> = match.at(-1);
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
  });
}
