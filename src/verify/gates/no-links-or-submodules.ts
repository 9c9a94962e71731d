import { failed, passed } from '../gate.ts';
import type { Gate } from '../gate.ts';

const NAME = 'no-links-or-submodules';

/** Links and submodules are neither made, nor moved, nor replaced: a link can point out of the repository. */
export const noLinksOrSubmodules: Gate = async ({ before, after }) => {
  const [was, is] = [await before.special(), await after.special()];
  const missingFrom = (entries: typeof was, entry: (typeof was)[number]): boolean =>
    !entries.some((other) => other.path === entry.path && other.kind === entry.kind);
  const gone = was.filter((entry) => missingFrom(is, entry));
  const made = is.filter((entry) => missingFrom(was, entry));
  const changed = [
    ...gone.map(({ kind, path }) => ({ kind, path, what: 'was removed or replaced' })),
    ...made.map(({ kind, path }) => ({ kind, path, what: 'was added' })),
  ];
  if (changed.length === 0) return passed(NAME, 'links and submodules are as they were');
  return failed(
    NAME,
    changed.map((entry) => `${entry.kind} ${entry.path} ${entry.what}`).join(', '),
    changed.map((entry) => ({
      path: entry.path,
      line: null,
      side: 'RIGHT' as const,
      claim: `The ${entry.kind} ${entry.path} ${entry.what}. A migration leaves links and submodules as they are.`,
      evidence: { kind: 'command' as const, name: 'git ls-tree', output: `${entry.kind} ${entry.path} ${entry.what}` },
    })),
  );
};
