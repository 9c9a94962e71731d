import { html } from './html.ts';
import type { Html } from './html.ts';
import type { IconName } from './icons.ts';
import { icon } from './icons.ts';
import { stateBadge } from './issue-state.ts';
import { repositoryFrame, repositoryTitle } from './layout.ts';
import { count } from '../../domain/amounts.ts';
import { author, moment } from './person.ts';
import type { Page, PullView } from './view.ts';
import { checkRunsAt } from './view.ts';

type PullTab = 'conversation' | 'commits' | 'checks' | 'files';

/** Title, state and tabs of a pull request, around one of its pages. */
export function pullFrame(view: PullView, { tab, body }: { tab: PullTab; body: Html }): Page {
  const { issue, pull, home, hub, repository } = view;
  const page = `${home}/pull/${issue.number}`;
  const said = [...hub.state.comments.values(), ...hub.state.reviewComments.values()].filter(
    (one) => one.repository.id === repository.id && ('pullNumber' in one ? one.pullNumber : one.issueNumber) === issue.number,
  );
  const link = (name: PullTab, { title, drawing, number }: { title: string; drawing: IconName; number: number }): Html =>
    html`<a href="${name === 'conversation' ? page : `${page}/${name}`}" class="${name === tab ? 'here' : ''}"
      >${icon(drawing)}${title}<span class="counter">${number}</span></a
    >`;
  const sum = (of: 'additions' | 'deletions'): string => view.files.reduce((total, file) => total + file[of], 0).toLocaleString('en');
  const when = pull.merged ? moment(view, pull.merged.at) : null;
  const words = pull.merged ? html`${author(view, pull.merged.by)} merged` : html`${author(view, issue.author)} wants to merge`;
  const frame = html`<h1 class="title">${issue.title} <span class="number">#${issue.number}</span></h1>
    <div class="about">
      ${stateBadge(issue)}<span
        >${words} ${count(view.commits.length, 'commit')} into <span class="branch">${pull.baseRef}</span> from
        <span class="branch">${headName(view)}</span> ${when}</span
      >
    </div>
    <nav class="tabs pull-tabs">
      ${link('conversation', { title: 'Conversation', drawing: 'comment', number: said.length })}${link('commits', { title: 'Commits', drawing: 'commit', number: view.commits.length })}
      ${link('checks', { title: 'Checks', drawing: 'checks', number: checkRunsAt(view, pull.headSha).length })}${link('files', { title: 'Files changed', drawing: 'files', number: view.files.length })}
      <span class="sum"><span class="plus">+${sum('additions')}</span> <span class="minus">−${sum('deletions')}</span></span>
    </nav>
    ${body}`;
  const wide = tab === 'files' || tab === 'checks';
  return {
    title: repositoryTitle(view, `${issue.title} #${issue.number}`),
    body: repositoryFrame(view, { tab: 'pulls', body: frame, wide }),
  };
}

function headName({ pull, repository }: PullView): string {
  return pull.headRepository.id === repository.id ? pull.headRef : `${pull.headRepository.owner.login}:${pull.headRef}`;
}
