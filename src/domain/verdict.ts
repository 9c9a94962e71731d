import type { Finding } from './finding.ts';

/**
 * A deterministic test of a change. `skipped`: it has nothing to say of this change (no parser for the language, a check that fails on the base already).
 * `unknown`: it should have been asked and could not be, so nothing was proved.
 */
export interface GateResult {
  readonly gate: string;
  readonly outcome: 'passed' | 'failed' | 'skipped' | 'unknown';
  /** One line for people. */
  readonly detail: string;
}

export interface Reviewer {
  readonly lens: string;
  /** False when the verifier died or never answered: then the verdict is `unverified`, never accepted and never refuted. */
  readonly answered: boolean;
  readonly cause: string | null;
  readonly model: string;
}

export type VerdictOutcome = 'accepted' | 'revise' | 'unverified';

export interface Verdict {
  readonly id: string;
  /** Id of the change that was judged. */
  readonly change: string;
  readonly outcome: VerdictOutcome;
  readonly findings: readonly Finding[];
  readonly gates: readonly GateResult[];
  readonly reviewers: readonly Reviewer[];
}

/**
 * Invariant 6: accepted only if gates passed and every reviewer answered and no blocking finding stands.
 * A red gate costs nothing more: no reviewer is asked. A gate that is unknown has not passed.
 */
export function judge(gates: readonly GateResult[], reviewers: readonly Reviewer[], findings: readonly Finding[]): VerdictOutcome {
  const gateFailed = gates.some((gate) => gate.outcome === 'failed');
  if (gateFailed) return 'revise';
  if (gates.some((gate) => gate.outcome === 'unknown')) return 'unverified';
  if (reviewers.length === 0 || reviewers.some((reviewer) => !reviewer.answered)) return 'unverified';
  return findings.some((finding) => finding.severity === 'blocking') ? 'revise' : 'accepted';
}
