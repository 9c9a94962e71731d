import { foldRun } from '../domain/run-state.ts';
import type { Journal } from '../journal/journal.ts';
import { openQuestions } from '../publish/questions.ts';
import { viewOf } from '../publish/view.ts';
import { ledgerTable } from '../report/ledger.ts';
import { paragraphs } from '../report/markdown.ts';
import { page } from '../report/page.ts';
import { statusComment } from '../report/status-comment.ts';

/** A run as a page of its own: what the status comment says, with no limit of size. Null when there is no such run. */
export async function runPage(journal: Journal, run: string, caveats: readonly string[]): Promise<string | null> {
  const events = await journal.events(run);
  if (events[0]?.event.type !== 'run.started') return null;
  const state = foldRun(events);
  const view = viewOf(state);
  const body = statusComment({
    run,
    state,
    questions: await openQuestions(journal, run),
    pullRequest: view.pullRequest,
    pageUrl: null,
    planUrl: view.planComment?.url ?? null,
    planHash: view.plan?.hash ?? null,
    inventory: view.plan?.inventory.length ?? null,
    shards: view.plan?.shards.length ?? null,
    caveats,
  });
  const ledger = state.end === null ? null : `### Ledger\n\n${ledgerTable(state.end.ledger)}`;
  return page(`Converge run ${run}`, paragraphs(body, ledger), { live: state.end === null });
}
