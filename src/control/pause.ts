import { dollars } from '../domain/budget.ts';
import { foldRun } from '../domain/run-state.ts';
import { currentRun, NO_RUN, runThatHeard } from './current-run.ts';
import { refuse, type Answer, type Asked, type Desk } from './desk.ts';

/** Has the run wait, for days if need be, until somebody says go on: no agent begins a new turn, and what the model is answering is finished and kept. */
export async function pause(desk: Desk, asked: Asked): Promise<Answer> {
  // Carried out again after a kill, the same comment pauses what it paused.
  const heard = await runThatHeard(desk, asked);
  const run = heard ?? (await currentRun(desk, asked))?.run;
  if (run === undefined) return NO_RUN;
  const { held, end, spending } = foldRun(await desk.journal.events(run));
  if (heard === undefined && held !== null) return refuse(`It is paused already, by ${held.by}. \`/workflow resume\` goes on.`);
  if (end !== null) return refuse(`It had ended before it could be paused: ${end.status}.`);
  await desk.journal.signal(run, { id: String(asked.comment), name: 'pause', by: asked.author.login, text: '' });
  // Where it is not driven now, this writes the pause; where it is, the driver hears of it by itself.
  desk.drive(run);
  return `Pausing. No agent begins a new turn; what the model is answering is finished and kept, then the run waits. It has cost ${dollars(spending.total.spent)} so far. \`/workflow resume\` goes on.`;
}
