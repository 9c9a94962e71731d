import { diffAgainstBase } from '../diff.ts';
import { commitOf, mergeBase } from '../git.ts';
import type { JsonObject } from '../json.ts';
import { iso, isoOrNull, nodeId } from '../json.ts';
import { notFound } from '../problem.ts';
import type { Site } from '../site.ts';
import type { DeepReadonly, Issue, Pull, Repository, Review, ReviewComment } from '../state.ts';
import { fullName } from '../state.ts';
import { authoredJson, commentsOf, issueJson } from './issues.ts';
import { repositoryJson, userJson } from './people.ts';

/** The commit that the pull request's diff is taken against: the base branch's tip, or where it was when it was closed. */
export async function baseShaOf(
  site: Pick<Site, 'git'>,
  repository: Pick<Repository, 'directory'>,
  pull: DeepReadonly<Pull>,
): Promise<string> {
  const sha = pull.closedBaseSha ?? (await commitOf(site.git, repository.directory, `refs/heads/${pull.baseRef}`));
  if (sha === null) throw notFound();
  return sha;
}

function tipJson(site: Site, repository: Repository, tip: { ref: string; sha: string }): JsonObject {
  return {
    label: `${repository.owner.login}:${tip.ref}`,
    ref: tip.ref,
    sha: tip.sha,
    user: userJson(site, repository.owner),
    repo: repositoryJson(site, repository),
  };
}

/** A pull request as lists and events tell it: without counts and mergeability. */
export async function pullJson(site: Site, repository: Repository, { issue, pull }: { issue: Issue; pull: Pull }): Promise<JsonObject> {
  const api = `${site.apiUrl}/repos/${fullName(repository)}`;
  const url = `${api}/pulls/${issue.number}`;
  const page = `${site.url}/${fullName(repository)}/pull/${issue.number}`;
  const asIssue = issueJson(site, repository, issue);
  const { pull_request: _pull, closed_by: _closedBy, reactions: _reactions, performed_via_github_app: _app, ...shared } = asIssue;
  return {
    ...shared,
    id: pull.id,
    node_id: nodeId('PR', pull.id),
    url,
    html_url: page,
    diff_url: `${page}.diff`,
    patch_url: `${page}.patch`,
    issue_url: `${api}/issues/${issue.number}`,
    commits_url: `${url}/commits`,
    review_comments_url: `${url}/comments`,
    review_comment_url: `${api}/pulls/comments{/number}`,
    statuses_url: `${api}/statuses/${pull.headSha}`,
    draft: pull.draft,
    head: tipJson(site, pull.headRepository, { ref: pull.headRef, sha: pull.headSha }),
    base: tipJson(site, repository, { ref: pull.baseRef, sha: await baseShaOf(site, repository, pull) }),
    merged_at: isoOrNull(pull.merged?.at ?? null),
    merge_commit_sha: pull.merged?.sha ?? null,
    requested_reviewers: [],
    requested_teams: [],
    auto_merge: null,
    active_lock_reason: null,
  };
}

/** A pull request by itself: with counts, and whether git can merge it. */
export async function fullPullJson(site: Site, repository: Repository, subject: { issue: Issue; pull: Pull }): Promise<JsonObject> {
  const { issue, pull } = subject;
  const base = await baseShaOf(site, repository, pull);
  const files = await diffAgainstBase(site.git, repository.directory, [base, pull.headSha]);
  const fork = await mergeBase(site.git, repository.directory, [base, pull.headSha]);
  const range = fork === null ? pull.headSha : `${fork}..${pull.headSha}`;
  const count = await site.git.text(repository.directory, ['rev-list', '--count', range, '--']);
  const merge = await site.git.run(repository.directory, ['merge-tree', '--write-tree', base, pull.headSha]);
  const mergeable = merge.exitCode === 0;
  const inline = [...site.state.reviewComments.values()].filter((one) => one.repository === repository && one.pullNumber === issue.number);
  return {
    ...(await pullJson(site, repository, subject)),
    merged: pull.merged !== null,
    merged_by: pull.merged && userJson(site, pull.merged.by),
    mergeable: pull.merged || issue.state === 'closed' ? null : mergeable,
    mergeable_state: pull.draft ? 'draft' : mergeable ? 'clean' : 'dirty',
    rebaseable: null,
    comments: commentsOf(site, repository, issue.number).length,
    review_comments: inline.length,
    maintainer_can_modify: false,
    commits: Number(count),
    additions: files.reduce((sum, file) => sum + file.additions, 0),
    deletions: files.reduce((sum, file) => sum + file.deletions, 0),
    changed_files: files.length,
  };
}

export function reviewJson(site: Site, review: Review): JsonObject {
  const name = fullName(review.repository);
  const { created_at: _created, updated_at: _updated, ...authored } = authoredJson(site, review.repository, review);
  return {
    ...authored,
    id: review.id,
    node_id: nodeId('PRR', review.id),
    body: review.body,
    state: review.state,
    html_url: `${site.url}/${name}/pull/${review.pullNumber}#pullrequestreview-${review.id}`,
    pull_request_url: `${site.apiUrl}/repos/${name}/pulls/${review.pullNumber}`,
    commit_id: review.commitSha,
    ...(review.state === 'PENDING' ? {} : { submitted_at: iso(review.createdAt) }),
  };
}

export function reviewCommentJson(site: Site, comment: ReviewComment): JsonObject {
  const name = fullName(comment.repository);
  const url = `${site.apiUrl}/repos/${name}/pulls/comments/${comment.id}`;
  const { performed_via_github_app: _app, ...authored } = authoredJson(site, comment.repository, comment);
  return {
    ...authored,
    id: comment.id,
    node_id: nodeId('PRRC', comment.id),
    pull_request_review_id: comment.review.id,
    url,
    html_url: `${site.url}/${name}/pull/${comment.pullNumber}#discussion_r${comment.id}`,
    pull_request_url: `${site.apiUrl}/repos/${name}/pulls/${comment.pullNumber}`,
    path: comment.path,
    body: comment.body,
    commit_id: comment.commitSha,
    original_commit_id: comment.commitSha,
    line: comment.line,
    original_line: comment.line,
    side: comment.side,
    start_line: comment.startLine,
    original_start_line: comment.startLine,
    start_side: comment.startSide,
    diff_hunk: comment.diffHunk,
    subject_type: 'line',
  };
}
