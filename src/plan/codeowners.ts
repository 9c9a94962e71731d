import { matchesWildcard } from './wildcard.ts';

/** Where GitHub looks, in its order; the first that exists counts. */
export const CODEOWNERS_PATHS = ['.github/CODEOWNERS', 'CODEOWNERS', 'docs/CODEOWNERS'] as const;

/** GitHub does not load a larger file. */
const MAX_BYTES = 3_000_000;

interface Rule {
  readonly segments: readonly string[];
  readonly owners: readonly string[];
}

/**
 * Owners of a path by a CODEOWNERS file: the last rule that matches counts, one without owners takes them away. GitHub's exceptions to the language of
 * `.gitignore`: no `!`, no `[ ]`, no escaped `#`; such lines are skipped. Source: docs.github.com, "About code owners".
 */
export function ownersBy(text: string): (path: string) => readonly string[] {
  const rules = Buffer.byteLength(text) > MAX_BYTES ? [] : text.split(/\r?\n/u).flatMap(parseLine);
  return (path) => {
    const items = path.split('/');
    return rules.findLast((rule) => matchesWildcard(rule.segments, items, SEGMENTS))?.owners ?? [];
  };
}

function parseLine(line: string): readonly Rule[] {
  const words = line.match(/(?:\\\s|\S)+/gu) ?? [];
  const comment = words.findIndex((word) => word.startsWith('#'));
  const [pattern, ...owners] = comment === -1 ? words : words.slice(0, comment);
  if (pattern === undefined || /^!|[[\]]/u.test(pattern)) return [];
  return [{ segments: segmentsOf(pattern.replaceAll(/\\(\s)/gu, '$1')), owners }];
}

/** A pattern as segments for whole paths, where `**` stands for any number of directories. */
function segmentsOf(pattern: string): readonly string[] {
  const directory = pattern.endsWith('/');
  const body = pattern.replaceAll(/^\/|\/+$/gu, '');
  const parts = body.split('/');
  // As in .gitignore: a slash at the beginning or in the middle ties the pattern to the root.
  const anchored = pattern.startsWith('/') || parts.length > 1;
  const start = anchored ? [] : ['**'];
  const last = parts.at(-1);
  if (directory) return [...start, ...parts, '**', '*'];
  // `docs/*` takes the files of docs and nothing deeper; any other last name may be a directory and then takes all below.
  if (last === '*' && anchored) return [...start, ...parts];
  return last === '**' ? [...start, ...parts, '*'] : [...start, ...parts, BELOW];
}

/** Nothing, or everything below what the pattern named. */
const BELOW = '**';

const CHARACTERS = {
  isStar: (part: string): boolean => part === '*',
  same: (part: string, item: string): boolean => part === '?' || part === item,
};

const SEGMENTS = {
  isStar: (part: string): boolean => part === '**',
  same: (part: string, item: string): boolean => matchesWildcard(Array.from(part.replaceAll(/\*+/gu, '*')), Array.from(item), CHARACTERS),
};
