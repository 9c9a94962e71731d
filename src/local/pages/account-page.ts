import { html } from './html.ts';
import { repositoryList } from './home-page.ts';
import { plainFrame } from './layout.ts';
import { avatar } from './person.ts';
import type { Page, View } from './view.ts';

/** A person or an organisation; null for nobody's login. */
export function accountPage(view: View, login: string): Page | null {
  const account = [...view.hub.state.accounts.values()].find((one) => one.login.toLowerCase() === login.toLowerCase());
  if (!account) return null;
  const repositories = [...view.hub.state.repositories.values()].filter((repository) => repository.owner.id === account.id);
  const body = html`<div class="card">
      <h1>${avatar(account, 40)} ${account.login}</h1>
      <p class="soft">${account.type}, account ${account.id}</p>
    </div>
    ${repositoryList(view, repositories, 'Repositories')}`;
  return { title: account.login, body: plainFrame(view, body) };
}

export function appPage(view: View, slug: string): Page | null {
  const app = [...view.hub.state.apps.values()].find((one) => one.slug === slug);
  if (!app) return null;
  const permissions = Object.entries(app.permissions);
  const body = html`<div class="card">
      <h1>${avatar(app.bot, 40)} ${app.name}<span class="badge">GitHub App</span></h1>
      <p class="soft">App ${app.id}; acts as ${app.bot.login}</p>
    </div>
    <section class="list">
      <header>Permissions</header>
      <ul>
        ${permissions.map(([name, level]) => html`<li><span class="grow">${name}</span><span class="soft">${level}</span></li>`)}
      </ul>
    </section>
    <section class="list">
      <header>Events it hears</header>
      <ul>
        ${app.events.map((event) => html`<li>${event}</li>`)}
      </ul>
    </section>`;
  return { title: app.name, body: plainFrame(view, body) };
}
