import { foldRun, type RunState } from '../domain/run-state.ts';
import { currentRun, NO_RUN, runThatHeard } from './current-run.ts';
import { refuse, type Answer, type Asked, type Desk } from './desk.ts';

/** Goes on with a paused run: where a person holds it no more, and at once where it would try again by itself later. */
export async function resume(desk: Desk, asked: Asked): Promise<Answer> {
  const heard = await runThatHeard(desk, asked);
  const run = heard ?? (await currentRun(desk, asked))?.run;
  if (run === undefined) return NO_RUN;
  const state = foldRun(await desk.journal.events(run));
  if (heard === undefined) {
    const cannot = cannotResume(state);
    if (cannot !== null) return refuse(cannot);
    await desk.journal.signal(run, { id: String(asked.comment), name: 'resume', by: asked.author.login, text: '' });
  }
  desk.drive(run);
  return answerTo(state);
}

function answerTo({ pause }: RunState): string {
  if (pause === null || pause.reason === 'person') return 'Going on where it was. Nothing that was finished is paid for again.';
  const limit = pause.reason === 'budget' ? ' While that limit stands, it pauses again.' : '';
  return `Trying again now.${limit} It had paused because of this: ${pause.message}`;
}

function cannotResume({ end, held, pause }: RunState): string | null {
  if (end !== null) return `It has ended: ${end.status}.`;
  return held === null && pause === null ? 'It is not paused: it is under way. `/workflow status` tells how far it is.' : null;
}
