import { compareCi, type CiResult } from '../domain/ci.ts';
import { Suspended } from '../domain/errors.ts';
import { CHECK_SECONDS } from '../domain/plan.ts';
import type { Plan } from '../domain/plan.ts';
import type { House } from '../house.ts';
import { deliveredCommits, type Assembled } from './assemble.ts';
import type { RunBranch } from './branch.ts';

/** What was established about the delivered tree. */
export interface Proof {
  /** The plan's checks on the whole tree, in the sandbox. */
  readonly checks: readonly CheckProof[];
  readonly base: CiResult;
  readonly head: CiResult;
  /** CI checks that fail on the head and not on the base. */
  readonly newFailures: readonly string[];
  /** CI checks that reported on the base and not on the head. */
  readonly missing: readonly string[];
  /** Files of the inventory for which the predicate holds on the delivered tree; of landed shards only when somebody else changed them. */
  readonly remaining: readonly string[];
  readonly baseNow: BaseNow;
}

/** The base branch since the plan: a result that GitHub cannot merge by itself is not complete. */
export type BaseNow =
  | { readonly kind: 'still' }
  | { readonly kind: 'gone' }
  | { readonly kind: 'moved'; readonly commit: string; readonly conflicts: readonly string[] };

export interface CheckProof {
  readonly name: string;
  readonly run: string;
  readonly outcome: 'passed' | 'failed' | 'fails-at-base';
  /** Tail of the output, for what did not pass. */
  readonly output: string;
}

const OUTPUT_TAIL = 4000;

/**
 * Runs the plan's checks on the converged tree and waits for the head commit's real CI, with the base's beside it.
 * Null when nothing was delivered: then there is nothing to prove.
 */
export async function prove(
  house: House,
  plan: Plan,
  { branch, delivered }: { branch: RunBranch; delivered: Assembled },
): Promise<Proof | null> {
  if (deliveredCommits(delivered).length === 0) return null;
  const [checks, remaining, baseNow, base, head] = await Promise.all([
    runChecks(house, plan, delivered),
    stillHolds(house, plan, delivered.tree),
    lookAtBase(house, plan, delivered.tree),
    house.hub.waitForCi(branch.commit, house.signal, plan.base.branch),
    house.hub.waitForCi(delivered.head, house.signal, plan.base.branch),
  ]);
  return { checks, base, head, ...compareCi(base, head), remaining, baseNow };
}

async function runChecks(house: House, plan: Plan, delivered: Assembled): Promise<readonly CheckProof[]> {
  // What is to hold for the whole may well fail before; what holds shard by shard and failed before says nothing about this change.
  const failing = new Set(plan.failingAtBase.map((failure) => failure.check));
  const proofs: CheckProof[] = [];
  for (const check of plan.checks) {
    const result = await house.commands.on(delivered.tree, { run: check.run, seconds: CHECK_SECONDS }, house.signal);
    if (result.ended === 'aborted') throw new Suspended('stopping', `The check ${check.name} was interrupted on the converged tree.`);
    const outcome = result.ok ? 'passed' : check.when === 'shard' && failing.has(check.name) ? 'fails-at-base' : 'failed';
    proofs.push({ name: check.name, run: check.run, outcome, output: result.ok ? '' : result.output.slice(-OUTPUT_TAIL) });
  }
  return proofs;
}

async function stillHolds(house: House, plan: Plan, tree: string): Promise<readonly string[]> {
  const predicate = await house.predicates.open(plan);
  const workspace = house.repository.workspace(tree);
  try {
    const held: string[] = [];
    for (const path of plan.inventory) {
      const found = await workspace.read(path);
      if (found.kind === 'file' && (await predicate.holds(path, found.bytes, tree))) held.push(path);
    }
    return held;
  } finally {
    await predicate.close();
  }
}

async function lookAtBase(house: House, plan: Plan, tree: string): Promise<BaseNow> {
  const commit = await house.repository.fetchBranch({ run: house.run, branch: plan.base.branch });
  if (commit === null) return { kind: 'gone' };
  if (commit === plan.base.commit) return { kind: 'still' };
  const merged = await house.repository.merge({ base: plan.base.tree, ours: tree, theirs: await house.repository.treeOf(commit) });
  return { kind: 'moved', commit, conflicts: merged.kind === 'conflict' ? merged.paths : [] };
}
