import type { Talk } from './diff-view.ts';
import { filesView } from './diff-view.ts';
import { html } from './html.ts';
import { pullFrame } from './pull-frame.ts';
import { note } from './thread.ts';
import type { Page, PullView, RepositoryView, ReviewComment } from './view.ts';

/** All that a pull request changes, with review comments in place. */
export function filesPage(view: PullView): Page {
  const { hub, repository, issue } = view;
  const said = [...hub.state.reviewComments.values()].filter(
    (one) => one.repository.id === repository.id && one.pullNumber === issue.number && one.review.state !== 'PENDING',
  );
  const talks = said.map((comment) => talkOf(view, comment));
  return pullFrame(view, { tab: 'files', body: filesView(view.files, talks) });
}

export function talkOf(view: RepositoryView, comment: ReviewComment): Talk {
  const { path, side, line, diffHunk } = comment;
  const about = diffHunk.split('\n').at(-1)?.slice(1) ?? '';
  return { path, side, line, about, shown: html`<div id="in-files-${comment.id}">${note(view, comment)}</div>` };
}
