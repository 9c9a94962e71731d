import { dollars } from '../domain/budget.ts';
import { foldRun } from '../domain/run-state.ts';
import { currentRun, NO_RUN } from './current-run.ts';
import type { Answer, Asked, Desk } from './desk.ts';

/** Ends the run within seconds: no new agent starts, what was finished is kept, and the cost is told. */
export async function stop(desk: Desk, asked: Asked): Promise<Answer> {
  const current = await currentRun(desk, asked);
  if (current === null) return NO_RUN;
  await desk.journal.signal(current.run, { id: String(asked.comment), name: 'stop', by: asked.author.login, text: '' });
  await desk.interrupt(current.run);
  const { spending, accepted } = foldRun(await desk.journal.events(current.run));
  const kept =
    accepted.length === 0 ? 'No shard was accepted yet.' : `${accepted.length} accepted shards are kept in the journal, undelivered.`;
  return `Stopped. ${kept} It cost ${dollars(spending.total.spent)}.`;
}
