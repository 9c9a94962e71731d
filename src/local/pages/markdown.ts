import { Marked } from 'marked';
import { escapeHtml, Html } from './html.ts';
import { sanitise } from './sanitise.ts';

/** What references in a text lead to. */
export interface Surroundings {
  /** `<url>/<owner>/<repository>` */
  readonly repositoryUrl: string;
  /** Page of a person or an App, or null for nobody's login. */
  readonly profileOf: (login: string) => string | null;
  /** Whether an issue or a pull request has this number, and its page. */
  readonly pageOf: (number: number) => string | null;
}

/** A comment's Markdown as GitHub shows it: tables, task lists, folded details, links for #7, @alice and commits; nothing in it can act. */
export function markdown(text: string, around: Surroundings): Html {
  let links = 0;
  const marked = new Marked({
    gfm: true,
    breaks: true,
    renderer: {
      image: ({ href, text: label }) => `<a href="${escapeHtml(href)}">${escapeHtml(label || href)}</a>`,
      code: ({ text: source, lang }) => codeBlock(source, lang ?? ''),
      link({ href, tokens }) {
        links += 1;
        const inner = this.parser.parseInline(tokens);
        links -= 1;
        return `<a href="${escapeHtml(href)}">${inner}</a>`;
      },
      text(token) {
        if (token.type === 'text' && token.tokens) return this.parser.parseInline(token.tokens);
        if ('escaped' in token && token.escaped) return token.text;
        return links > 0 ? keepEntities(token.text) : linked(token.text, around);
      },
    },
  });
  return new Html(`<div class="markdown">${sanitise(marked.parse(text, { async: false }))}</div>`);
}

/** Text as Markdown's source has it, where people may write `&lt;` for `<`. */
function keepEntities(text: string): string {
  return text
    .split(/(&(?:#\d{1,7}|#x[\da-f]{1,6}|\w{1,31});)/iu)
    .map((part, index) => (index % 2 === 1 ? part : escapeHtml(part)))
    .join('');
}

/** `#7`, `@alice` and whole commit ids become links where there is something to link to. */
function linked(text: string, around: Surroundings): string {
  return text
    .split(/((?<![\w/&@.-])(?:#\d+|@[a-z\d][a-z\d-]*(?:\[bot\])?|[\da-f]{40})(?![\w-]))/iu)
    .map((part, index) => (index % 2 === 1 ? (linkOf(part, around) ?? keepEntities(part)) : keepEntities(part)))
    .join('');
}

function codeBlock(source: string, language: string): string {
  const name = /^[\w-]+/u.exec(language)?.[0] ?? '';
  const lines = source.split('\n').map((line) => (name === 'diff' ? diffLine(line) : escapeHtml(line)));
  return `<pre><code${name === '' ? '' : ` class="language-${name}"`}>${lines.join('\n')}</code></pre>\n`;
}

function diffLine(line: string): string {
  const kind = line.startsWith('+') ? 'line-added' : line.startsWith('-') ? 'line-removed' : null;
  return kind === null ? escapeHtml(line) : `<span class="${kind}">${escapeHtml(line)}</span>`;
}

function linkOf(found: string, around: Surroundings): string | null {
  if (found.startsWith('#')) {
    const page = around.pageOf(Number(found.slice(1)));
    return page && `<a href="${escapeHtml(page)}">${found}</a>`;
  }
  if (found.startsWith('@')) {
    const page = around.profileOf(found.slice(1));
    return page && `<a class="mention" href="${escapeHtml(page)}">${found}</a>`;
  }
  return `<a class="commit-link" href="${escapeHtml(around.repositoryUrl)}/commit/${found}"><code>${found.slice(0, 7)}</code></a>`;
}
