import { readCommits } from '../github/present/commits.ts';
import type { Commit } from '../github/present/commits.ts';
import { mark } from './checks-list.ts';
import { bodyOf, commentItem, reactions } from './comment-box.ts';
import { html } from './html.ts';
import type { Html } from './html.ts';
import type { IconName } from './icons.ts';
import { icon } from './icons.ts';
import { count } from '../../domain/amounts.ts';
import { author, avatar, moment } from './person.ts';
import { thread } from './thread.ts';
import type { Happening, Issue, PullView, RepositoryView, Review } from './view.ts';
import { commitUrl } from './view.ts';

/** Something in a conversation, with its time. */
interface Entry {
  readonly at: number;
  readonly shown: Html;
}

/** The issue's own text and all that was said and done since, oldest first. */
export async function conversation(view: RepositoryView, issue: Issue, pull: PullView | null): Promise<Html> {
  const first = commentItem(view, {
    thing: issue,
    anchor: `issue-${issue.id}`,
    body: issue.body ?? '',
    verb: issue.pull ? 'opened this pull request' : 'opened this issue',
    reactions: reactions(view, 'issue', issue.id),
    minimized: null,
    // Whatever is said below changes an issue's time too.
    isEdited: false,
  });
  const entries = [...comments(view, issue), ...reviews(view, issue), ...happenings(view, issue), ...(pull ? await pushes(pull) : [])];
  return html`<div class="timeline">${first}${entries.toSorted((one, other) => one.at - other.at).map((entry) => entry.shown)}</div>`;
}

function comments(view: RepositoryView, issue: Issue): readonly Entry[] {
  const said = [...view.hub.state.comments.values()].filter(
    (one) => one.repository.id === view.repository.id && one.issueNumber === issue.number,
  );
  return said.map((comment) => ({
    at: comment.createdAt,
    shown: commentItem(view, {
      thing: comment,
      anchor: `issuecomment-${comment.id}`,
      body: comment.body,
      verb: 'commented',
      reactions: reactions(view, 'comment', comment.id),
      minimized: comment.minimized,
      isEdited: comment.updatedAt > comment.createdAt,
    }),
  }));
}

const REVIEWED: Readonly<Record<Review['state'], { words: string; drawing: IconName; colour: string }>> = {
  APPROVED: { words: 'approved these changes', drawing: 'tick', colour: 'good' },
  CHANGES_REQUESTED: { words: 'requested changes', drawing: 'files', colour: 'bad' },
  COMMENTED: { words: 'reviewed', drawing: 'eye', colour: '' },
  DISMISSED: { words: 'reviewed; the review was dismissed', drawing: 'eye', colour: '' },
  PENDING: { words: 'began a review', drawing: 'eye', colour: '' },
};

/** A review: what it says of which commit, and its inline comments. Pending ones are seen by nobody else. */
function reviews(view: RepositoryView, issue: Issue): readonly Entry[] {
  const { hub, repository, home } = view;
  const given = [...hub.state.reviews.values()].filter((one) => one.repository.id === repository.id && one.pullNumber === issue.number);
  return given
    .filter((review) => review.state !== 'PENDING')
    .map((review) => {
      const { words, drawing, colour } = REVIEWED[review.state];
      const inline = [...hub.state.reviewComments.values()].filter((one) => one.review.id === review.id);
      const commit = html`<a class="sha" href="${commitUrl(home, review.commitSha)}">${review.commitSha.slice(0, 7)}</a>`;
      const head = html`${author(view, review.author)} ${words} ${commit} ${moment(view, review.createdAt)}`;
      const body =
        review.body.trim() !== '' &&
        html`<article class="box ${review.author.type === 'Bot' && 'bot'}">
          <header>${author(view, review.author)} left a comment</header>
          ${bodyOf(view, review.body)}
        </article>`;
      const shown = html`<div id="pullrequestreview-${review.id}">
        ${row({ drawing, colour, text: head })}
        ${
          (body || inline.length > 0) &&
          html`<div class="item">
            <div class="picture">${avatar(review.author)}</div>
            <div>${body}${inline.map((comment) => thread(view, comment))}</div>
          </div>`
        }
      </div>`;
      return { at: review.createdAt, shown };
    });
}

const DONE: Readonly<Record<string, { words: string; drawing: IconName; colour: string }>> = {
  ready_for_review: { words: 'marked this pull request as ready for review', drawing: 'eye', colour: '' },
  converted_to_draft: { words: 'marked this pull request as draft', drawing: 'draft', colour: '' },
  closed: { words: 'closed this', drawing: 'skipped', colour: 'bad' },
  reopened: { words: 'reopened this', drawing: 'issue', colour: 'good' },
  edited: { words: 'edited the title or the description', drawing: 'edit', colour: '' },
};

function happenings(view: RepositoryView, issue: Issue): readonly Entry[] {
  return happeningsOf(view, issue).flatMap((one) => {
    const merged = one.action === 'closed' ? issue.pull?.merged : null;
    const done = merged ? { words: `merged ${merged.sha.slice(0, 7)}`, drawing: 'merge' as const, colour: 'done' } : DONE[one.action];
    if (!done) return [];
    const colour = one.action === 'closed' && !issue.pull ? 'done' : done.colour;
    const text = html`${author(view, one.actor)} ${done.words} ${moment(view, one.at)}`;
    return [{ at: one.at, shown: row({ drawing: done.drawing, colour, text }) }];
  });
}

function happeningsOf({ hub, repository }: RepositoryView, issue: Issue): readonly Happening[] {
  return hub.state.happenings.filter((one) => one.repository.id === repository.id && one.number === issue.number);
}

/** The commits of each push, where the head moved; those that the pull request began with come first. */
async function pushes(view: PullView): Promise<readonly Entry[]> {
  const moves = happeningsOf(view, view.issue).filter((one) => one.action === 'opened' || one.action === 'synchronize');
  return Promise.all(
    moves.map(async (move, index) => {
      const before = moves[index - 1]?.headSha ?? null;
      const known = before === null ? [] : [`^${before}`];
      const args = ['--reverse', '--max-count=250', move.headSha ?? view.pull.headSha, `^${view.baseSha}`, ...known];
      const commits = await readCommits(view.hub.site, view.repository, args);
      const added = html`${author(view, move.actor)} added ${count(commits.length, 'commit')} ${moment(view, move.at)}`;
      const head = move.action === 'opened' ? null : row({ drawing: 'push', colour: '', text: added });
      return { at: move.at, shown: html`${head}${commitRows(view, commits)}` };
    }),
  );
}

function commitRows(view: RepositoryView, commits: readonly Commit[]): Html {
  const rows = commits.map((commit) => {
    const [subject = ''] = commit.message.split('\n');
    const url = commitUrl(view.home, commit.sha);
    return html`<li>
      ${icon('commit')}${avatar({ login: commit.author.name, type: commit.author.name.endsWith('[bot]') ? 'Bot' : 'User' }, 20)}
      <a class="what" href="${url}" title="${subject}">${subject}</a>${mark(view, commit.sha)}<a class="sha" href="${url}"
        >${commit.sha.slice(0, 7)}</a
      >
    </li>`;
  });
  return html`<div class="pushed">
    <ul>
      ${rows}
    </ul>
  </div>`;
}

function row({ drawing, colour, text }: { drawing: IconName; colour: string; text: Html }): Html {
  return html`<div class="happening">
    <span class="spot ${colour}">${icon(drawing)}</span>
    <div class="text">${text}</div>
  </div>`;
}
