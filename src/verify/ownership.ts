import { decidesChecks } from '../domain/check-files.ts';
import { renamePattern } from '../domain/rename.ts';
import type { Plan, Rename } from '../domain/plan.ts';
import type { Shard } from '../domain/shard.ts';
import { matcherOf } from '../git/globs.ts';

/** Workflows run with the repository's secrets, and Converge's own configuration decides who may spend: the plan must name either word for word. */
const ALWAYS_PROTECTED = ['.github/workflows/**', '.github/converge.yml', '.github/converge/**'];

/** The paths that a shard owns: its files and what the plan's rename patterns make of them (DESIGN.md §4). Sorted. */
export function ownedPaths(shard: Shard, renames: readonly Rename[]): readonly string[] {
  const targets = shard.files.flatMap((file) => renames.flatMap((rename) => renamed(file, rename)));
  return [...new Set([...shard.files, ...targets])].sort();
}

function renamed(file: string, rename: Rename): readonly string[] {
  const { pattern, flags } = renamePattern(rename);
  const whole = new RegExp(pattern, flags);
  return whole.test(file) ? [file.replace(whole, rename.to)] : [];
}

/**
 * The glob that protects a path, or what of the plan's checks it decides when no shard of the plan has it; null when nothing does, or when the plan names
 * the path among those it must touch (invariant 5).
 */
export function protection(plan: Plan, path: string): string | null {
  if (plan.draft.touchesProtected.includes(path)) return null;
  // In whatever case: on some machines `claude.md` is read for CLAUDE.md.
  const glob = [...ALWAYS_PROTECTED, ...plan.protectedPaths].find((each) => matcherOf(each, { nocase: true })(path));
  if (glob !== undefined) return glob;
  const decides = plan.shards.some(({ files }) => files.includes(path)) ? null : decidesChecks(path, plan.checks);
  return decides === null ? null : `it decides what checks run: ${decides}`;
}

export type WriteAnswer = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/** Asked before each write of a shard's agent; the same rules as the gates `paths-owned` and `protected-paths`. */
export function writeRule(plan: Plan, shard: Shard): (path: string) => WriteAnswer {
  const owned = ownedPaths(shard, plan.draft.renames);
  return (path) => {
    const glob = protection(plan, path);
    if (glob !== null)
      return { ok: false, reason: `${path} is protected (${glob}) and the approved plan does not name it. Leave it as it is.` };
    if (owned.includes(path)) return { ok: true };
    return {
      ok: false,
      reason: `${path} does not belong to shard ${shard.id}. It may write only: ${owned.join(', ')}. Other files belong to other shards: do the work within your own.`,
    };
  };
}
