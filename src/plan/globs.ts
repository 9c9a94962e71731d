import picomatch from 'picomatch';

/** One reading of globs for the whole plan: picomatch's language, dot files included, as the agents' own `glob` tool reads them. */
export function matcherOf(globs: string | readonly string[]): (path: string) => boolean {
  const list = typeof globs === 'string' ? globs : [...globs];
  return list.length === 0 ? () => false : picomatch(list, { dot: true });
}
