import type { CheckConclusion, CiResult } from '../domain/ci.ts';

/**
 * One repository on GitHub, as one installation of our App sees it. The only way to GitHub for all other folders.
 * Reads are repeated by the client; every creation is an effect of the journal, done once under its key: see effects.ts.
 * Errors are ConvergeErrors of kind `github` that say what GitHub answered and what to do; `retry: 'later'` for 5xx and rate limits.
 * `scope` is the run, or `comment/<id>`, that it is done for.
 */
export interface Hub {
  repository(): Promise<RepositoryFacts>;
  /** Live collaborator permission, never author_association; `none` for strangers. */
  permission(login: string): Promise<'admin' | 'maintain' | 'write' | 'triage' | 'read' | 'none'>;
  /** Commit id; null when there is no such branch. */
  branchHead(branch: string): Promise<string | null>;
  /** Text of a file at a ref; null when absent. */
  file(path: string, ref: string): Promise<string | null>;
  /** Names of the files right in a directory at a ref, sorted; none when it is absent. */
  filesIn(directory: string, ref: string): Promise<readonly string[]>;
  issue(number: number): Promise<IssueFacts>;
  pullRequest(number: number): Promise<PullRequestFacts>;
  /** What persons said on an issue or pull request, unedited and not through an App, changed at or after `since` (ISO 8601); oldest first. */
  said(number: number, since: string): Promise<readonly SaidComment[]>;
  /** False for a comment that was edited, or is gone. */
  unedited(comment: number): Promise<boolean>;
  /** What the installation may do, e.g. `workflows: 'write'`. */
  grants(): Promise<Readonly<Record<string, string>>>;
  /** For git: short-lived, for this repository only; it may write unless told. */
  gitToken(may?: 'read' | 'write'): Promise<string>;
  /** The App's bot account. */
  bot(): Promise<{ readonly name: string; readonly email: string }>;
  /** Waits for the commit's real results (facts/github.md §8), ignoring our own checks. Those that `base` requires must report; the default branch's unless told. */
  waitForCi(commit: string, signal: AbortSignal, base?: string): Promise<CiResult>;

  react(scope: string, comment: number, content: Reaction): Promise<void>;
  /** Posts once under (scope, key). */
  comment(scope: string, key: string, post: { readonly number: number; readonly body: string }): Promise<PostedComment>;
  /** Sets the whole text of the comment that was posted under (scope, key); idempotent, so it is no effect. */
  editComment(scope: string, key: string, edit: { readonly comment: number; readonly body: string }): Promise<void>;
  openPullRequest(scope: string, key: string, draft: PullRequestDraft): Promise<PostedPullRequest>;
  /** Sets title and text of the pull request that was opened under (scope, key); idempotent, so it is no effect. */
  updatePullRequest(
    scope: string,
    key: string,
    text: { readonly number: number; readonly title: string; readonly body: string },
  ): Promise<void>;
  markReady(number: number): Promise<void>;
  /** Closes without merging, once under (scope, key); `was` is what it was before. */
  closePullRequest(scope: string, key: string, number: number): Promise<{ readonly was: 'open' | 'closed' }>;
  review(scope: string, key: string, review: ReviewDraft): Promise<{ readonly id: number; readonly url: string }>;
  startCheckRun(scope: string, key: string, check: CheckRunDraft): Promise<{ readonly id: number }>;
  updateCheckRun(scope: string, id: number, check: CheckRunDraft): Promise<void>;
}

export type Reaction = 'eyes' | 'rocket' | 'confused' | '+1' | '-1';

export interface RepositoryFacts {
  readonly defaultBranch: string;
  readonly cloneUrl: string;
  readonly url: string;
  readonly private: boolean;
}

export interface IssueFacts {
  readonly number: number;
  readonly title: string;
  readonly body: string;
  readonly url: string;
  readonly isPullRequest: boolean;
}

export interface SaidComment {
  readonly id: number;
  readonly body: string;
  readonly author: { readonly login: string; readonly id: number };
  readonly at: string;
}

export interface PullRequestFacts {
  readonly number: number;
  readonly url: string;
  readonly draft: boolean;
  readonly state: 'open' | 'closed';
  readonly merged: boolean;
  readonly head: { readonly branch: string; readonly commit: string; readonly repository: string | null };
  readonly base: { readonly branch: string };
}

export interface PostedComment {
  readonly id: number;
  readonly url: string;
}

export interface PullRequestDraft {
  readonly title: string;
  readonly head: string;
  readonly base: string;
  readonly body: string;
}

export interface PostedPullRequest {
  readonly number: number;
  readonly url: string;
}

export interface ReviewDraft {
  readonly number: number;
  readonly commit: string;
  readonly body: string;
  /** Only on lines of the pull request's diff; the caller has put all others into the body. */
  readonly comments: readonly { readonly path: string; readonly line: number; readonly side: 'LEFT' | 'RIGHT'; readonly body: string }[];
}

export interface CheckRunDraft {
  readonly commit: string;
  /** ISO 8601: when what it tells of began, which may be before the check run was made. */
  readonly startedAt: string;
  readonly status: 'queued' | 'in_progress' | 'completed';
  readonly conclusion: CheckConclusion | null;
  readonly title: string;
  readonly summary: string;
  readonly text: string;
  readonly detailsUrl: string | null;
}
