import picomatch from 'picomatch';

/** One reading of globs for the whole plan: picomatch's language, dot files included, as the agents' own `glob` tool reads them. */
export function matcherOf(globs: string | readonly string[]): (path: string) => boolean {
  const list = typeof globs === 'string' ? globs : [...globs];
  if (list.length === 0) return () => false;
  const matches = picomatch(list, { dot: true });
  // picomatch answers with an object, which is always true, when it is given a second argument, as Array.filter does.
  return (path) => matches(path);
}
