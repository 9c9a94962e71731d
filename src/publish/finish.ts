import { deliveredCommits, type Assembled } from '../converge/assemble.ts';
import type { RunBranch } from '../converge/branch.ts';
import type { Proof } from '../converge/prove.ts';
import { readShards, type SettledShards } from '../converge/shards.ts';
import type { Ledger } from '../domain/ledger.ts';
import { outcomeOf, type Outcome } from '../domain/outcome.ts';
import type { Plan } from '../domain/plan.ts';
import { foldRun, type RunState } from '../domain/run-state.ts';
import type { Executed, House } from '../house.ts';
import { pullRequestBody, pullRequestTitle, type ResultFacts, type ReviewedShard } from '../report/pull-request.ts';
import type { Receipt } from '../report/receipts.ts';
import { startCheck } from './announce.ts';
import { ledgerOf } from './ledger-of.ts';
import { receiptsOf } from './receipts-of.ts';
import { postReviews } from './reviews.ts';

export interface Result {
  readonly branch: RunBranch;
  readonly executed: Executed;
  readonly shards: SettledShards;
  readonly delivered: Assembled;
  readonly proof: Proof | null;
}

/** Reviews on the delivered commits, then the pull request's title and body, ready for people; ends with the run's terminal event. */
export async function report(house: House, plan: Plan, given: Result): Promise<void> {
  // What was dropped while CI was waited for is told as dropped.
  const result = { ...given, shards: await readShards(house, plan, given.executed) };
  const ledger = ledgerOf(plan, result);
  const outcome = outcomeFrom(plan, result, ledger);
  await postReviews(house, plan, result);
  const isThere = deliveredCommits(result.delivered).length > 0;
  if (isThere) await startCheck(house, result.delivered.head, { generation: house.generation, waiting: false });
  const events = await house.journal.events(house.run);
  const state = foldRun(events);
  const sealed = (await house.journal.seal(house.run)) ?? null;
  const { number } = result.branch.pullRequest;
  await house.hub.updatePullRequest(house.run, 'pull-request', {
    number,
    title: pullRequestTitle(plan),
    body: bodyOf({
      house,
      plan,
      result,
      ledger,
      outcome,
      state,
      receipts: receiptsOf(result.shards, { events, spending: state.spending }),
      sealed,
    }),
  });
  if (isThere) await house.hub.markReady(number);
  await house.journal.append(house.run, [{ type: 'run.ended', status: outcome.status, why: outcome.reasons.join(' '), ledger }]);
}

function outcomeFrom(plan: Plan, { executed, shards, delivered, proof }: Result, ledger: Ledger): Outcome {
  const there = new Set([
    ...deliveredCommits(delivered).flatMap((commit) => commit.shards),
    ...shards.dropped.map(({ shard }) => shard.id),
  ]);
  return outcomeOf({
    ledger,
    otherLeftOver: plan.shards.filter((shard) => shard.kind !== 'inventory' && !there.has(shard.id)).map((shard) => shard.id),
    failedChecks: proof?.checks.filter((check) => check.outcome === 'failed').map((check) => check.name) ?? [],
    base: proof?.base ?? null,
    head: proof?.head ?? null,
    newFailures: proof?.newFailures ?? [],
    missing: proof?.missing ?? [],
    baseTrouble: baseTrouble(plan, proof),
    scriptFailed: executed.kind === 'failed' ? executed.message : null,
    stoppedBy: executed.kind === 'stopped' ? executed.by : null,
  });
}

function baseTrouble(plan: Plan, proof: Proof | null): string | null {
  const now = proof?.baseNow;
  if (now?.kind === 'gone') return `The base branch ${plan.base.branch} is gone.`;
  if (now?.kind !== 'moved' || now.conflicts.length === 0) return null;
  return `The base branch ${plan.base.branch} moved to ${now.commit.slice(0, 12)} and conflicts with the result in: ${now.conflicts.join(', ')}.`;
}

interface BodyParts {
  readonly house: House;
  readonly plan: Plan;
  readonly result: Result;
  readonly ledger: Ledger;
  readonly outcome: Outcome;
  readonly state: RunState;
  readonly receipts: readonly Receipt[];
  readonly sealed: ResultFacts['sealed'];
}

function bodyOf({ house, plan, result, ledger, outcome, state, receipts, sealed }: BodyParts): string {
  return pullRequestBody({
    run: house.run,
    place: house.place,
    plan,
    state,
    status: outcome.status,
    reasons: outcome.reasons,
    ledger,
    shards: deliveredCommits(result.delivered).flatMap(({ commit, shards }) => shards.flatMap((id) => reviewed(id, commit, result))),
    leftOver: result.shards.leftOver.map(({ shard, reason }) => ({ shard: shard.id, files: shard.files, reason })),
    checks: result.proof?.checks ?? [],
    base: result.proof?.base ?? null,
    head: result.proof?.head ?? null,
    caveats: house.commands.caveats,
    receipts,
    sealed,
    home: result.branch.pullRequest.url,
    pageUrl: house.pageUrl,
  });
}

function reviewed(id: string, commit: string, { shards }: Result): readonly ReviewedShard[] {
  const item = shards.accepted.find((candidate) => candidate.shard.id === id);
  if (item === undefined) return [];
  const { change, verdict, verdicts } = item;
  return [
    {
      id,
      commit,
      files: change.files.length,
      added: change.added,
      removed: change.removed,
      rounds: verdicts.length,
      reviewers: verdict.reviewers.map((reviewer) => reviewer.lens),
      notes: verdict.findings,
      corrected: verdicts.slice(0, -1).flatMap((earlier) => earlier.findings.filter((finding) => finding.severity === 'blocking')),
    },
  ];
}
