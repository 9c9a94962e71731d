import { z } from 'zod';
import { deliveredCommits, type Assembled, type DeliveredCommit } from '../converge/assemble.ts';
import type { Ledger } from '../domain/ledger.ts';
import type { Plan } from '../domain/plan.ts';
import type { Place } from '../domain/run.ts';
import { foldRun, type RunState } from '../domain/run-state.ts';
import type { PushResult } from '../git/workspace.ts';
import type { Hub } from '../github/hub.ts';
import type { Journal } from '../journal/journal.ts';
import { trusted } from '../journal/trusted.ts';
import { earlyEndBody } from '../report/early-end-body.ts';
import { pullRequestTitle } from '../report/pull-request.ts';
import { droppedBy, fileEntries } from './ledger-of.ts';
import { viewOf } from './view.ts';

/** What ending a run before its report needs; a house has it, and a run that could not be entered too. */
export interface Ending {
  readonly run: string;
  readonly place: Place;
  readonly journal: Journal;
  readonly hub: Hub;
}

/** The planner found no plan that can be carried out: a clear refusal, and the end. */
export async function refuse(ending: Ending, reason: string): Promise<void> {
  await ending.journal.append(ending.run, [{ type: 'run.ended', status: 'failed', why: reason, ledger: [] }]);
}

/** Stopped by a person, or planned only: what was finished is kept, and every file says where it stands. */
export function stopped(ending: Ending, why: string): Promise<void> {
  return endEarly(ending, 'stopped', why);
}

/** The run met what comes again when repeated: it ends, and says what was found and what to do. */
export function failed(ending: Ending, why: string): Promise<void> {
  return endEarly(ending, 'failed', why);
}

async function endEarly(ending: Ending, status: 'stopped' | 'failed', why: string): Promise<void> {
  const { run, journal } = ending;
  const state = foldRun(await journal.events(run));
  const { plan } = viewOf(state);
  const ledger = plan === null ? [] : earlyLedger(plan, await deliveredIn(ending, state), state);
  await journal.append(run, [{ type: 'run.ended', status, why, ledger, early: true }]);
  await showEarlyEnd(ending);
}

/** The pull request's body of a run that ended early; a run that ended otherwise has another, which stays. Asked again, it writes the same. */
export async function showEarlyEnd({ run, place, journal, hub }: Ending): Promise<void> {
  const state = foldRun(await journal.events(run));
  const { plan, pullRequest } = viewOf(state);
  const { end } = state;
  if (plan === null || pullRequest === null || end === null || !end.early) return;
  if (end.status !== 'stopped' && end.status !== 'failed') return;
  const { status, why, ledger } = end;
  const body = earlyEndBody({ run, place, plan, status, why, ledger, spent: state.spending.total.spent });
  await hub.updatePullRequest(run, 'pull-request', { number: pullRequest.number, title: pullRequestTitle(plan), body });
}

/** What was pushed counts as delivered, whatever happened after; nothing else does. */
function earlyLedger(plan: Plan, delivered: readonly DeliveredCommit[], state: RunState): Ledger {
  const landed = new Set(delivered.flatMap((commit) => commit.shards));
  const accepted = new Set(state.accepted.map(({ shard }) => shard));
  const dropped = new Map(state.dropped.map(({ shard, by }) => [shard, by]));
  const leftOver = new Map(state.leftOver.map(({ shard, reason }) => [shard, reason]));
  return fileEntries(plan, (shard) => {
    if (landed.has(shard))
      return { ending: 'migrated', why: 'delivered, with gates and reviewers; the whole was not proved, since the run ended early' };
    const by = dropped.get(shard);
    if (by !== undefined) return droppedBy(by);
    if (accepted.has(shard)) return { ending: 'not-started', why: 'accepted, but not delivered before the run ended' };
    const reason = leftOver.get(shard);
    return reason === undefined ? { ending: 'not-started', why: 'the run ended before' } : { ending: 'left-over', why: reason };
  });
}

const CONVERGED = /^push\/converged\/(?<attempt>\d+(?:~\d+)?)$/u;
const intended = z.object({ push: z.string(), commit: z.string() });

/** What the last push that reached GitHub brought there, with all that was there before. Of one whose outcome nobody wrote down, GitHub's branch tells. */
async function deliveredIn({ run, journal, hub }: Ending, state: RunState): Promise<readonly DeliveredCommit[]> {
  const pushes = (await journal.effects(run)).filter(({ key }) => CONVERGED.test(key));
  for (const { key, intent, done, result } of pushes.toReversed()) {
    const there = done ? isThere(trusted<PushResult>().parse(result)) : await arrived(hub, intended.parse(intent));
    const assembled = there ? state.steps.get(`assembled#${CONVERGED.exec(key)?.groups?.['attempt'] ?? ''}`) : undefined;
    if (assembled !== undefined) return deliveredCommits(trusted<Assembled>().parse(assembled));
  }
  return [];
}

async function arrived(hub: Hub, { push, commit }: z.infer<typeof intended>): Promise<boolean> {
  return (await hub.branchHead(push)) === commit;
}

function isThere({ kind }: PushResult): boolean {
  return kind === 'pushed' || kind === 'already';
}
