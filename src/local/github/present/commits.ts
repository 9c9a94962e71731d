import type { DiffFile } from '../diff.ts';
import { patchOf } from '../diff.ts';
import type { JsonObject } from '../json.ts';
import { iso, nodeId } from '../json.ts';
import type { Site } from '../site.ts';
import type { Account, Repository } from '../state.ts';
import { findAccount, fullName } from '../state.ts';
import { userJson } from './people.ts';

interface Signature {
  readonly name: string;
  readonly email: string;
  /** Seconds since the epoch. */
  readonly seconds: number;
}

export interface Commit {
  readonly sha: string;
  readonly tree: string;
  readonly parents: readonly string[];
  readonly author: Signature;
  readonly committer: Signature;
  readonly message: string;
}

const FORMAT = ['%H', '%T', '%P', '%an', '%ae', '%at', '%cn', '%ce', '%ct', '%B'].join('%x1f');

/** Commits as `git log` finds them with these arguments, in its order. */
export async function readCommits(
  site: Pick<Site, 'git'>,
  repository: Pick<Repository, 'directory'>,
  args: readonly string[],
): Promise<readonly Commit[]> {
  const text = await site.git.text(repository.directory, ['log', '-z', `--format=${FORMAT}`, ...args, '--']);
  return text
    .split('\0')
    .filter((record) => record !== '')
    .map(parseCommit);
}

function parseCommit(record: string): Commit {
  const [sha = '', tree = '', parents = '', an = '', ae = '', at = '', cn = '', ce = '', ct = '', ...message] = record.split('\u001F');
  return {
    sha: sha.trim(),
    tree,
    parents: parents.split(' ').filter((one) => one !== ''),
    author: { name: an, email: ae, seconds: Number(at) },
    committer: { name: cn, email: ce, seconds: Number(ct) },
    message: message.join('\u001F').replace(/\n+$/, ''),
  };
}

/** The account of a commit's address: `<id>+<login>@users.noreply.…` or `<login>@…`. */
function accountOf(site: Site, email: string): Account | undefined {
  const match = /^(?:(\d+)\+)?([^@]+)@/.exec(email);
  const account = match?.[1] ? site.state.accounts.get(Number(match[1])) : findAccount(site.state, match?.[2] ?? '');
  return account;
}

function signatureJson(signature: Signature): JsonObject {
  return { name: signature.name, email: signature.email, date: iso(signature.seconds * 1000) };
}

/** The inner commit object of the REST API. */
function gitCommitJson(site: Site, repository: Repository, commit: Commit): JsonObject {
  const api = `${site.apiUrl}/repos/${fullName(repository)}`;
  return {
    url: `${api}/git/commits/${commit.sha}`,
    author: signatureJson(commit.author),
    committer: signatureJson(commit.committer),
    message: commit.message,
    tree: { sha: commit.tree, url: `${api}/git/trees/${commit.tree}` },
    comment_count: 0,
    verification: { verified: false, reason: 'unsigned', signature: null, payload: null, verified_at: null },
  };
}

export function commitJson(site: Site, repository: Repository, commit: Commit): JsonObject {
  const api = `${site.apiUrl}/repos/${fullName(repository)}`;
  const page = `${site.url}/${fullName(repository)}`;
  const author = accountOf(site, commit.author.email);
  const committer = accountOf(site, commit.committer.email);
  return {
    sha: commit.sha,
    node_id: nodeId('C', Number.parseInt(commit.sha.slice(0, 12), 16)),
    url: `${api}/commits/${commit.sha}`,
    html_url: `${page}/commit/${commit.sha}`,
    comments_url: `${api}/commits/${commit.sha}/comments`,
    commit: gitCommitJson(site, repository, commit),
    author: author ? userJson(site, author) : null,
    committer: committer ? userJson(site, committer) : null,
    parents: commit.parents.map((sha) => ({ sha, url: `${api}/commits/${sha}`, html_url: `${page}/commit/${sha}` })),
  };
}

/** A commit as `push` events tell it. */
export function pushCommitJson(site: Site, repository: Repository, commit: Commit): JsonObject {
  return {
    id: commit.sha,
    tree_id: commit.tree,
    distinct: true,
    message: commit.message,
    timestamp: iso(commit.committer.seconds * 1000),
    url: `${site.url}/${fullName(repository)}/commit/${commit.sha}`,
    author: { name: commit.author.name, email: commit.author.email },
    committer: { name: commit.committer.name, email: commit.committer.email },
  };
}

export function fileJson(site: Site, repository: Repository, { file, sha }: { file: DiffFile; sha: string }): JsonObject {
  const page = `${site.url}/${fullName(repository)}`;
  const path = file.path.split('/').map(encodeURIComponent).join('/');
  return {
    sha: file.status === 'removed' ? null : file.blob,
    filename: file.path,
    status: file.status,
    additions: file.additions,
    deletions: file.deletions,
    changes: file.additions + file.deletions,
    blob_url: `${page}/blob/${sha}/${path}`,
    raw_url: `${page}/raw/${sha}/${path}`,
    contents_url: `${site.apiUrl}/repos/${fullName(repository)}/contents/${path}?ref=${sha}`,
    ...(file.previousPath === null ? {} : { previous_filename: file.previousPath }),
    ...(file.binary || file.hunks.length === 0 ? {} : { patch: patchOf(file) }),
  };
}
