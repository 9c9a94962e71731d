import { clientId } from '../auth.ts';
import type { JsonObject } from '../json.ts';
import { iso, nodeId } from '../json.ts';
import type { Site } from '../site.ts';
import type { Account, App, DeepReadonly, Installation, Repository } from '../state.ts';
import { fullName, roleOf } from '../state.ts';

type Urls = Pick<Site, 'url' | 'apiUrl'>;

/** A person or bot as every answer tells one. */
export function userJson(urls: Urls, account: DeepReadonly<Account>): JsonObject {
  const name = encodeURIComponent(account.login);
  const page = account.type === 'Bot' ? `${urls.url}/apps/${account.login.replace(/\[bot\]$/, '')}` : `${urls.url}/${name}`;
  return {
    login: account.login,
    id: account.id,
    node_id: nodeId(account.type === 'Bot' ? 'BOT' : 'U', account.id),
    avatar_url: `${urls.url}/avatars/${account.id}`,
    gravatar_id: '',
    url: `${urls.apiUrl}/users/${name}`,
    html_url: page,
    repos_url: `${urls.apiUrl}/users/${name}/repos`,
    type: account.type,
    user_view_type: 'public',
    site_admin: false,
  };
}

export function appJson(urls: Urls, app: DeepReadonly<App>): JsonObject {
  return {
    id: app.id,
    client_id: clientId(app),
    slug: app.slug,
    node_id: nodeId('A', app.id),
    owner: userJson(urls, app.bot),
    name: app.name,
    description: '',
    external_url: urls.url,
    html_url: `${urls.url}/apps/${app.slug}`,
    created_at: iso(app.createdAt),
    updated_at: iso(app.createdAt),
    permissions: { metadata: 'read', ...app.permissions },
    events: app.events,
  };
}

export function installationJson(urls: Urls, installation: DeepReadonly<Installation>): JsonObject {
  const { app, account, id } = installation;
  return {
    id,
    node_id: nodeId('INST', id),
    account: userJson(urls, account),
    repository_selection: 'selected',
    access_tokens_url: `${urls.apiUrl}/app/installations/${id}/access_tokens`,
    repositories_url: `${urls.apiUrl}/installation/repositories`,
    html_url: `${urls.url}/settings/installations/${id}`,
    app_id: app.id,
    app_slug: app.slug,
    client_id: clientId(app),
    target_id: account.id,
    target_type: account.type,
    permissions: { metadata: 'read', ...app.permissions },
    events: app.events,
    created_at: iso(installation.createdAt),
    updated_at: iso(installation.createdAt),
    single_file_name: null,
    suspended_by: null,
    suspended_at: null,
  };
}

/** A repository; `viewer` adds what that person may do. */
export function repositoryJson(urls: Urls, repository: DeepReadonly<Repository>, viewer?: Account): JsonObject {
  const name = fullName(repository);
  const api = `${urls.apiUrl}/repos/${name}`;
  const page = `${urls.url}/${name}`;
  const openIssues = [...repository.issues.values()].filter((issue) => issue.state === 'open').length;
  return {
    id: repository.id,
    node_id: nodeId('R', repository.id),
    name: repository.name,
    full_name: name,
    private: repository.private,
    visibility: repository.private ? 'private' : 'public',
    owner: userJson(urls, repository.owner),
    html_url: page,
    description: null,
    fork: repository.parent !== null,
    url: api,
    clone_url: `${page}.git`,
    git_url: `${page}.git`,
    ssh_url: `${page}.git`,
    svn_url: page,
    ...templates(api),
    homepage: null,
    size: 0,
    language: null,
    default_branch: repository.defaultBranch,
    archived: false,
    disabled: false,
    is_template: false,
    has_issues: true,
    has_pull_requests: true,
    allow_forking: true,
    topics: [],
    license: null,
    forks_count: 0,
    stargazers_count: 0,
    watchers_count: 0,
    open_issues_count: openIssues,
    created_at: iso(repository.createdAt),
    updated_at: iso(repository.pushedAt),
    pushed_at: iso(repository.pushedAt),
    ...(viewer ? { permissions: permissionsOf(repository, viewer) } : {}),
    ...(repository.parent ? { parent: repositoryJson(urls, repository.parent) } : {}),
  };
}

function templates(api: string): JsonObject {
  const tails: Record<string, string> = {
    branches: '/branches{/branch}',
    commits: '/commits{/sha}',
    compare: '/compare/{base}...{head}',
    contents: '/contents/{+path}',
    issues: '/issues{/number}',
    issue_comment: '/issues/comments{/number}',
    pulls: '/pulls{/number}',
    statuses: '/statuses/{sha}',
    git_refs: '/git/refs{/sha}',
    collaborators: '/collaborators{/collaborator}',
  };
  return Object.fromEntries(Object.entries(tails).map(([name, tail]) => [`${name}_url`, `${api}${tail}`]));
}

function permissionsOf(repository: DeepReadonly<Repository>, viewer: Account): JsonObject {
  const role = roleOf(repository, viewer);
  const push = role === 'admin' || role === 'maintain' || role === 'write';
  return {
    admin: role === 'admin',
    maintain: role === 'admin' || role === 'maintain',
    push,
    triage: push || role === 'triage',
    pull: role !== 'none',
  };
}

/** What GitHub calls a person's association: never a permission. */
export function associationOf(repository: DeepReadonly<Repository>, author: DeepReadonly<Account>): string {
  if (repository.owner.id === author.id) return 'OWNER';
  return (repository.roles.get(author.id) ?? 'none') === 'none' ? 'NONE' : 'COLLABORATOR';
}
