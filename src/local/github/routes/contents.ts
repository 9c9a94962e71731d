import type { Access } from '../auth.ts';
import type { DiffFile } from '../diff.ts';
import { EMPTY_TREE, diffAgainstBase, diffCommits } from '../diff.ts';
import { commitOf, mergeBase } from '../git.ts';
import type { Json, JsonObject } from '../json.ts';
import { CAPS } from '../limits.ts';
import type { Commit } from '../present/commits.ts';
import { commitJson, fileJson, readCommits } from '../present/commits.ts';
import { Problem, notFound } from '../problem.ts';
import type { Answer, RepositoryCall, Route } from '../router.ts';
import { listOf, ok, onRepository, param, query } from '../router.ts';
import { fullName } from '../state.ts';

const CONTENTS: Access = { app: ['contents:read'], user: 'read' };
/** Above this many bytes the contents API gives no content (GitHub: 1 MB). */
const INLINE_BYTES = 1_048_576;
const COMPARED_FILES = 300;

interface Entry {
  readonly mode: string;
  readonly kind: string;
  readonly sha: string;
  readonly size: number;
  readonly path: string;
}

async function entries(call: RepositoryCall, commit: string, args: readonly string[]): Promise<readonly Entry[]> {
  // A path that git will not even look for (`../x`) is a path that is not there.
  const found = await call.site.git.run(call.repository.directory, ['ls-tree', '-z', '-l', commit, ...args]);
  return (found.exitCode === 0 ? found.stdout.toString('utf8') : '')
    .split('\0')
    .filter((record) => record !== '')
    .map((record) => {
      const [facts = '', path = ''] = record.split('\t');
      const [mode = '', kind = '', sha = '', size = '0'] = facts.split(/ +/);
      return { mode, kind, sha, size: Number(size) || 0, path };
    });
}

function entryJson(call: RepositoryCall, entry: Entry, ref: string): JsonObject {
  const { site, repository } = call;
  const path = entry.path.split('/').map(encodeURIComponent).join('/');
  const url = `${site.apiUrl}/repos/${fullName(repository)}/contents/${path}?ref=${encodeURIComponent(ref)}`;
  const gitUrl = `${site.apiUrl}/repos/${fullName(repository)}/git/${entry.kind}s/${entry.sha}`;
  const html = `${site.url}/${fullName(repository)}/blob/${ref}/${path}`;
  const kinds: Record<string, string> = { '120000': 'symlink', '160000': 'submodule', '040000': 'dir' };
  return {
    type: kinds[entry.mode] ?? 'file',
    name: entry.path.split('/').at(-1) ?? '',
    path: entry.path,
    sha: entry.sha,
    size: entry.size,
    url,
    git_url: gitUrl,
    html_url: html,
    download_url: entry.kind === 'blob' ? `${site.url}/${fullName(repository)}/raw/${ref}/${path}` : null,
    _links: { self: url, git: gitUrl, html },
  };
}

async function getContents(call: RepositoryCall): Promise<Answer> {
  const { site, repository } = call;
  const ref = query(call, 'ref') ?? repository.defaultBranch;
  const path = (call.params['path'] ?? '').replace(/\/+$/, '');
  const commit = await commitOf(site.git, repository.directory, ref);
  if (commit === null) throw new Problem(404, `No commit found for the ref ${ref}`);
  const [entry] = path === '' ? [] : await entries(call, commit, ['--', path]);
  if (path !== '' && !entry) throw notFound();
  if (!entry || entry.kind === 'tree') {
    const inside = await entries(call, commit, path === '' ? [] : ['--', `${path}/`]);
    return ok(inside.map((one) => entryJson(call, one, ref)));
  }
  if (entry.kind !== 'blob') return ok(entryJson(call, entry, ref));
  const blob = await site.git.run(repository.directory, ['cat-file', 'blob', entry.sha]);
  if (/\braw\b/.test(call.accept)) return { status: 200, text: blob.stdout.toString('utf8') };
  const inline = entry.size <= INLINE_BYTES;
  const content = inline ? blob.stdout.toString('base64').replaceAll(/.{60}/g, '$&\n') : '';
  return ok({ ...entryJson(call, entry, ref), encoding: inline ? 'base64' : 'none', content });
}

