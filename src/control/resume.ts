import { foldRun, type RunState } from '../domain/run-state.ts';
import { currentRun, NO_RUN, runThatHeard } from './current-run.ts';
import type { Answer, Asked, Desk } from './desk.ts';

/** Goes on with a paused run: where a person holds it no more, and at once where it would try again by itself later. */
export async function resume(desk: Desk, asked: Asked): Promise<Answer> {
  const heard = await runThatHeard(desk, asked);
  const run = heard ?? (await currentRun(desk, asked))?.run;
  if (run === undefined) return NO_RUN;
  const state = foldRun(await desk.journal.events(run));
  if (heard === undefined) {
    const cannot = cannotResume(state);
    if (cannot !== null) return cannot;
    await desk.journal.signal(run, { id: String(asked.comment), name: 'resume', by: asked.author.login, text: '' });
  }
  desk.drive(run);
  const { pause } = state;
  return pause === null || pause.reason === 'person'
    ? 'Going on where it was. Nothing that was finished is paid for again.'
    : `Trying again now. It had paused because of this: ${pause.message}`;
}

function cannotResume({ end, held, pause }: RunState): string | null {
  if (end !== null) return `It has ended: ${end.status}.`;
  if (held === null && pause === null) return 'It is not paused: it is under way. `/workflow status` tells how far it is.';
  if (held === null && pause?.reason === 'budget')
    return `It cannot go on within its limit. ${pause.message} \`/workflow budget +$N\` raises the limit by that much, and it goes on at once.`;
  return null;
}
