import { aboveOperator } from '../domain/ceilings.ts';
import type { Command } from '../domain/command.ts';
import { openQuestions } from '../publish/questions.ts';
import { isApproved } from '../report/status-comment.ts';
import { currentRun, NO_RUN, runThatHeard } from './current-run.ts';
import { refuse, type Answer, type Asked, type Desk } from './desk.ts';
import { mayNotApprove } from './may-approve.ts';

/** Starts the plan with that hash: a different one, or a person who may not, is refused with the reason (invariant 2). */
export async function approve(desk: Desk, asked: Asked, { hash }: Extract<Command, { name: 'approve' }>): Promise<Answer> {
  const current = await currentRun(desk, asked);
  if (current === null) return (await runThatHeard(desk, asked)) === undefined ? NO_RUN : null;
  if (current.state.signals.some(({ id }) => id === String(asked.comment))) return null;
  const { run, state, view } = current;
  const refused = await mayNotApprove(desk, asked, state);
  if (refused !== null) return refuse(refused);
  if (isApproved(state) && (await openQuestions(desk.journal, run)).some(({ gate }) => gate === hash)) {
    await desk.journal.signal(run, { id: String(asked.comment), name: 'approve', by: asked.author.login, text: hash });
    return null;
  }
  if (isApproved(state)) return refuse(`Run \`${run}\` was approved already and is under way. \`/workflow status\` tells how far it is.`);
  if (view.plan === null || isPlanningAgain(state))
    return refuse('There is no plan to approve yet: it is being made. Its comment will show the hash to approve.');
  if (!view.plan.hash.startsWith(hash)) {
    return refuse(
      `Found the hash \`${hash}\`, expected \`${view.plan.hash.slice(0, 12)}\`: that is the hash of the plan as it stands now. A plan that was made again, or configuration that changed, has another hash and needs to be read again before it is approved.`,
    );
  }
  const above = aboveOperator(view.plan, desk.operator);
  if (above.length > 0) return refuse(aboveText(above));
  await desk.journal.signal(run, { id: String(asked.comment), name: 'approve', by: asked.author.login, text: hash });
  desk.drive(run);
  return null;
}

function aboveText(above: readonly string[]): string {
  return `The operator of this Converge allows less now than when this plan was made. Found ${above.join('; ')}. \`/workflow stop\` ends this run; a new \`/workflow migrate\` plans within what is allowed.`;
}

/** A revision was asked for and the plan that answers it is not there yet. */
function isPlanningAgain(state: {
  readonly signals: readonly { readonly name: string }[];
  readonly steps: ReadonlyMap<string, unknown>;
}): boolean {
  const asked = state.signals.filter((signal) => signal.name === 'revise').length;
  const plans = [...state.steps.keys()].filter((name) => name.startsWith('plan#')).length;
  return plans <= asked;
}
