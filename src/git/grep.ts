import picomatch from 'picomatch';
import { ConvergeError } from '../domain/errors.ts';
import { matcherOf } from './globs.ts';
import { lastLine, plumbing } from './spawn.ts';
import type { GitPlace, PlumbingResult } from './spawn.ts';
import type { GrepOptions, GrepResult } from './workspace.ts';

const MATCHES = 1_000;
/** Longer lines are cut: one line of minified code would fill a conversation. */
const LINE_CHARACTERS = 1_000;

interface GrepRequest {
  readonly place: GitPlace;
  readonly tree: string;
  readonly pattern: string;
  readonly options: GrepOptions;
}

/** Searches the text files of a tree. Links and submodules are not searched. A pattern that is not valid is a ConvergeError that says why. */
export async function grepTree({ place, tree, pattern, options }: GrepRequest): Promise<GrepResult> {
  if (pattern === '' || /[\0\n]/u.test(pattern)) {
    throw new ConvergeError('git', 'The pattern must be one line that is not empty.');
  }
  const wanted = matcher(options.paths ?? []);
  const limit = options.limit ?? MATCHES;
  const matches: { path: string; line: number; text: string }[] = [];
  let rest = Buffer.alloc(0);
  const onOutput = (piece: Buffer): boolean => {
    const bytes = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    let at = 0;
    for (let end = bytes.indexOf(0x0a); end !== -1; end = bytes.indexOf(0x0a, at)) {
      const match = parseMatch(bytes.subarray(at, end), tree);
      if (match !== null && wanted(match.path)) matches.push(match);
      if (matches.length > limit) return false;
      at = end + 1;
    }
    rest = Buffer.from(bytes.subarray(at));
    return true;
  };
  const search = async (dialect: '-P' | '-E'): Promise<PlumbingResult> => {
    const args = ['grep', '-n', '-I', dialect, '-z', '--full-name', '--no-color', '--no-recurse-submodules'];
    if (options.ignoreCase === true) args.push('-i');
    // Exit code 1: nothing matched.
    return plumbing(place, [...args, '-e', pattern, tree, '--', ...literalRoots(options.paths ?? [])], { codes: [0, 1, 128], onOutput });
  };
  let result = await search('-P');
  if (/not compiled with/u.test(result.stderr)) {
    refusePerl(pattern);
    result = await search('-E');
  }
  if (result.exitCode === 128) {
    const why = /^fatal: (?:-e \w+, '.*': |.*?pcre2?_\w+ )?(.*)$/mu.exec(result.stderr)?.[1] ?? lastLine(result.stderr);
    throw new ConvergeError(
      'git',
      `The search for \`${pattern.slice(0, 200)}\` failed: ${why}. Patterns are Perl's regular expressions, line by line.`,
      {
        detail: result.stderr,
      },
    );
  }
  return { matches: matches.slice(0, limit), cut: matches.length > limit };
}

/** Where this git has no Perl expressions, what POSIX would silently take for something else is refused. */
function refusePerl(pattern: string): void {
  const found = /\\[dDhHvVpPQE]|\(\?|[*+?}][?+]|\[[^\]]*\\[wsdWSD]/u.exec(pattern)?.[0];
  if (found !== undefined) {
    throw new ConvergeError(
      'git',
      `The pattern \`${pattern.slice(0, 200)}\` uses \`${found}\`, which the git on this machine cannot search for (it was built without PCRE). Use POSIX extended syntax, e.g. \`[0-9]\`.`,
    );
  }
}

/** Tests paths against globs; all pass when there are none. */
export function matcher(globs: readonly string[], among: readonly string[] = []): (path: string) => boolean {
  return globs.length === 0 ? () => true : matcherOf(globs, { among });
}

/** Directories that all globs lie in, so that git need not read the rest; none when some glob begins with a wildcard. */
function literalRoots(globs: readonly string[]): readonly string[] {
  const roots = globs.map((glob) => {
    const { negated, base } = picomatch.scan(glob);
    return negated ? '' : base.replaceAll(/\\(.)/gu, '$1');
  });
  return roots.includes('') || roots.includes('.') ? [] : roots.map((root) => `:(literal,top)${root}`);
}

/** One line of `git grep -n -z <tree>`: `<tree>:<path>` NUL `<line>` NUL text. */
function parseMatch(line: Buffer, tree: string): { path: string; line: number; text: string } | null {
  const first = line.indexOf(0);
  const second = line.indexOf(0, first + 1);
  if (first === -1 || second === -1) return null;
  const text = line.toString('utf8', second + 1);
  return {
    path: line.toString('utf8', tree.length + 1, first),
    line: Number(line.toString('latin1', first + 1, second)),
    text: text.length > LINE_CHARACTERS ? `${text.slice(0, LINE_CHARACTERS)}…` : text,
  };
}
