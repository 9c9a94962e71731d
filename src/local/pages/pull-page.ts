import { checksBox } from './checks-list.ts';
import { conversation } from './conversation.ts';
import { html } from './html.ts';
import type { Html } from './html.ts';
import type { IconName } from './icons.ts';
import { icon } from './icons.ts';
import { sidebar } from './issue-page.ts';
import { author, avatar } from './person.ts';
import { pullFrame } from './pull-frame.ts';
import type { Page, PullView } from './view.ts';

/** A pull request's conversation, with its checks and whether it can be merged at the end. */
export async function pullPage(view: PullView): Promise<Page> {
  const talk = await conversation(view, view.issue, view);
  const sections = [{ title: 'Reviewers', lines: reviewers(view), none: 'No reviews' }];
  const body = html`<div class="columns">
    <div>${talk}${await mergeBox(view)}</div>
    ${sidebar(view, view.issue, sections)}
  </div>`;
  return pullFrame(view, { tab: 'conversation', body });
}

const VERDICTS: Readonly<Record<string, { drawing: IconName; colour: string }>> = {
  APPROVED: { drawing: 'tick', colour: 'good' },
  CHANGES_REQUESTED: { drawing: 'files', colour: 'bad' },
};

/** Each reviewer's newest word that counts. */
function reviewers({ hub, repository, issue, ...rest }: PullView): readonly Html[] {
  const given = [...hub.state.reviews.values()].filter(
    (one) => one.repository.id === repository.id && one.pullNumber === issue.number && one.state !== 'PENDING',
  );
  return [...Map.groupBy(given, (one) => one.author)].map(([account, own]) => {
    const { drawing, colour } = VERDICTS[own.findLast((one) => one.state in VERDICTS)?.state ?? ''] ?? {
      drawing: 'comment',
      colour: 'quiet',
    };
    return html`${avatar(account, 20)}${author({ hub, ...rest }, account)}<span class="grow"></span
      ><span class="result ${colour}">${icon(drawing)}</span>`;
  });
}

interface Standing {
  readonly drawing: IconName;
  readonly colour: string;
  readonly headline: string;
  readonly words: string;
}

async function mergeBox(view: PullView): Promise<Html> {
  const standing = await standingOf(view);
  const { drawing, colour, headline, words } = standing;
  const checks = view.pull.merged ? null : checksBox(view, view.pull.headSha);
  const spot = view.pull.merged ? 'done' : colour;
  return html`<div class="merge">
    <span class="spot ${spot}">${icon('merge')}</span>
    <div class="box">
      ${checks}
      <div class="row">
        <span class="result ${colour}">${icon(drawing)}</span>
        <div>
          <b>${headline}</b>
          <p class="soft">${words}</p>
        </div>
      </div>
    </div>
  </div>`;
}

async function standingOf({ hub, repository, issue, pull, baseSha }: PullView): Promise<Standing> {
  if (pull.merged) {
    return {
      drawing: 'merge',
      colour: 'quiet',
      headline: 'Pull request merged and closed',
      words: `As ${pull.merged.sha.slice(0, 7)}, by ${pull.merged.by.login}.`,
    };
  }
  if (issue.state === 'closed') {
    return {
      drawing: 'pull',
      colour: 'bad',
      headline: 'Closed with unmerged commits',
      words: `The branch ${pull.headRef} can be reopened.`,
    };
  }
  const merge = await hub.site.git.run(repository.directory, ['merge-tree', '--write-tree', baseSha, pull.headSha]);
  const words = `Into ${pull.baseRef}, as it is now.`;
  if (merge.exitCode !== 0) return { drawing: 'alert', colour: 'bad', headline: 'This branch has conflicts that must be resolved', words };
  if (pull.draft) {
    const why = 'Draft pull requests cannot be merged. No conflicts with the base branch.';
    return { drawing: 'draft', colour: 'quiet', headline: 'This pull request is still a work in progress', words: why };
  }
  return { drawing: 'tick', colour: 'good', headline: 'No conflicts with base branch', words: 'Merging can be performed automatically.' };
}
