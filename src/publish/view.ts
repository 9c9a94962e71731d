import { inGeneration } from '../domain/generation.ts';
import type { Plan } from '../domain/plan.ts';
import type { RunState } from '../domain/run-state.ts';
import type { PostedComment, PostedPullRequest } from '../github/hub.ts';
import type { Planned } from '../house.ts';
import { trusted } from '../journal/trusted.ts';

/** What a run has on GitHub, from its effects; null for what is not there yet. */
export interface RunView {
  readonly plan: Plan | null;
  readonly status: PostedComment | null;
  /** Of this very plan: null while a plan that was made again is not shown yet. */
  readonly planComment: PostedComment | null;
  readonly pullRequest: PostedPullRequest | null;
  /** The newest check run, with the commit that it stands on. */
  readonly check: CheckSeen | null;
  /** Of earlier commits of the run's branch. */
  readonly olderChecks: readonly CheckSeen[];
}

export interface CheckSeen {
  readonly id: number;
  readonly commit: string;
}

const CHECK_KEY = /^check\/([0-9a-f]{40})(?:~\d+)?$/u;

export function viewOf(state: RunState): RunView {
  const [step, planned] = [...state.steps].findLast(([name]) => name.startsWith('plan#')) ?? [];
  const plan = planned === undefined ? null : trusted<Planned>().parse(planned);
  const comment = (key: string): PostedComment | null =>
    state.effects.has(key) ? trusted<PostedComment>().parse(state.effects.get(key)) : null;
  const checks = [...state.effects].flatMap(([key, result]): readonly CheckSeen[] => {
    const commit = CHECK_KEY.exec(key)?.[1];
    return commit === undefined ? [] : [{ ...trusted<{ id: number }>().parse(result), commit }];
  });
  return {
    plan: plan?.kind === 'planned' ? plan.plan : null,
    status: comment('status'),
    planComment: step === undefined ? null : comment(`plan/${step.slice('plan#'.length)}/1`),
    pullRequest: state.effects.has('pull-request') ? trusted<PostedPullRequest>().parse(state.effects.get('pull-request')) : null,
    check: checks.at(-1) ?? null,
    olderChecks: checks.slice(0, -1),
  };
}

/** A completed check run is not taken back: each generation has its own. */
export function checkKey(commit: string, generation: number): string {
  return inGeneration(generation, `check/${commit}`);
}
