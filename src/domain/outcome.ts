import type { CiResult } from './ci.ts';
import { count } from './amounts.ts';
import { countEndings, type Ledger, type RunStatus } from './ledger.ts';

export interface OutcomeFacts {
  readonly ledger: Ledger;
  /** Foundation and closing shards that are left over: their work belongs to no file of the inventory. */
  readonly otherLeftOver: readonly string[];
  readonly failedChecks: readonly string[];
  readonly base: CiResult | null;
  readonly head: CiResult | null;
  readonly newFailures: readonly string[];
  readonly missing: readonly string[];
  readonly scriptFailed: string | null;
  /** Who stopped the run before the script had ended. */
  readonly stoppedBy: string | null;
  /** What is wrong with merging into the base as it is now, in a sentence; null when nothing is. */
  readonly baseTrouble: string | null;
}

export interface Outcome {
  readonly status: Exclude<RunStatus, 'paused'>;
  /** Whole sentences: what stands in the way of `completed`, most important first; one sentence when nothing does. */
  readonly reasons: readonly string[];
}

/**
 * Invariant 9: `completed` means that every file of the inventory is migrated and verified, or skipped or dropped with a reason that a person approved,
 * and that nothing known speaks against the whole. Anything else is `partial`; nothing migrated at all is `failed`; what a person stopped short of `completed` is `stopped`.
 */
export function outcomeOf(facts: OutcomeFacts): Outcome {
  const open = facts.ledger.filter((entry) => entry.ending !== 'migrated' && entry.ending !== 'skipped' && entry.ending !== 'dropped');
  const reasons: string[] = [];
  if (open.length > 0) reasons.push(openText(open, facts.ledger.length));
  if (facts.otherLeftOver.length > 0) reasons.push(`Left over beside the inventory: ${facts.otherLeftOver.join(', ')}.`);
  if (facts.failedChecks.length > 0) reasons.push(`Checks fail on the converged tree: ${facts.failedChecks.join(', ')}.`);
  if (facts.newFailures.length > 0) reasons.push(`CI fails on the head where it did not on the base: ${facts.newFailures.join(', ')}.`);
  if (facts.missing.length > 0) reasons.push(`CI said nothing on the head of what it checked on the base: ${facts.missing.join(', ')}.`);
  if (facts.head?.kind === 'unknown') reasons.push(`CI of the head is unknown: ${facts.head.why}.`);
  if (facts.head?.kind === 'finished' && facts.base?.kind === 'unknown')
    reasons.push(`CI of the base is unknown, so the head has nothing to be compared with: ${facts.base.why}.`);
  if (facts.baseTrouble !== null) reasons.push(facts.baseTrouble);
  if (facts.scriptFailed !== null) reasons.push(`The script ended early: ${facts.scriptFailed}`);
  if (facts.stoppedBy !== null && reasons.length > 0)
    return { status: 'stopped', reasons: [`Stopped by @${facts.stoppedBy}, after what was accepted was delivered.`, ...reasons] };
  if (!facts.ledger.some((entry) => entry.ending === 'migrated'))
    return { status: 'failed', reasons: reasons.length > 0 ? reasons : ['Nothing was migrated.'] };
  if (reasons.length > 0) return { status: 'partial', reasons };
  return { status: 'completed', reasons: ['Every file of the inventory is migrated and verified, or skipped with an approved reason.'] };
}

/** `Of 38 files, 1 is left over.` What is migrated and what is skipped for a reason is not told here. */
function openText(open: Ledger, all: number): string {
  const counts = countEndings(open);
  const words = { 'left-over': 'left over', unverified: 'unverified', 'not-started': 'not started' };
  const told = (['left-over', 'unverified', 'not-started'] as const)
    .filter((ending) => counts[ending] > 0)
    .map((ending) => `${counts[ending]} ${counts[ending] === 1 ? 'is' : 'are'} ${words[ending]}`);
  return `Of ${count(all, 'file')}, ${told.join(', ')}.`;
}
