import { ConvergeError } from '../domain/errors.ts';
import type { PlanDraft, Predicate } from '../domain/plan.ts';
import { matcherOf } from '../git/globs.ts';
import type { Survey } from './inventory.ts';
import { openPredicate } from './predicate.ts';
import type { PlanFacts } from './validate.ts';

/** Why a glob of the draft cannot be used at all: it cannot be read, or does not end on some path. Nothing else can be asked of such a draft. */
export function globFaults(draft: PlanDraft, files: readonly string[]): readonly string[] {
  return globsOf(draft, files).flatMap(({ glob, where, among }) => {
    try {
      matcherOf(glob, { among });
      return [];
    } catch (error) {
      if (error instanceof ConvergeError && error.kind === 'git') return [`In ${where}: ${error.message}`];
      throw error;
    }
  });
}

/** Globs that match nothing are typing errors, or knowledge about another repository. */
export function globErrors(draft: PlanDraft, files: readonly string[]): readonly string[] {
  const empty = globsOf(draft, files).filter(({ glob, among }) => !among.some(matcherOf(glob, { among })));
  return empty.map(
    ({ glob, where }) =>
      `Found \`${glob}\` in ${where}, which matches none of the ${files.length} files. Expected a glob from the root of the repository. ${overview(files)}`,
  );
}

interface PlacedGlob {
  readonly glob: string;
  readonly where: string;
  readonly among: readonly string[];
}

function globsOf(draft: PlanDraft, files: readonly string[]): readonly PlacedGlob[] {
  const fixed = [...draft.foundation, ...draft.closing].flatMap((shard) => shard.files);
  const known = [...new Set([...files, ...fixed])];
  return [
    ...draft.scope.include.map((glob) => ({ glob, where: 'scope.include', among: files })),
    ...draft.scope.exclude.map(({ glob }) => ({ glob, where: 'scope.exclude', among: files })),
    ...draft.order.flatMap((rule) => [rule.files, rule.after].map((glob) => ({ glob, where: 'order', among: known }))),
  ];
}

/** Why the inventory is empty, with what came near. */
export async function emptyInventory(
  draft: PlanDraft,
  { survey, files, facts }: { readonly survey: Survey; readonly files: readonly string[]; readonly facts: PlanFacts },
): Promise<string> {
  const { settings } = facts;
  const asked = [
    ...(settings.paths.length > 0 ? [`--paths ${settings.paths.join(' ')}`] : []),
    ...(settings.include !== undefined && settings.include.length > 0
      ? [`paths.include of .github/converge.yml (${settings.include.join(' ')})`]
      : []),
  ];
  const scope = `scope.include (${draft.scope.include.join(' ')})${asked.length > 0 ? ` within ${asked.join(' and ')}` : ''}`;
  const sentences = [
    `The inventory is empty: of ${survey.files} files, ${survey.inScope} are in ${scope}, and the predicate ${shown(draft.predicate)} holds for ` +
      `${survey.skipped.length === 0 ? 'none of them' : `${survey.skipped.length} of them, which are all excluded (${list(survey.skipped.map((file) => file.path))})`}.`,
    ...(survey.outside.length > 0 ? [`It holds for ${survey.outside.length} files outside of the scope: ${list(survey.outside)}.`] : []),
    ...(await ignoringCase(draft, { files, facts })),
    ...(survey.inScope === 0 ? [overview(files)] : []),
    'Expected at least one file to migrate. Mend the predicate or the scope.',
  ];
  return sentences.join(' ');
}

async function ignoringCase(
  { predicate, scope }: PlanDraft,
  { files, facts }: { readonly files: readonly string[]; readonly facts: PlanFacts },
): Promise<readonly string[]> {
  if (predicate.kind !== 'regex' || predicate.flags.includes('i')) return [];
  const loose = await openPredicate({ ...predicate, flags: `${predicate.flags}i` }, facts);
  try {
    const near: string[] = [];
    for (const path of files.filter(matcherOf(scope.include, { among: files })).slice(0, NEAR_MISSES)) {
      const file = await facts.workspace.read(path);
      // A near miss is a courtesy: a question without an answer is none.
      const holds = file.kind === 'file' && (await loose.holds(path, file.bytes, facts.workspace.tree).catch(() => false));
      if (holds) near.push(path);
    }
    return near.length === 0 ? [] : [`With the flag i it would hold for ${list(near)}.`];
  } finally {
    await loose.close();
  }
}

const NEAR_MISSES = 500;

function shown(predicate: Predicate): string {
  switch (predicate.kind) {
    case 'regex':
      return `/${predicate.pattern}/${predicate.flags}`;
    case 'ast-grep':
      return `${JSON.stringify(predicate.rule)} (ast-grep, ${predicate.language})`;
    case 'command':
      return `\`${predicate.run}\``;
  }
}

function list(paths: readonly string[]): string {
  return paths.length <= 5 ? paths.join(', ') : `${paths.slice(0, 5).join(', ')} and ${paths.length - 5} more`;
}

/** Where files are and how they end, most first: what a glob could have meant. */
function overview(files: readonly string[]): string {
  const count = (keys: readonly string[]): string =>
    [...Map.groupBy(keys, (key) => key)]
      .toSorted(([, a], [, b]) => b.length - a.length)
      .slice(0, 8)
      .map(([key, all]) => `${key} (${all.length})`)
      .join(', ');
  const tops = files.map((path) => (path.includes('/') ? `${path.slice(0, path.indexOf('/'))}/` : 'the root'));
  const ends = files.map((path) => /\.[^./]+$/u.exec(path)?.[0] ?? 'no extension');
  return `Files are in ${count(tops)}; they end in ${count(ends)}.`;
}
