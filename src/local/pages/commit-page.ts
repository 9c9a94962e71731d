import { EMPTY_TREE, diffCommits } from '../github/diff.ts';
import { commitOf } from '../github/git.ts';
import { readCommits } from '../github/present/commits.ts';
import { checksBox } from './checks-list.ts';
import { filesView } from './diff-view.ts';
import { talkOf } from './files-page.ts';
import { html } from './html.ts';
import { repositoryFrame, repositoryTitle } from './layout.ts';
import { avatar, moment } from './person.ts';
import type { Page, RepositoryView } from './view.ts';
import { checkRunsAt, commitUrl } from './view.ts';

/** One commit: message, checks, and what it changes against its first parent. Null when there is no such commit. */
export async function commitPage(view: RepositoryView, asked: string): Promise<Page | null> {
  const { hub, repository, home } = view;
  const sha = await commitOf(hub.site.git, repository.directory, asked);
  const [commit] = sha === null ? [] : await readCommits(hub.site, repository, ['--max-count=1', sha]);
  if (!commit) return null;
  const files = await diffCommits(hub.site.git, repository.directory, [commit.parents[0] ?? EMPTY_TREE, commit.sha]);
  const [subject = '', ...rest] = commit.message.split('\n');
  const message = rest.join('\n').trim();
  const said = [...hub.state.reviewComments.values()].filter((one) => one.repository.id === repository.id && one.commitSha === commit.sha);
  const parents = commit.parents.map((parent) => html` <a class="sha" href="${commitUrl(home, parent)}">${parent.slice(0, 7)}</a>`);
  const picture = avatar({ login: commit.author.name, type: commit.author.name.endsWith('[bot]') ? 'Bot' : 'User' }, 24);
  const body = html`<div class="card">
      <h1>${subject}</h1>
      ${message !== '' && html`<pre class="message">${message}</pre>`}
      <p class="soft">
        ${picture} ${commit.author.name} committed ${moment(view, commit.committer.seconds * 1000)} · commit
        <span class="sha">${commit.sha}</span> ·
        ${commit.parents.length === 1 ? 'parent' : 'parents'}${parents.length === 0 ? ' none' : parents}
      </p>
    </div>
    ${checkRunsAt(view, commit.sha).length > 0 && html`<div class="list">${checksBox(view, commit.sha)}</div>`}
    ${filesView(
      files,
      said.map((comment) => talkOf(view, comment)),
    )}`;
  return { title: repositoryTitle(view, subject), body: repositoryFrame(view, { tab: 'pulls', body, wide: true }) };
}
