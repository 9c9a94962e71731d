import { html } from './html.ts';
import type { Html } from './html.ts';
import { bodyOf } from './comment-box.ts';
import { hunkTable } from './diff-view.ts';
import { author, avatar, moment } from './person.ts';
import type { RepositoryView, ReviewComment } from './view.ts';

/** Lines of the diff that GitHub shows above a comment. */
const CONTEXT = 4;

/** One inline comment by itself. */
export function note(view: RepositoryView, comment: ReviewComment): Html {
  return html`<div class="note">
    ${avatar(comment.author, 28)}
    <div>${author(view, comment.author)} <span class="soft">${moment(view, comment.createdAt)}</span>${bodyOf(view, comment.body)}</div>
  </div>`;
}

/** An inline comment in the conversation, below the end of the diff's hunk that it is about. */
export function thread(view: RepositoryView, comment: ReviewComment): Html {
  const { pullNumber, path, startLine, line, side, diffHunk } = comment;
  const from = startLine === null ? line : startLine;
  const place = `${from === line ? `line ${line}` : `lines ${from} to ${line}`}${side === 'LEFT' ? ' before' : ''}`;
  return html`<section class="thread" id="discussion_r${comment.id}">
    <header><a href="${view.home}/pull/${pullNumber}/files#in-files-${comment.id}">${path}</a><span class="soft">${place}</span></header>
    ${hunkTable(diffHunk, Math.max(CONTEXT, line - from + 1))}${note(view, comment)}
  </section>`;
}
