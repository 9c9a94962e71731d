import { foldRun } from '../domain/run-state.ts';
import type { Place } from '../domain/run.ts';
import type { PostedPullRequest } from '../github/hub.ts';
import type { Journal } from '../journal/journal.ts';
import { openQuestions } from '../publish/questions.ts';
import { viewOf } from '../publish/view.ts';
import { ledgerTable } from '../report/ledger.ts';
import { code, paragraphs } from '../report/markdown.ts';
import { page } from '../report/page.ts';
import { statusComment } from '../report/status-comment.ts';

export interface PageFacts {
  /** GitHub's own pages, without a slash at the end. */
  readonly siteUrl: string;
  /** What every page says of this Converge. */
  readonly caveats: readonly string[];
}

/** A run as a page of its own: what the status comment says, with no limit of size. Null when there is no such run. */
export async function runPage(journal: Journal, run: string, { siteUrl, caveats }: PageFacts): Promise<string | null> {
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
  return page(`Converge run ${run}`, paragraphs(placeLine(state.place, view.pullRequest, siteUrl), body, ledger), {
    live: state.end === null,
  });
}

/** Where it was asked for, and what came of it. */
function placeLine({ kind, owner, repo, number }: Place, pullRequest: PostedPullRequest | null, siteUrl: string): string {
  const repository = `${siteUrl}/${encodeURIComponent(owner)}/${encodeURIComponent(repo)}`;
  const asked =
    kind === 'issue' ? `[issue #${number}](${repository}/issues/${number})` : `[pull request #${number}](${repository}/pull/${number})`;
  const result = pullRequest === null ? [] : [`result: [pull request #${pullRequest.number}](${pullRequest.url})`];
  return [`[${code(`${owner}/${repo}`)}](${repository})`, `asked for in ${asked}`, ...result].join(' · ');
}
