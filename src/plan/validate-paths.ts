import type { PlanDraft } from '../domain/plan.ts';
import { pathFault } from '../git/paths.ts';
import { matcherOf } from '../git/globs.ts';
import type { PlanFacts } from './validate.ts';

const isWorkflow = matcherOf('.github/workflows/**');

/** Every path that a shard would write: sound, no directory or link, protected only when it is named, a workflow only where GitHub would take it. */
export async function pathErrors(
  draft: PlanDraft,
  facts: Pick<PlanFacts, 'settings' | 'workspace' | 'grants'> & { readonly inventory: readonly string[] },
): Promise<readonly string[]> {
  const fixed = [...draft.foundation, ...draft.closing].flatMap((shard) => shard.files.map((path) => ({ path, shard: shard.id })));
  const unsound = await Promise.all(fixed.map((file) => fixedPathErrors(file, facts)));
  const written = [...new Set([...facts.inventory, ...fixed.map((file) => file.path)])];
  const strangers = draft.touchesProtected.filter((path) => !written.includes(path));
  return [
    ...unsound.flat(),
    ...protectedErrors(written, { draft, settings: facts.settings }),
    ...workflowErrors(written, facts.grants),
    ...strangers.map(
      (path) =>
        `Found ${path} in touchesProtected, but no shard has this file. Expected a file of the inventory or of a foundation or closing shard. Take it out, or give it to a shard.`,
    ),
  ];
}

async function fixedPathErrors(
  { path, shard }: { readonly path: string; readonly shard: string },
  { workspace }: Pick<PlanFacts, 'workspace'>,
): Promise<readonly string[]> {
  const place = `in the files of the shard \`${shard}\``;
  const fault = pathFault(path);
  if (fault !== null) return [`Found \`${path}\` ${place}: ${fault}. Expected a path such as src/config.ts.`];
  const { kind } = await workspace.read(path);
  if (kind === 'link' || kind === 'submodule')
    return [`Found ${path} ${place}, which is a ${kind}. Expected a regular file: Converge never writes links or submodules.`];
  if (kind === 'directory') return [`Found ${path} ${place}, which is a directory. Expected the files in it, one by one.`];
  if (kind === 'absent' && /[*?{}]/u.test(path))
    return [`Found \`${path}\` ${place}, which is no file. Expected paths, one by one, not a glob.`];
  return [];
}

function protectedErrors(
  written: readonly string[],
  { draft, settings }: { readonly draft: PlanDraft; readonly settings: PlanFacts['settings'] },
): readonly string[] {
  const named = new Set(draft.touchesProtected);
  return settings.protectedPaths.flatMap((glob) => {
    const isProtected = matcherOf(glob, { nocase: true, among: written });
    const hit = written.filter((path) => !named.has(path) && isProtected(path));
    if (hit.length === 0) return [];
    const paths = hit.length <= 10 ? hit.join(', ') : `${hit.slice(0, 10).join(', ')} and ${hit.length - 10} more`;
    return [
      `Found ${paths} in a shard, which ${glob} protects. Expected protected paths to be left alone, or named one by one in touchesProtected. ` +
        'Exclude them in scope.exclude with the reason, or name them if the migration is impossible without them.',
    ];
  });
}

function workflowErrors(written: readonly string[], grants: PlanFacts['grants']): readonly string[] {
  const workflows = grants.workflows ? [] : written.filter(isWorkflow);
  if (workflows.length === 0) return [];
  return [
    `Found ${workflows.join(', ')} in a shard, but this installation of Converge has no permission for workflows, and GitHub would refuse the push. ` +
      'Exclude these files in scope.exclude or take them out of the shard, and name in risks what a person has to change there.',
  ];
}
