import type { Pages } from '../github/http.ts';
import type { LocalGitHub } from '../github/server.ts';
import { accountPage, appPage } from './account-page.ts';
import { blobPage } from './blob-page.ts';
import { checksPage, runPage } from './checks-page.ts';
import { commitPage } from './commit-page.ts';
import { commitsPage } from './commits-page.ts';
import { filesPage } from './files-page.ts';
import { homePage } from './home-page.ts';
import { issuePage } from './issue-page.ts';
import { isLive, layout, missingPage } from './layout.ts';
import { pullPage } from './pull-page.ts';
import { issuesPage, pullsPage, repositoryPage } from './repository-page.ts';
import type { Page, PullView, RepositoryView, View } from './view.ts';
import { pullView, repositoryView } from './view.ts';

type RepositoryPage = (view: RepositoryView, rest: string) => Page | null | Promise<Page | null>;

/** What follows `/owner/repository`; the group is handed on. */
const REPOSITORY_PAGES: readonly (readonly [RegExp, RepositoryPage])[] = [
  [/^()$/u, repositoryPage],
  [/^issues()$/u, issuesPage],
  [/^pulls()$/u, pullsPage],
  [/^issues\/(\d+)$/u, async (view, number) => (await issuePage(view, Number(number))) ?? pull(pullPage)(view, number)],
  [/^pull\/(\d+)$/u, pull(pullPage)],
  [/^pull\/(\d+)\/commits$/u, pull(commitsPage)],
  [/^pull\/(\d+)\/files$/u, pull(filesPage)],
  [/^pull\/(\d+)\/checks$/u, pull(checksPage)],
  [/^commit\/([\da-f]{4,40})$/u, commitPage],
  [/^runs\/(\d+)$/u, runPage],
  [/^(?:blob|raw)\/(.+)$/u, blobPage],
];

function pull(page: (view: PullView) => Page | Promise<Page>): RepositoryPage {
  return async (view, number) => {
    const found = await pullView(view, Number(number));
    return found && page(found);
  };
}

/**
 * What a person sees in a browser: every page to which the API's `html_url`s lead, from the server's state and git as they are at that moment.
 * Takes the server by a function, since the server takes this; give the result as its option `pages`.
 */
export function localPages(hub: () => LocalGitHub): Pages {
  return async (url) => {
    const view: View = { hub: hub(), url, now: Date.now() };
    const path = decode(url.pathname);
    const repository = path === null ? null : repositoryOf(view, path);
    const page = path === null ? null : await pageAt(view, path, repository);
    const shown = page ?? missingPage(view);
    return { html: layout(view, shown, page !== null && repository !== null && isLive(repository)), status: shown.status ?? 200 };
  };
}

/** Null for an address whose escapes mean nothing. */
function decode(pathname: string): string | null {
  try {
    return decodeURIComponent(pathname).replace(/\/$/u, '');
  } catch {
    return null;
  }
}

function repositoryOf(view: View, path: string): RepositoryView | null {
  const [, owner = '', name = ''] = path.split('/');
  return repositoryView(view, owner, name);
}

async function pageAt(view: View, path: string, repository: RepositoryView | null): Promise<Page | null> {
  if (path === '') return homePage(view);
  const app = /^\/apps\/([^/]+)$/u.exec(path)?.[1];
  if (app !== undefined) return appPage(view, app);
  const login = /^\/([^/]+)$/u.exec(path)?.[1];
  if (login !== undefined) return accountPage(view, login);
  if (repository === null) return null;
  const rest = path.split('/').slice(3).join('/');
  for (const [expression, page] of REPOSITORY_PAGES) {
    const found = expression.exec(rest)?.[1];
    if (found !== undefined) return page(repository, found);
  }
  return null;
}
