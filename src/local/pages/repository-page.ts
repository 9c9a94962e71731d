import { html } from './html.ts';
import type { Html } from './html.ts';
import { icon } from './icons.ts';
import { mark } from './checks-list.ts';
import { repositoryFrame, repositoryTitle } from './layout.ts';
import { stateOf } from './issue-state.ts';
import { author, moment } from './person.ts';
import type { Issue, Page, RepositoryView } from './view.ts';
import { issueUrl } from './view.ts';

/** Issues and pull requests beside each other: what there is to see. */
export function repositoryPage(view: RepositoryView): Page {
  const body = html`${issueList(view, 'Pull requests', pullsOf(view))}${issueList(view, 'Issues', issuesOf(view))}
    <p class="soft">Clone: <code>${view.home}.git</code> · default branch <span class="branch">${view.repository.defaultBranch}</span></p>`;
  return { title: repositoryTitle(view, 'Overview'), body: repositoryFrame(view, { tab: 'issues', body }) };
}

export function issuesPage(view: RepositoryView): Page {
  const body = issueList(view, 'Issues', issuesOf(view));
  return { title: repositoryTitle(view, 'Issues'), body: repositoryFrame(view, { tab: 'issues', body }) };
}

export function pullsPage(view: RepositoryView): Page {
  const body = issueList(view, 'Pull requests', pullsOf(view));
  return { title: repositoryTitle(view, 'Pull requests'), body: repositoryFrame(view, { tab: 'pulls', body }) };
}

function issuesOf({ repository }: RepositoryView): readonly Issue[] {
  return [...repository.issues.values()].filter((issue) => issue.pull === null).toReversed();
}

function pullsOf({ repository }: RepositoryView): readonly Issue[] {
  return [...repository.issues.values()].filter((issue) => issue.pull !== null).toReversed();
}

function issueList(view: RepositoryView, title: string, issues: readonly Issue[]): Html {
  const open = issues.filter((issue) => issue.state === 'open').length;
  return html`<section class="list">
    <header>${title}<span class="grow"></span><span class="soft">${open} open · ${issues.length - open} closed</span></header>
    ${issues.length === 0 && html`<p class="empty">Nothing here so far.</p>`}
    <ul>
      ${issues.map((issue) => issueRow(view, issue))}
    </ul>
  </section>`;
}

function issueRow(view: RepositoryView, issue: Issue): Html {
  const { kind, drawing } = stateOf(issue);
  const comments = [...view.hub.state.comments.values()].filter(
    (one) => one.repository.id === view.repository.id && one.issueNumber === issue.number,
  );
  const verb = issue.pull?.merged ? 'merged' : issue.state === 'closed' ? 'closed' : 'opened';
  const when = issue.pull?.merged?.at ?? issue.closedAt ?? issue.createdAt;
  return html`<li>
    <span class="is-${kind}">${icon(drawing)}</span>
    <div class="grow">
      <a class="headline" href="${issueUrl(view.home, issue)}">${issue.title}</a> ${issue.pull && mark(view, issue.pull.headSha)}
      ${issue.labels.map((label) => html`<span class="label">${label}</span>`)}
      <p class="soft">
        #${issue.number} ${verb} ${moment(view, when)} by ${author(view, issue.author)}${issue.pull?.draft === true && ' · Draft'}
      </p>
    </div>
    ${comments.length > 0 && html`<a class="soft" href="${issueUrl(view.home, issue)}">${icon('comment')} ${comments.length}</a>`}
  </li>`;
}
