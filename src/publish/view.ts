import type { Plan } from '../domain/plan.ts';
import type { RunState } from '../domain/run-state.ts';
import type { PostedComment, PostedPullRequest } from '../github/hub.ts';
import type { Planned } from '../house.ts';
import { trusted } from '../journal/trusted.ts';

/** What a run has on GitHub, from its effects; null for what is not there yet. */
export interface RunView {
  readonly plan: Plan | null;
  readonly status: PostedComment | null;
  readonly planComment: PostedComment | null;
  readonly pullRequest: PostedPullRequest | null;
  /** The newest check run, with the commit that it stands on. */
  readonly check: { readonly id: number; readonly commit: string } | null;
}

const CHECK_KEY = /^check\/([0-9a-f]{40})$/u;

export function viewOf(state: RunState): RunView {
  const planned = [...state.steps].findLast(([name]) => name.startsWith('plan#'))?.[1];
  const plan = planned === undefined ? null : trusted<Planned>().parse(planned);
  const comment = (key: string): PostedComment | null =>
    state.effects.has(key) ? trusted<PostedComment>().parse(state.effects.get(key)) : null;
  const planKey = [...state.effects.keys()].findLast((key) => /^plan\/\d+\/1$/u.test(key));
  const checkKey = [...state.effects.keys()].findLast((key) => CHECK_KEY.test(key));
  const commit = checkKey === undefined ? undefined : CHECK_KEY.exec(checkKey)?.[1];
  return {
    plan: plan?.kind === 'planned' ? plan.plan : null,
    status: comment('status'),
    planComment: planKey === undefined ? null : comment(planKey),
    pullRequest: state.effects.has('pull-request') ? trusted<PostedPullRequest>().parse(state.effects.get('pull-request')) : null,
    check:
      checkKey === undefined || commit === undefined ? null : { ...trusted<{ id: number }>().parse(state.effects.get(checkKey)), commit },
  };
}

export function checkKey(commit: string): string {
  return `check/${commit}`;
}
