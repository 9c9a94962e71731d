import { diffAgainstBase } from '../github/diff.ts';
import type { DiffFile } from '../github/diff.ts';
import { mergeBase } from '../github/git.ts';
import type { Commit } from '../github/present/commits.ts';
import { readCommits } from '../github/present/commits.ts';
import { baseShaOf } from '../github/present/pulls.ts';
import type { LocalGitHub } from '../github/server.ts';
import type * as state from '../github/state.ts';
import { fullName } from '../github/state.ts';
import type { DeepReadonly } from '../github/state.ts';
import type { Html } from './html.ts';
import type { Surroundings } from './markdown.ts';

export type Account = DeepReadonly<state.Account>;
export type Repository = DeepReadonly<state.Repository>;
export type Issue = DeepReadonly<state.Issue>;
export type Pull = DeepReadonly<state.Pull>;
export type CheckRun = DeepReadonly<state.CheckRun>;
export type Review = DeepReadonly<state.Review>;
export type ReviewComment = DeepReadonly<state.ReviewComment>;
export type Happening = DeepReadonly<state.State>['happenings'][number];

/** What a page is made from. */
export interface View {
  readonly hub: LocalGitHub;
  /** As asked for. */
  readonly url: URL;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** A repository's page, and what is on it. */
export interface RepositoryView extends View {
  readonly repository: Repository;
  /** `<url>/<owner>/<repository>` */
  readonly home: string;
}

/** A pull request with what git says of it. */
export interface PullView extends RepositoryView {
  readonly issue: Issue;
  readonly pull: Pull;
  /** Where the head's history left the base branch. */
  readonly forkSha: string;
  /** The base branch's tip, or where it was when the pull request was closed. */
  readonly baseSha: string;
  /** Oldest first. */
  readonly commits: readonly Commit[];
  readonly files: readonly DiffFile[];
}

export interface Page {
  readonly title: string;
  readonly body: Html;
  /** 200 unless told. */
  readonly status?: number;
}

/** Null when there is no such repository. */
export function repositoryView(view: View, owner: string, name: string): RepositoryView | null {
  const wanted = `${owner}/${name}`.toLowerCase();
  const repository = [...view.hub.state.repositories.values()].find((one) => fullName(one).toLowerCase() === wanted);
  return repository ? { ...view, repository, home: `${view.hub.url}/${fullName(repository)}` } : null;
}

/** Null when no pull request has this number, or its base branch is gone. */
export async function pullView(view: RepositoryView, number: number): Promise<PullView | null> {
  const { hub, repository } = view;
  const issue = repository.issues.get(number);
  if (!issue?.pull) return null;
  const { pull } = issue;
  const baseSha = await baseShaOf(hub.site, repository, pull).catch(() => null);
  if (baseSha === null) return null;
  const ends = [baseSha, pull.headSha] as const;
  const forkSha = (await mergeBase(hub.site.git, repository.directory, ends)) ?? baseSha;
  const commits = await readCommits(hub.site, repository, ['--reverse', '--max-count=1000', pull.headSha, `^${forkSha}`]);
  const files = await diffAgainstBase(hub.site.git, repository.directory, ends);
  return { ...view, issue, pull, baseSha, forkSha, commits, files };
}

export function checkRunsAt({ hub, repository }: RepositoryView, sha: string): readonly CheckRun[] {
  const here = [...hub.state.checkRuns.values()].filter((run) => run.suite.headSha === sha && run.suite.repository.id === repository.id);
  // The newest of each name and App, as GitHub shows them.
  return [...new Map(here.map((run) => [`${run.suite.app.id} ${run.name}`, run])).values()];
}

/** What Markdown on this repository's pages may link to. */
export function surroundings({ hub, repository, home }: RepositoryView): Surroundings {
  const accounts = new Map([...hub.state.accounts.values()].map((account) => [account.login.toLowerCase(), account]));
  return {
    repositoryUrl: home,
    pageOf: (number) => {
      const issue = repository.issues.get(number);
      return issue ? issueUrl(home, issue) : null;
    },
    profileOf: (login) => {
      const account = accounts.get(login.toLowerCase());
      return account ? profileUrl(hub.url, account) : null;
    },
  };
}

export function issueUrl(home: string, issue: Issue): string {
  return `${home}/${issue.pull ? 'pull' : 'issues'}/${issue.number}`;
}

export function profileUrl(url: string, account: Account): string {
  return account.type === 'Bot' ? `${url}/apps/${account.login.replace(/\[bot\]$/u, '')}` : `${url}/${encodeURIComponent(account.login)}`;
}

export function commitUrl(home: string, sha: string): string {
  return `${home}/commit/${sha}`;
}
