import type { Command } from '../domain/command.ts';
import { plannedAgainReply } from '../report/replies.ts';
import { openQuestions } from '../publish/questions.ts';
import { isApproved } from '../report/status-comment.ts';
import { currentRun, NO_RUN } from './current-run.ts';
import { refuse, type Answer, type Asked, type Desk } from './desk.ts';

/** Plans again, with what should be different; before the approval; after it, answers a question of the script. */
export async function revise(desk: Desk, asked: Asked, { text }: Extract<Command, { name: 'revise' }>): Promise<Answer> {
  const current = await currentRun(desk, asked);
  if (current === null) return NO_RUN;
  if (current.state.signals.some(({ id }) => id === String(asked.comment))) return plannedAgainReply(text);
  if (isApproved(current.state) && (await openQuestions(desk.journal, current.run)).length > 0) {
    await desk.journal.signal(current.run, { id: String(asked.comment), name: 'revise', by: asked.author.login, text });
    return null;
  }
  if (isApproved(current.state))
    return refuse(`Run \`${current.run}\` was approved already, so its plan stands. \`/workflow stop\` it to plan something else.`);
  if (current.view.plan === null) return refuse('The first plan is still being made. Read it, then say what should be different.');
  const { login, id } = asked.author;
  await desk.journal.signal(current.run, { id: String(asked.comment), name: 'revise', by: login, text, account: id });
  return plannedAgainReply(text);
}
