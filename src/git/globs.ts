import picomatch from 'picomatch';
import { ConvergeError, messageOf } from '../domain/errors.ts';
import { TooLong, within } from '../time-limit.ts';

/** What one glob may take for one path, in milliseconds: an honest one takes microseconds. */
const LIMIT = 250;

/**
 * Tests paths against globs in picomatch's language with `dot: true`; none pass when there are none. Globs come from models, scripts and comments, and picomatch makes
 * regular expressions of them, some of which never end: all but the plainest run against a clock. ConvergeError of kind `git` for one that cannot be read or does not end.
 */
export function matcherOf(globs: string | readonly string[], options: { readonly nocase?: boolean } = {}): (path: string) => boolean {
  const list = typeof globs === 'string' ? [globs] : [...globs];
  const matches = list.map((glob) => ({ glob, test: compiled(glob, options), plain: isPlain(glob) }));
  return (path) => matches.some(({ glob, test, plain }) => (plain ? test(path) : bounded(glob, () => test(path))));
}

function compiled(glob: string, { nocase = false }: { readonly nocase?: boolean }): (path: string) => boolean {
  try {
    const test = picomatch(glob, { dot: true, nocase });
    // picomatch answers with an object, which is always true, when it is given a second argument, as Array.filter does.
    return (path) => test(path);
  } catch (error) {
    throw new ConvergeError('git', `The glob \`${glob.slice(0, 300)}\` cannot be read: ${messageOf(error)}.`);
  }
}

/** No group that repeats, at most two stars in a part (`!(…)` is one), two `**` in all: at worst quadratic in the length of a path. */
function isPlain(glob: string): boolean {
  const parts = glob.split('/');
  const anywhere = parts.filter((part) => part.includes('**')).length;
  const stars = (part: string): number => part.match(/\*|!\(/gu)?.length ?? 0;
  return !/[+*]\(|[)\]}]\+|\([^)]*\+/u.test(glob) && anywhere <= 2 && parts.every((part) => part === '**' || stars(part) <= 2);
}

function bounded(glob: string, test: () => boolean): boolean {
  try {
    return within(LIMIT, test);
  } catch (error) {
    if (!(error instanceof TooLong)) throw error;
    throw new ConvergeError(
      'git',
      `The glob \`${glob.slice(0, 300)}\` did not end on one path: ${error.message}. Use fewer stars, and no group that repeats, such as (a+)+.`,
    );
  }
}
