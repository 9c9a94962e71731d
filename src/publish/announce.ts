import type { Plan } from '../domain/plan.ts';
import { foldRun } from '../domain/run-state.ts';
import type { RunBranch } from '../converge/branch.ts';
import type { House } from '../house.ts';
import { checkText } from '../report/check-summary.ts';
import { planComments } from '../report/plan-comment.ts';
import { statusComment } from '../report/status-comment.ts';
import { checkDraft } from './bulletin.ts';
import { checkKey, viewOf } from './view.ts';

/** The status comment, posted once where the command was; from then on it is edited in place. A new generation begins its check run, where the last one ended. */
export async function announce(house: House): Promise<void> {
  const state = foldRun(await house.journal.events(house.run));
  const facts = {
    run: house.run,
    state,
    pullRequest: null,
    planUrl: null,
    planHash: null,
    inventory: null,
    shards: null,
    pageUrl: house.pageUrl,
    questions: [],
  };
  await house.hub.comment(house.run, 'status', { number: house.place.number, body: statusComment(facts) });
  const { check } = viewOf(state);
  if (house.generation > 1 && check !== null) await startCheck(house, check.commit, { generation: house.generation, waiting: false });
}

interface Shown {
  readonly round: number;
  readonly branch: RunBranch | null;
  /** Why it was planned again; null for the first plan. */
  readonly why: string | null;
}

/** The plan as a comment (in parts when it is long), and the check run `converge`, queued until a person approves. */
export async function showPlan(house: House, plan: Plan, { round, branch, why }: Shown): Promise<void> {
  const planOnly = branch === null ? (house.settings.planOnlyReason ?? 'Only planning was asked for.') : null;
  const comments = planComments({ plan, round, why, planOnly });
  for (const [at, body] of comments.entries())
    await house.hub.comment(house.run, `plan/${round}/${at + 1}`, { number: house.place.number, body });
  if (branch !== null) await startCheck(house, branch.commit, { generation: 1, waiting: true });
}

/** The check run `converge` on a commit of the run's branch; the first one waits for the approval. */
export async function startCheck(
  house: House,
  commit: string,
  { generation, waiting }: { readonly generation: number; readonly waiting: boolean },
): Promise<void> {
  const state = foldRun(await house.journal.events(house.run));
  const { plan } = viewOf(state);
  const text = checkText(state, { planHash: plan?.hash ?? null, shards: plan?.shards.length ?? null });
  await house.hub.startCheckRun(
    house.run,
    checkKey(commit, generation),
    checkDraft(commit, { ...text, startedAt: state.startedAt, status: null, waiting, url: house.pageUrl }),
  );
}
