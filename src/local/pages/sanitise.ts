import { escapeHtml } from './html.ts';

/** Elements that GitHub lets comments use, and the attributes of each; `class` only as our own Markdown writes it. */
const ELEMENTS: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    ...names(
      'h1 h2 h3 h4 h5 h6 p ul blockquote table thead tbody tfoot tr summary br hr em strong b i del s ins sub sup kbd samp var q tt',
      [],
    ),
    ...names('dl dt dd figure figcaption', []),
    ...names('div th td', ['align', 'colspan', 'rowspan']),
    pre: ['class'],
    code: ['class'],
    span: ['class'],
    li: ['class'],
    ol: ['start'],
    a: ['href', 'title', 'class'],
    details: ['open'],
    input: ['type', 'checked', 'disabled'],
  }),
);

const VOID = new Set(['br', 'hr', 'input']);

/** Elements whose content would not be text to a browser: shown as they were written, as GitHub's tag filter does. */
const SHOWN_AS_TEXT = new Set('title textarea style xmp iframe noembed noframes script plaintext'.split(' '));

/** Classes that rooms of this folder give; whatever else a comment says is dropped. */
const CLASSES = /^(?:language-[\w-]+|mention|commit-link|line-added|line-removed|task)$/u;

const LINK = /^(?:https?:\/\/|mailto:|#|\/(?!\/))/iu;

function names(list: string, attributes: readonly string[]): Record<string, readonly string[]> {
  return Object.fromEntries(list.split(' ').map((name) => [name, attributes]));
}

/**
 * HTML from a comment with all that could act or leave its box taken out: unknown elements and attributes are dropped, comments too, and every
 * element ends where its parent ends. Works on Markdown's output, so that nothing has to be believed of the renderer.
 */
export function sanitise(source: string): string {
  const open: string[] = [];
  const out: string[] = [];
  const close = (name: string): void => {
    const depth = open.lastIndexOf(name);
    if (depth !== -1)
      out.push(
        ...open
          .splice(depth)
          .toReversed()
          .map((one) => `</${one}>`),
      );
  };
  for (const [token] of source.matchAll(/<!--.*?(?:-->|$)|<\/?[a-z][^<>]*>|<|[^<]+/gisu)) {
    if (token.startsWith('<!--')) continue;
    const tag = /^<(?<slash>\/?)(?<name>[a-z][\w-]*)(?<rest>[^<>]*)>$/isu.exec(token)?.groups;
    const name = tag?.['name']?.toLowerCase() ?? '';
    const attributes = ELEMENTS.get(name);
    if (!tag) out.push(token === '<' ? '&lt;' : token);
    else if (SHOWN_AS_TEXT.has(name)) out.push(escapeHtml(token));
    else if (attributes === undefined) continue;
    else if (tag['slash'] === '/') close(name);
    else {
      out.push(`<${name}${attributesOf(tag['rest'] ?? '', attributes)}>`);
      if (!VOID.has(name)) open.push(name);
    }
  }
  out.push(...open.toReversed().map((name) => `</${name}>`));
  return out.join('');
}

function attributesOf(text: string, allowed: readonly string[]): string {
  const found = new Map<string, string>();
  for (const match of text.matchAll(/(?<name>[a-z][\w-]*)(?:\s*=\s*(?:"(?<double>[^"]*)"|'(?<single>[^']*)'|(?<bare>[^\s"'>]+)))?/giu)) {
    const name = (match.groups?.['name'] ?? '').toLowerCase();
    const value = match.groups?.['double'] ?? match.groups?.['single'] ?? match.groups?.['bare'] ?? '';
    if (allowed.includes(name) && !found.has(name) && isHarmless(name, value)) found.set(name, value);
  }
  if (found.has('href')) found.set('rel', 'nofollow noopener');
  return [...found].map(([name, value]) => ` ${name}="${quoteSafe(value)}"`).join('');
}

function isHarmless(name: string, value: string): boolean {
  if (name === 'class') return CLASSES.test(value);
  if (name === 'type') return value === 'checkbox';
  // Entities could hide a scheme from the test: browsers decode them before they read it.
  return name !== 'href' || (LINK.test(value) && !/^[^/?#]*&/u.test(value));
}

/** Entities are kept; a value cannot end its own attribute. */
function quoteSafe(value: string): string {
  return value.replaceAll('"', '&quot;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
