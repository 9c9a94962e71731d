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

async function endEarly({ run, place, journal, hub }: Ending, status: 'stopped' | 'failed', why: string): Promise<void> {
  const state = foldRun(await journal.events(run));
  const { plan, pullRequest } = viewOf(state);
  const ledger = plan === null ? [] : earlyLedger(plan, state);
  await journal.append(run, [{ type: 'run.ended', status, why, ledger }]);
  if (plan === null || pullRequest === null) return;
  const body = earlyEndBody({ run, place, plan, status, why, ledger, spent: state.spending.total.spent });
  await hub.updatePullRequest(pullRequest.number, { title: pullRequestTitle(plan), body });
}

/** What was pushed counts as delivered, whatever happened after; nothing else does. */
function earlyLedger(plan: Plan, state: RunState): Ledger {
  const landed = new Set(deliveredIn(state).flatMap((commit) => commit.shards));
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

/** What the last push that reached GitHub brought there, with all that was there before. */
function deliveredIn(state: RunState): readonly DeliveredCommit[] {
  const pushed = [...state.effects].findLast(
    ([key, result]) => /^push\/converged\/\d+(?:~\d+)?$/u.test(key) && isThere(trusted<PushResult>().parse(result)),
  );
  const assembled = pushed === undefined ? undefined : state.steps.get(`assembled#${pushed[0].split('/').at(-1) ?? ''}`);
  return assembled === undefined ? [] : deliveredCommits(trusted<Assembled>().parse(assembled));
}

function isThere({ kind }: PushResult): boolean {
  return kind === 'pushed' || kind === 'already';
}
