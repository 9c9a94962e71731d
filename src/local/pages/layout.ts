import { readFileSync } from 'node:fs';
import { fullName } from '../github/state.ts';
import { Html, html } from './html.ts';
import type { IconName } from './icons.ts';
import { icon } from './icons.ts';
import type { Page, RepositoryView, View } from './view.ts';
import { profileUrl } from './view.ts';

const STYLE = new Html(readFileSync(new URL('pages.css', import.meta.url), 'utf8'));

/** Nothing is loaded and nothing runs, whatever a comment says. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/** Seconds between two looks while something is going on. */
const REFRESH = 4;

/** The whole document. `live` reloads it by itself, unless the address says `?still`. */
export function layout({ url }: View, page: Page, live: boolean): string {
  const refreshes = live && !url.searchParams.has('still');
  const text = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="content-security-policy" content="${POLICY}" />
        ${refreshes && html`<meta http-equiv="refresh" content="${REFRESH}" />`}
        <title>${page.title}</title>
        <style>
          ${STYLE}
        </style>
      </head>
      <body>
        ${page.body}${refreshes && html`<a class="live" href="${url.pathname}?still" title="Hold this page still">Live: looks again every ${REFRESH} seconds</a>`}
      </body>
    </html> `;
  return text.text;
}

type Tab = 'issues' | 'pulls';

/** Head and frame of a repository's pages. */
export function repositoryFrame(view: RepositoryView, { tab, body, wide = false }: { tab: Tab; body: Html; wide?: boolean }): Html {
  const { repository, home } = view;
  const open = [...repository.issues.values()].filter((issue) => issue.state === 'open');
  const pulls = open.filter((issue) => issue.pull).length;
  const link = (name: Tab, { title, drawing, number }: { title: string; drawing: IconName; number: number }): Html =>
    html`<a href="${home}/${name}" class="${name === tab ? 'here' : ''}"
      >${icon(drawing)}${title}${number > 0 && html`<span class="counter">${number}</span>`}</a
    >`;
  return html`<div class="top">
      <div class="path">
        ${icon('repository')}<a href="${view.hub.url}/" class="soft" title="All repositories">local</a><span class="soft">/</span>
        <a href="${profileUrl(view.hub.url, repository.owner)}">${repository.owner.login}</a><span class="soft">/</span
        ><a href="${home}"><b>${repository.name}</b></a> <span class="badge">${repository.private ? 'Private' : 'Public'}</span>
      </div>
      <nav class="tabs">
        ${link('issues', { title: 'Issues', drawing: 'issue', number: open.length - pulls })}${link('pulls', { title: 'Pull requests', drawing: 'pull', number: pulls })}
      </nav>
    </div>
    <main class="content${wide && ' wide'}">${body}</main>`;
}

/** Frame of pages that are no repository's. */
export function plainFrame(view: View, body: Html): Html {
  return html`<div class="top">
      <div class="path">
        ${icon('repository')}<a href="${view.hub.url}/"><b>Local GitHub</b></a
        ><span class="soft">on this machine; nothing here is on the internet</span>
      </div>
    </div>
    <main class="content">${body}</main>`;
}

export function missingPage(view: View): Page {
  const body = html`<div class="missing">
    <h1>404</h1>
    <p>There is no page at <code>${view.url.pathname}</code>.</p>
    <p><a href="${view.hub.url}/">All repositories</a></p>
  </div>`;
  return { title: 'Page not found', body: plainFrame(view, body), status: 404 };
}

/** Whether something happened or is under way of which the next look would tell. */
export function isLive({ repository, hub, now }: RepositoryView): boolean {
  const running = [...hub.state.checkRuns.values()].some((run) => run.suite.repository.id === repository.id && run.status !== 'completed');
  const latest = Math.max(repository.pushedAt, ...[...repository.issues.values()].map((issue) => issue.updatedAt));
  return running || now - latest < QUIET_AFTER;
}

const QUIET_AFTER = 30_000;

export function repositoryTitle(view: RepositoryView, what: string): string {
  return `${what} · ${fullName(view.repository)}`;
}
