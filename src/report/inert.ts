import { Lexer, lexer } from 'marked';
import { isDeep } from '../domain/markdown-depth.ts';
import { shownHidden, withoutHidden } from '../domain/hidden.ts';

/**
 * Markdown of others, written anew from what it was parsed to: nothing of it is passed on as it stood, so that it does not matter whether GitHub reads Markdown
 * exactly as our parser does. Prose keeps its form; mentions, references, commands, links, images, HTML and formulas are shown as text; code is code of ours.
 */
export function inertMarkdown(source: string): string {
  const text = withoutHidden(source.replaceAll(/\r\n?/gu, '\n')).text;
  const signs = text.match(/[*_~[]/gu)?.length ?? 0;
  return isDeep(text) || signs > MOST_SIGNS ? inertBlock(text) : blocksOf(lexer(text));
}

/** A parser takes the square of signs that open emphasis and links; with more of them a text is shown as it is. */
const MOST_SIGNS = 1_000;

/** The same for one line, in the middle of a line of ours. */
export function inertLine(source: string): string {
  if (HARMLESS.test(source)) return source;
  return inlineOf(Lexer.lexInline(withoutHidden(source).text)).replaceAll('\n', ' ');
}

/** Words and nothing else: most lines that are posted. */
const HARMLESS = /^[A-Za-z0-9](?:[A-Za-z0-9 ,;'"%+()]|[.:](?= |$))*$/u;

/** Most paths, names and ids. */
const PLAIN_NAME = /^[\w./@:+-]+$/u;

/** Inline code, whatever is in it. */
export function inertCode(text: string): string {
  if (PLAIN_NAME.test(text)) return `\`${text}\``;
  const flat = shownHidden(text.replaceAll(/[\r\n\u2028\u2029]+/gu, ' ')).text;
  const longest = Math.max(0, ...[...flat.matchAll(/`+/gu)].map((match) => match[0].length));
  const ticks = '`'.repeat(longest + 1);
  const pad = flat.startsWith('`') || flat.endsWith('`') || flat.trim() === '' ? ' ' : '';
  return `${ticks}${pad}${flat}${pad}${ticks}`;
}

/** What GitHub draws instead of showing: a drawing can hold links and images. */
const DRAWN = /^(?:mermaid|geojson|topojson|stl|math|latex|tex)$/iu;

/** A fenced block that its text cannot close. Robots read lines and no Markdown: in none of them a command stands at its beginning. */
export function inertBlock(text: string, language = ''): string {
  const shown = shownHidden(text.replaceAll(/\r\n?|[\u2028\u2029]/gu, '\n')).text;
  const longest = Math.max(2, ...[...shown.matchAll(/`+/gu)].map((match) => match[0].length));
  const fence = '`'.repeat(longest + 1);
  const named = /^[\w+#.-]{1,30}$/u.test(language) && !DRAWN.test(language) ? language : '';
  return `${fence}${named}\n${shown.replace(/\n+$/u, '').replaceAll(/^([ \t]*)\/(?=[a-z][\w-]*(?:[ \t]|$))/gimu, `$1/${GAP}`)}\n${fence}`;
}

const GAP = '\u200B';

/** What our parser says of a part of Markdown, as far as it is asked here. */
interface Part {
  readonly type: string;
  readonly raw: string;
  readonly text?: string | undefined;
  readonly tokens?: readonly Part[] | undefined;
  readonly depth?: number | undefined;
  readonly lang?: string | undefined;
  readonly href?: string | undefined;
  readonly ordered?: boolean | undefined;
  readonly start?: number | '' | undefined;
  readonly loose?: boolean | undefined;
  readonly items?: readonly Part[] | undefined;
  readonly checked?: boolean | undefined;
  readonly header?: readonly Cell[] | undefined;
  readonly rows?: readonly (readonly Cell[])[] | undefined;
}

interface Cell {
  readonly tokens: readonly Part[];
}

function blocksOf(parts: readonly Part[], between = '\n\n'): string {
  return parts
    .map(blockOf)
    .filter((block) => block !== '')
    .join(between);
}

function blockOf(part: Part): string {
  const { type, raw, tokens = [] } = part;
  switch (type) {
    case 'space':
      return '';
    case 'heading':
      return `${'#'.repeat(part.depth ?? 1)} ${inlineOf(tokens).replaceAll('\n', ' ')}`;
    case 'code':
      return inertBlock(part.text ?? '', part.lang);
    case 'blockquote':
      return blocksOf(tokens).replaceAll(/^/gmu, '> ');
    case 'list':
      return listOf(part);
    case 'hr':
      return '---';
    case 'table':
      return [part.header ?? [], ...(part.rows ?? [])]
        .map(rowOf)
        .toSpliced(1, 0, `|${' --- |'.repeat(part.header?.length ?? 0)}`)
        .join('\n');
    case 'paragraph':
    case 'text':
    case 'checkbox':
      return inlineOf([part]);
    default:
      return defused(raw.trim(), true);
  }
}

function listOf({ items = [], ordered, start, loose }: Part): string {
  const between = loose === true ? '\n\n' : '\n';
  return items
    .map((item, at) => {
      const mark = ordered === true ? `${Number(start) + at}. ` : '- ';
      const [box, ...rest] = item.tokens ?? [];
      const body = box?.type === 'checkbox' ? `${boxOf(box)}${blocksOf(rest, between)}` : blocksOf(item.tokens ?? [], between);
      return `${mark}${body.replaceAll(/\n(?=.)/gu, `\n${' '.repeat(mark.length)}`)}`;
    })
    .join(between);
}

function boxOf({ checked }: Part): string {
  return checked === true ? '[x] ' : '[ ] ';
}

function rowOf(cells: readonly Cell[]): string {
  const texts = cells.map(({ tokens }) => inCell(inlineOf(tokens).replaceAll('\n', ' ')));
  return `| ${texts.join(' | ')} |`;
}

/** `ours`: code, and signs of form, which stay as they are. */
interface Piece {
  readonly text: string;
  readonly ours: boolean;
}

function inlineOf(parts: readonly Part[]): string {
  let written = '';
  let text = '';
  const pieces = parts.flatMap(piecesOf);
  const formulas = pieces.filter(({ ours }) => !ours).reduce((dollars, piece) => dollars + piece.text.split('$').length - 1, 0) > 1;
  const flush = (): void => {
    if (text !== '') {
      const first = written === '' || written.endsWith('\n');
      // One that stands alone is money, but not beside code of ours, of which it would make a formula.
      const shown = formulas ? text.replaceAll('$', DOLLAR) : text.replace(/\$$/u, DOLLAR).replace(/^\$/u, first ? '$$' : DOLLAR);
      written += defused(shown, first);
    }
    text = '';
  };
  for (const piece of pieces) {
    if (!piece.ours) {
      text += piece.text;
      continue;
    }
    flush();
    // Two codes side by side would be read as one, or as none.
    written += written.endsWith('`') && piece.text.startsWith('`') ? `${GAP}${piece.text}` : piece.text;
  }
  flush();
  return written;
}

/** Of these an escape is kept: written as they are shown they would make emphasis, headings, quotes and lists. */
const SIGN_OF_FORM = /^[*_~#>+=-]$/u;

function piecesOf(part: Part): readonly Piece[] {
  const { type, raw, text = raw, tokens } = part;
  const inside = (tokens ?? []).flatMap(piecesOf);
  const marked = (sign: string): readonly Piece[] => [{ text: sign, ours: true }, ...inside, { text: sign, ours: true }];
  switch (type) {
    case 'codespan':
      return [{ text: inertCode(text), ours: true }];
    case 'strong':
      return marked('**');
    case 'em':
      return marked('*');
    case 'del':
      return marked('~~');
    case 'br':
      return [{ text: '\\\n', ours: true }];
    case 'escape':
      return [SIGN_OF_FORM.test(text) ? { text: `\\${text}${text === '#' ? GAP : ''}`, ours: true } : { text, ours: false }];
    case 'checkbox':
      return [{ text: boxOf(part), ours: true }];
    case 'image':
      return [{ text: `[image: ${text}]`, ours: false }];
    case 'link':
      return [...inside, ...(part.href?.endsWith(text) === true ? [] : [{ text: ` (${part.href ?? ''})`, ours: false }])];
    case 'html':
      return [{ text: raw, ours: false }];
    default:
      return tokens === undefined ? [{ text, ours: false }] : inside;
  }
}

/** Stands for a dollar that is to be written with a sign before it; no text has it (`withoutHidden`). */
const DOLLAR = '\u{E0001}';

/** What robots read as a command: at the beginning of a line; or of any but the first. */
const COMMAND = /^([ \t]*[/!.])(?=[a-z])/gimu;
const LATER_COMMAND = /(?<=\n)([ \t]*[/!.])(?=[a-z])/giu;

/** Words that are shown and do nothing. `first`: they stand at the beginning of a line. */
function defused(text: string, first: boolean): string {
  return stilled(
    text
      // The last one would take away the meaning of what follows.
      .replaceAll(/\\(?=[\u{E0001}!-/:-@[-`{-~]|(?![^]))/gu, '\\\\')
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll(/\](?=[([:])/gu, ']\\')
      .replaceAll(DOLLAR, '\\$')
      .replaceAll(first ? COMMAND : LATER_COMMAND, `$1${GAP}`)
      .replaceAll(/^([ \t]*)~(?=~~)/gmu, '$1\\~'),
  ).replaceAll('`', '&#96;');
}

/** Mentions, references and addresses, wherever GitHub reads text and no code. Done twice, it is the same. */
function stilled(text: string): string {
  return text
    .replaceAll(/@(?![\s\u200B])/gu, `@${GAP}`)
    .replaceAll(/#(?=\d)/gu, `#${GAP}`)
    .replaceAll(/GH-(?=\d)/giu, (found) => `${found.slice(0, 2)}${GAP}-`)
    .replaceAll(/(?<=[a-z]):(?=\/\/)/giu, `:${GAP}`)
    .replaceAll(/www(?=\.)/giu, (found) => `${found}${GAP}`);
}

/** Plain text inside of HTML of ours: GitHub reads no Markdown there, and what was code would be HTML. */
export function inHtml(text: string): string {
  return stilled(withoutHidden(text).text.replaceAll('&', '&amp;').replaceAll('<', '&lt;'));
}

/** What stands in a cell of a table. A sign before the bar would take away the meaning of ours, and code knows no signs. */
export function inCell(text: string): string {
  return text.replaceAll(/\\(?=\|)/gu, `\\${GAP}`).replaceAll('|', String.raw`\|`);
}
