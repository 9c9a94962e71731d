import picomatch from 'picomatch';
import { ConvergeError, messageOf } from '../domain/errors.ts';
import { TooLong, within } from '../time-limit.ts';

/** What one glob may take, in milliseconds, for one path (an honest one takes microseconds), and for all paths that it is ever asked about. */
const LIMIT = 250;
const BUDGET = 2_000;

interface MatchOptions {
  readonly nocase?: boolean;
  /** Paths that will be asked about: they are tested at once, since the clock costs more than most globs. Name them wherever there are many. */
  readonly among?: readonly string[];
}

/**
 * Tests paths against globs in picomatch's language with `dot: true`; none pass when there are none. Globs come from models, scripts and comments, and picomatch makes
 * regular expressions of them, some of which never end: all but the plainest run against a clock. ConvergeError of kind `git` for one that cannot be read or does not end.
 */
export function matcherOf(globs: string | readonly string[], options: MatchOptions = {}): (path: string) => boolean {
  const matches = (typeof globs === 'string' ? [globs] : globs).map((glob) => matcherOfOne(glob, options));
  return (path) => matches.some((test) => test(path));
}

function matcherOfOne(glob: string, options: MatchOptions): (path: string) => boolean {
  const test = compiled(glob, options);
  const plain = isPlain(glob);
  const quick = (path: string): boolean => plain && path.length <= PLAIN_PATH;
  const paths = (options.among ?? []).filter((path) => !quick(path));
  const answers = new Map<string, boolean>();
  if (paths.length > 0)
    bounded({ glob, paths: `${paths.length} paths`, limit: BUDGET }, () => {
      for (const path of paths) answers.set(path, test(path));
    });
  let left = BUDGET;
  return (path) => {
    if (quick(path)) return test(path);
    const known = answers.get(path);
    if (known !== undefined) return known;
    let took = 0;
    const answer = bounded({ glob, paths: 'one path', limit: Math.max(1, Math.min(LIMIT, Math.ceil(left))) }, () => {
      const begun = performance.now();
      const passes = test(path);
      took = performance.now() - begun;
      return passes;
    });
    left -= took;
    answers.set(path, answer);
    return answer;
  };
}

/** Globs at most that are remembered: agents ask for the same few, again and again. */
const REMEMBERED = 256;
const remembered = new Map<string, (path: string) => boolean>();

function compiled(glob: string, { nocase = false }: MatchOptions): (path: string) => boolean {
  const name = `${nocase ? 'any case' : 'case'} ${glob}`;
  const before = remembered.get(name);
  if (before !== undefined) return before;
  try {
    const matches = picomatch(glob, { dot: true, nocase });
    // picomatch answers with an object, which is always true, when it is given a second argument, as Array.filter does.
    const test = (path: string): boolean => matches(path);
    if (remembered.size >= REMEMBERED) remembered.clear();
    remembered.set(name, test);
    return test;
  } catch (error) {
    throw new ConvergeError('git', `The glob \`${glob.slice(0, 300)}\` cannot be read: ${messageOf(error)}.`);
  }
}

/** Longer paths are no plain matter for any glob. */
const PLAIN_PATH = 1_000;

/** Words, at most one choice of words, two stars in a part, and one `**` in all: nothing else is known to be quick on all paths of a repository. */
function isPlain(glob: string): boolean {
  const words = glob.replace(/\{[\p{L}\p{N}_.-]+(?:,[\p{L}\p{N}_.-]+)+\}/u, 'x');
  const parts = words.split('/');
  const stars = (part: string): number => part.split('*').length - 1;
  return (
    /^[\p{L}\p{N}_.@/ *-]+$/u.test(words) &&
    parts.filter((part) => part === '**').length <= 1 &&
    parts.every((part) => part === '**' || (stars(part) <= 2 && !part.includes('**')))
  );
}

interface Bounds {
  readonly glob: string;
  readonly paths: string;
  readonly limit: number;
}

function bounded<Value>({ glob, paths, limit }: Bounds, test: () => Value): Value {
  try {
    return within(limit, test);
  } catch (error) {
    if (!(error instanceof TooLong)) throw error;
    throw new ConvergeError(
      'git',
      `The glob \`${glob.slice(0, 300)}\` did not end on ${paths}: ${error.message}. Use fewer stars and braces, and no group that repeats, such as (a+)+.`,
    );
  }
}
