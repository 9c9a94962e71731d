export type CheckConclusion =
  | 'success'
  | 'failure'
  | 'neutral'
  | 'cancelled'
  | 'skipped'
  | 'timed_out'
  | 'action_required'
  | 'stale'
  | 'startup_failure';

/** One check run or commit status of somebody else, on one commit. */
export interface CiCheck {
  readonly name: string;
  readonly conclusion: CheckConclusion;
  readonly url: string | null;
  /** Tail of the output where GitHub gives one. */
  readonly summary: string;
}

/**
 * CI of one commit after waiting. `unknown`: the deadline passed with checks missing or unfinished, never success.
 * `none`: nothing ever reported within the grace period and nothing is configured to.
 */
export type CiResult =
  | { readonly kind: 'finished'; readonly commit: string; readonly checks: readonly CiCheck[] }
  | { readonly kind: 'unknown'; readonly commit: string; readonly why: string; readonly checks: readonly CiCheck[] }
  | { readonly kind: 'none'; readonly commit: string };

const PASSES: ReadonlySet<CheckConclusion> = new Set<CheckConclusion>(['success', 'neutral', 'skipped']);

export function passes(conclusion: CheckConclusion): boolean {
  return PASSES.has(conclusion);
}

/**
 * What the head's CI says against it, beside the base's. Only a check that failed on the base excuses one that fails on the head: a cancelled or timed-out
 * base says nothing. What reported on the base and not on the head is missing, and never taken for a pass.
 */
export function compareCi(
  base: CiResult,
  head: CiResult,
): { readonly newFailures: readonly string[]; readonly missing: readonly string[] } {
  const excused = new Set(checksOf(base).flatMap(({ name, conclusion }) => (conclusion === 'failure' ? [name] : [])));
  const there = new Set(checksOf(head).map(({ name }) => name));
  return {
    newFailures: checksOf(head).flatMap(({ name, conclusion }) => (passes(conclusion) || excused.has(name) ? [] : [name])),
    missing: checksOf(base).flatMap(({ name }) => (there.has(name) ? [] : [name])),
  };
}

export function checksOf(result: CiResult): readonly CiCheck[] {
  return result.kind === 'none' ? [] : result.checks;
}