function filesJson(call: RepositoryCall, files: readonly DiffFile[], sha: string): readonly Json[] {
  return files.map((file) => fileJson(call.site, call.repository, { file, sha }));
}

async function oneCommit(call: RepositoryCall, name: string): Promise<Commit> {
  const { site, repository } = call;
  const sha = await commitOf(site.git, repository.directory, name);
  const [commit] = sha === null ? [] : await readCommits(site, repository, ['--max-count=1', sha]);
  if (!commit) throw new Problem(422, `No commit found for SHA: ${name}`);
  return commit;
}

async function getCommit(call: RepositoryCall): Promise<Answer> {
  const { site, repository } = call;
  const commit = await oneCommit(call, param(call, 'ref'));
  const files = await diffCommits(site.git, repository.directory, [commit.parents[0] ?? EMPTY_TREE, commit.sha]);
  const additions = files.reduce((sum, file) => sum + file.additions, 0);
  const deletions = files.reduce((sum, file) => sum + file.deletions, 0);
  return ok({
    ...commitJson(site, repository, commit),
    stats: { total: additions + deletions, additions, deletions },
    files: filesJson(call, files.slice(0, CAPS.pullFiles), commit.sha),
  });
}

async function listCommits(call: RepositoryCall): Promise<Answer> {
  const { site, repository } = call;
  const start = await oneCommit(call, query(call, 'sha') ?? repository.defaultBranch);
  const commits = await readCommits(site, repository, ['--max-count=2000', start.sha]);
  return listOf(call, commits, (commit) => commitJson(site, repository, commit));
}

async function compare(call: RepositoryCall): Promise<Answer> {
  const { site, repository } = call;
  const [base, head] = param(call, 'basehead').split('...', 2);
  const from = base ? await commitOf(site.git, repository.directory, base) : null;
  const to = head ? await commitOf(site.git, repository.directory, head) : null;
  const fork = from === null || to === null ? null : await mergeBase(site.git, repository.directory, [from, to]);
  if (from === null || to === null || fork === null) throw notFound();
  const ahead = await readCommits(site, repository, ['--reverse', '--topo-order', to, `^${from}`]);
  const behind = await readCommits(site, repository, [from, `^${to}`]);
  const status = ahead.length > 0 ? (behind.length > 0 ? 'diverged' : 'ahead') : behind.length > 0 ? 'behind' : 'identical';
  const files = await diffAgainstBase(site.git, repository.directory, [from, to]);
  const page = `${site.url}/${fullName(repository)}/compare/${from}...${to}`;
  return ok({
    url: call.url.href,
    html_url: page,
    permalink_url: page,
    diff_url: `${page}.diff`,
    patch_url: `${page}.patch`,
    base_commit: commitJson(site, repository, await oneCommit(call, from)),
    merge_base_commit: commitJson(site, repository, await oneCommit(call, fork)),
    status,
    ahead_by: ahead.length,
    behind_by: behind.length,
    total_commits: ahead.length,
    commits: ahead.slice(0, CAPS.pullCommits).map((commit) => commitJson(site, repository, commit)),
    files: filesJson(call, files.slice(0, COMPARED_FILES), to),
  });
}

export const contentRoutes: readonly Route[] = [
  onRepository({ method: 'GET', pattern: '/contents', access: CONTENTS, answer: getContents }),
  onRepository({ method: 'GET', pattern: '/contents/*path', access: CONTENTS, answer: getContents }),
  onRepository({ method: 'GET', pattern: '/compare/*basehead', access: CONTENTS, answer: compare }),
  onRepository({ method: 'GET', pattern: '/commits', access: CONTENTS, answer: listCommits }),
  onRepository({ method: 'GET', pattern: '/commits/*ref', access: CONTENTS, answer: getCommit }),
];
