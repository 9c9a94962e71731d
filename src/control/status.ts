import { openQuestions } from '../publish/questions.ts';
import { statusComment } from '../report/status-comment.ts';
import { currentRun, NO_RUN } from './current-run.ts';
import type { Answer, Asked, Desk } from './desk.ts';

/** How far the run is, as a comment of its own: the one that is edited in place may be far up. */
export async function status(desk: Desk, asked: Asked): Promise<Answer> {
  const current = await currentRun(desk, asked);
  if (current === null) return NO_RUN;
  const { run, state, view } = current;
  return statusComment({
    run,
    state,
    pullRequest: view.pullRequest,
    planUrl: view.planComment?.url ?? null,
    planHash: view.plan?.hash ?? null,
    inventory: view.plan?.inventory.length ?? null,
    shards: view.plan?.shards.length ?? null,
    pageUrl: null,
    questions: await openQuestions(desk.journal, run),
  });
}
