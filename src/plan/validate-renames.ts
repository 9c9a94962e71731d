import { ConvergeError } from '../domain/errors.ts';
import type { PlanDraft, Rename } from '../domain/plan.ts';
import { renamePattern } from '../domain/rename.ts';
import { pathFault } from '../git/paths.ts';
import { openBoundedRegex } from './regex.ts';

/** Rename patterns that compile, end, apply to some file of a shard, and make sound paths that nothing else has. */
export async function renameErrors(
  draft: PlanDraft,
  facts: { readonly files: readonly string[]; readonly inventory: readonly string[] },
): Promise<readonly string[]> {
  if (draft.renames.length === 0) return [];
  const owned = [...new Set([...facts.inventory, ...[...draft.foundation, ...draft.closing].flatMap((shard) => shard.files)])];
  const taken = new Map(facts.files.map((path) => [path, path]));
  const errors: string[] = [];
  for (const rename of draft.renames) {
    const made = await apply(rename, owned);
    errors.push(...made.errors);
    if (made.errors.length > 0) continue;
    if (made.targets.length === 0) {
      errors.push(
        `Found the rename ${shown(rename)}, which applies to no file of a shard. Expected a regular expression for whole paths, such as src/(.*)\\.js.`,
      );
    }
    for (const { from, to } of made.targets) {
      const fault = pathFault(to);
      const other = taken.get(to);
      if (fault !== null) errors.push(`The rename ${shown(rename)} makes of ${from} the path \`${to}\`: ${fault}. Mend it.`);
      else if (other !== undefined && other !== from) {
        errors.push(
          `The rename ${shown(rename)} makes of ${from} the path ${to}, which ${other === to ? 'is there already' : `${other} would become too`}. Mend it.`,
        );
      }
      taken.set(to, from);
    }
  }
  return errors.slice(0, MOST);
}

/** Patterns are applied again at each write, without a limit: what takes longer for a path here is none. */
const ONE_PATH_MS = 250;
/** One wrong pattern can be wrong for every file. */
const MOST = 20;

function shown(rename: Rename): string {
  return `${rename.from} → ${rename.to}`;
}

async function apply(
  rename: Rename,
  paths: readonly string[],
): Promise<{ readonly targets: readonly { readonly from: string; readonly to: string }[]; readonly errors: readonly string[] }> {
  const regex = openBoundedRegex(ONE_PATH_MS);
  try {
    const targets: { readonly from: string; readonly to: string }[] = [];
    for (const from of paths) {
      const answer = await regex.ask({ ...renamePattern(rename), text: from, replacement: rename.to }, from);
      if (answer.matches && answer.replaced !== null && answer.replaced !== from) targets.push({ from, to: answer.replaced });
    }
    return { targets, errors: [] };
  } catch (error) {
    if (error instanceof ConvergeError && error.kind === 'plan') return { targets: [], errors: [`In renames: ${error.message}`] };
    throw error;
  } finally {
    await regex.close();
  }
}
