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

/** Names that fail on the head and did not fail on the base; a check that is new on the head and fails counts. */
export function newFailures(base: CiResult, head: CiResult): readonly string[] {
  if (head.kind === 'none') return [];
  const failing = (result: CiResult): readonly string[] =>
    result.kind === 'none' ? [] : result.checks.filter((check) => !passes(check.conclusion)).map((check) => check.name);
  const before = failing(base);
  return failing(head).filter((name) => !before.includes(name));
}
