import { count, whole } from '../domain/amounts.ts';
import { ConvergeError } from '../domain/errors.ts';
import type { Exclusion, Predicate, SkippedFile } from '../domain/plan.ts';
import type { Workspace } from '../git/workspace.ts';
import type { Commands } from '../sandbox/commands.ts';
import { matcherOf } from '../git/globs.ts';
import { isBinary, type OpenPredicate, openPredicate } from './predicate.ts';

/** What the plan looks at. A file is in scope when it matches one glob of `include` and one of each list of `within` that is not empty. */
export interface Scope {
  readonly include: readonly string[];
  /** What people asked for: `--paths`, and `paths.include` of the configuration. */
  readonly within: readonly (readonly string[])[];
  /** Files that match are skipped, with the reason of the first that matches. */
  readonly exclude: readonly Exclusion[];
}

export interface Survey {
  /** Sorted. */
  readonly inventory: readonly InventoryFile[];
  readonly skipped: readonly SkippedFile[];
  /** Files outside of `include` for which the predicate holds too: perhaps forgotten. Empty when it was too dear to ask. */
  readonly outside: readonly string[];
  /** Files of the tree, and those in scope: for explaining an empty inventory. */
  readonly files: number;
  readonly inScope: number;
}

export interface InventoryFile {
  readonly path: string;
  readonly bytes: number;
}

export interface InventoryRequest {
  readonly predicate: Predicate;
  readonly scope: Scope;
  readonly workspace: Workspace;
  readonly commands: Pick<Commands, 'on'>;
  readonly tree: string;
}

/** Larger files are not code that an agent could migrate. */
const MAX_BYTES = 2 * 1024 * 1024;
/** A command costs a process in a checkout for each file. */
const MAX_COMMAND_FILES = 2_000;
/** Files outside of the scope are asked only for the sake of a note. */
const MAX_OUTSIDE = 5_000;
const AT_ONCE = 8;

/**
 * The files for which the predicate holds at the base commit, within scope, and those for which it holds but that the scope excludes.
 * Links and submodules are never in it. Ends in a ConvergeError of kind `plan` when the predicate does not compile or has no answer for a file.
 */
export async function takeInventory(request: InventoryRequest): Promise<Survey> {
  const files = await request.workspace.list();
  const included = matcherOf(request.scope.include, { among: files });
  const asked = request.scope.within.filter((globs) => globs.length > 0).map((globs) => matcherOf(globs, { among: files }));
  const inScope = files.filter((path) => included(path) && asked.every((matches) => matches(path)));
  const outOfScope = files.filter((path) => !included(path) && asked.every((matches) => matches(path)));
  if (request.predicate.kind === 'command' && inScope.length > MAX_COMMAND_FILES) {
    throw new ConvergeError(
      'plan',
      `The predicate is a command and ${inScope.length} files are in scope, expected at most ${MAX_COMMAND_FILES}: a command runs once for each. ` +
        'Narrow scope.include, or use a regular expression or ast-grep.',
    );
  }
  const predicate = await openPredicate(request.predicate, request);
  const examiner = { predicate, request };
  try {
    const found = await inBatches(inScope, (path) => examine(path, examiner));
    const askOutside = request.predicate.kind !== 'command' && outOfScope.length <= MAX_OUTSIDE;
    // A courtesy: a question that has no answer outside of the scope is not the plan's fault.
    const around = askOutside ? await inBatches(outOfScope, (path) => examine(path, examiner)).catch(noneForPlanFaults) : [];
    const judged = judge(found, request.scope.exclude);
    return {
      inventory: judged.flatMap((file) => (file.kind === 'inventory' ? [{ path: file.path, bytes: file.bytes }] : [])),
      skipped: judged.flatMap((file) => (file.kind === 'skipped' ? [{ path: file.path, why: file.why }] : [])),
      outside: judge(around, request.scope.exclude).flatMap((file) => (file.kind === 'inventory' ? [file.path] : [])),
      files: files.length,
      inScope: inScope.length,
    };
  } finally {
    await predicate.close();
  }
}

type Examined =
  | { readonly kind: 'inventory'; readonly path: string; readonly bytes: number }
  | { readonly kind: 'skipped'; readonly path: string; readonly why: string }
  | { readonly kind: 'done' };

interface Examiner {
  readonly predicate: OpenPredicate;
  readonly request: InventoryRequest;
}

function noneForPlanFaults(error: unknown): readonly Examined[] {
  if (error instanceof ConvergeError && error.kind === 'plan') return [];
  throw error;
}

/** What the scope excludes is skipped, with the reason of the first exclusion that matches. */
function judge(files: readonly Examined[], exclude: readonly Exclusion[]): readonly Examined[] {
  const among = files.flatMap((file) => (file.kind === 'inventory' ? [file.path] : []));
  const exclusions = exclude.map(({ glob, why }) => ({ why, matches: matcherOf(glob, { among }) }));
  return files.map((file) => {
    const exclusion = file.kind === 'inventory' ? exclusions.find(({ matches }) => matches(file.path)) : undefined;
    return exclusion === undefined || file.kind !== 'inventory' ? file : { kind: 'skipped', path: file.path, why: exclusion.why };
  });
}

async function examine(path: string, { predicate, request }: Examiner): Promise<Examined> {
  const file = await request.workspace.read(path);
  if (file.kind !== 'file') return { kind: 'done' };
  if (file.bytes.length > MAX_BYTES && request.predicate.kind !== 'command' && !isBinary(file.bytes)) {
    return {
      kind: 'skipped',
      path,
      why: `${count(file.bytes.length, 'byte')} are more than the ${whole(MAX_BYTES)} that Converge examines`,
    };
  }
  if (!(await predicate.holds(path, file.bytes, request.tree))) return { kind: 'done' };
  return { kind: 'inventory', path, bytes: file.bytes.length };
}

/** In order, a few at once: bounded memory, and a command's processes bounded by its pool. */
async function inBatches<Item, Result>(items: readonly Item[], act: (item: Item) => Promise<Result>): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (let start = 0; start < items.length; start += AT_ONCE) {
    results.push(...(await Promise.all(items.slice(start, start + AT_ONCE).map(act))));
  }
  return results;
}
