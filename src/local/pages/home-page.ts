import { fullName } from '../github/state.ts';
import { html } from './html.ts';
import type { Html } from './html.ts';
import { icon } from './icons.ts';
import { plainFrame } from './layout.ts';
import { count } from '../../domain/amounts.ts';
import { moment } from './person.ts';
import type { Page, Repository, View } from './view.ts';

export function homePage(view: View): Page {
  const body = repositoryList(view, [...view.hub.state.repositories.values()], 'Repositories');
  return { title: 'Local GitHub', body: plainFrame(view, body) };
}

export function repositoryList(view: View, repositories: readonly Repository[], title: string): Html {
  return html`<section class="list">
    <header>${icon('repository')}${title}<span class="counter">${repositories.length}</span></header>
    ${repositories.length === 0 && html`<p class="empty">No repositories here.</p>`}
    <ul>
      ${repositories.map((repository) => repositoryRow(view, repository))}
    </ul>
  </section>`;
}

function repositoryRow(view: View, repository: Repository): Html {
  const open = [...repository.issues.values()].filter((issue) => issue.state === 'open');
  const pulls = open.filter((issue) => issue.pull).length;
  return html`<li>
    <div class="grow">
      <a class="headline" href="${view.hub.url}/${fullName(repository)}">${fullName(repository)}</a
      ><span class="badge">${repository.private ? 'Private' : 'Public'}</span>
      <p class="soft">
        ${count(open.length - pulls, 'open issue')} · ${count(pulls, 'open pull request')} · pushed to ${moment(view, repository.pushedAt)}
      </p>
    </div>
  </li>`;
}
