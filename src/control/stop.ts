import { count } from '../domain/amounts.ts';
import { dollars } from '../domain/budget.ts';
import { DELIVER } from '../domain/asked.ts';
import type { Command } from '../domain/command.ts';
import { foldRun } from '../domain/run-state.ts';
import { isApproved } from '../report/status-comment.ts';
import { currentRun, NO_RUN, runThatHeard } from './current-run.ts';
import type { Answer, Asked, Desk } from './desk.ts';

/**
 * Ends the run within seconds: no new agent starts, what was finished is kept, and the cost is told. With `--deliver` what is accepted is converged, pushed,
 * proved and reported first; before the approval there is nothing of that kind, and it is a plain stop.
 */
export async function stop(desk: Desk, asked: Asked, { deliver }: Extract<Command, { name: 'stop' }>): Promise<Answer> {
  // Asked again after a kill, the same comment stopped what it stopped.
  const run = (await runThatHeard(desk, asked)) ?? (await currentRun(desk, asked))?.run;
  if (run === undefined) return NO_RUN;
  const before = foldRun(await desk.journal.events(run));
  const delivers = deliver && isApproved(before);
  await desk.journal.signal(run, { id: String(asked.comment), name: 'stop', by: asked.author.login, text: delivers ? DELIVER : '' });
  if (delivers && before.stop?.deliver !== false) {
    await desk.restart(run);
    return delivering(desk, run);
  }
  await desk.interrupt(run);
  const { spending, accepted, end, pause } = foldRun(await desk.journal.events(run));
  const cost = `It cost ${dollars(spending.total.spent)}.`;
  if (end === null)
    return `Stopping. No new agent starts; it ends as soon as what stands in the way has passed: ${pause?.message ?? 'GitHub or this machine does not answer.'} ${cost}`;
  if (end.status !== 'stopped') return `It had ended before it could be stopped: ${end.status}. ${cost}`;
  const delivered = end.ledger.filter(({ ending }) => ending === 'migrated').length;
  const kept =
    accepted.length === 0
      ? 'No shard was accepted yet.'
      : `${count(accepted.length, 'accepted shard is', 'accepted shards are')} kept in the journal.`;
  return `Stopped. ${delivered === 0 ? 'Nothing was delivered.' : `${count(delivered, 'file is', 'files are')} delivered on the branch.`} ${kept} ${cost}`;
}

async function delivering(desk: Desk, run: string): Promise<string> {
  const { spending, accepted, end } = foldRun(await desk.journal.events(run));
  const cost = `It cost ${dollars(spending.total.spent)}.`;
  if (end !== null) return `It had ended before it could be stopped: ${end.status}. ${cost}`;
  const what =
    accepted.length === 0
      ? 'No shard was accepted yet, so there is nothing to deliver; it ends with its report.'
      : `${accepted.length === 1 ? 'The accepted shard is' : `The ${accepted.length} accepted shards are`} converged, pushed and proved by CI; then it ends with its report.`;
  return `Stopping. No new agent starts. ${what} ${cost} \`/workflow stop\` ends it at once.`;
}
