import { posix } from 'node:path';
import { splitArguments } from './calls.ts';
import type { Range } from './calls.ts';
import { closing, significant } from './tokens.ts';

/** One import declaration, its end after the semicolon. */
export interface Import extends Range {
  readonly specifier: string;
  /** `import x, * as y`: the local names that are not in braces. */
  readonly others: readonly string[];
  readonly named: readonly { readonly imported: string; readonly local: string }[];
}

export function importsOf(source: string): readonly Import[] {
  const tokens = significant(source);
  const found: Import[] = [];
  for (let at = 0; at < tokens.length; at += 1) {
    const token = tokens[at];
    const next = tokens[at + 1];
    if (token?.text === '{' || token?.text === '(') at = closing(tokens, at); // declarations stand at the top level only
    if (token?.text !== 'import' || next === undefined || next.text === '(' || next.text === '.') continue;
    const stringAt = tokens.findIndex((one, index) => index > at && one.kind === 'string');
    const specifier = tokens[stringAt];
    if (specifier === undefined) break;
    const parts = tokens.slice(at + 1, stringAt);
    const open = parts.findIndex((part) => part.text === '{');
    const braces = open < 0 ? [] : parts.slice(open + 1, closing(parts, open));
    const end = tokens[stringAt + 1]?.text === ';' ? (tokens[stringAt + 1]?.end ?? specifier.end) : specifier.end;
    found.push({
      start: token.start,
      end,
      specifier: specifier.text.slice(1, -1),
      named: splitArguments(braces).map((range) => {
        const [imported = '', local] = source.slice(range.start, range.end).split(/\s+as\s+/);
        return { imported, local: local ?? imported };
      }),
      others: parts
        .slice(0, open < 0 ? parts.length : open)
        .flatMap((part) => (part.kind === 'word' && !['from', 'as'].includes(part.text) ? [part.text] : [])),
    });
    at = stringAt;
  }
  return found;
}

/** The repository's path that a relative specifier in a file means; null for packages. */
export function resolveImport(from: string, specifier: string): string | null {
  return specifier.startsWith('.') ? posix.join(posix.dirname(from), specifier) : null;
}

/** The specifier with which one file imports another. */
export function specifierFor(from: string, to: string): string {
  const relative = posix.relative(posix.dirname(from), to);
  return relative.startsWith('.') ? relative : `./${relative}`;
}
