import type { JsonObject } from '../json.ts';
import { iso, isoOrNull, nodeId } from '../json.ts';
import type { Site } from '../site.ts';
import type { Authored, Issue, IssueComment, Reaction, Repository } from '../state.ts';
import { fullName } from '../state.ts';
import { appJson, associationOf, userJson } from './people.ts';

export const REACTIONS = ['+1', '-1', 'laugh', 'confused', 'heart', 'hooray', 'rocket', 'eyes'] as const;

/** Author, times and App: the part that issues, comments and reviews have in common. */
export function authoredJson(site: Site, repository: Repository, thing: Authored): JsonObject {
  return {
    user: userJson(site, thing.author),
    author_association: associationOf(repository, thing.author),
    performed_via_github_app: thing.viaApp ? appJson(site, thing.viaApp) : null,
    created_at: iso(thing.createdAt),
    updated_at: iso(thing.updatedAt),
  };
}

export function commentsOf(site: Site, repository: Repository, number: number): readonly IssueComment[] {
  return [...site.state.comments.values()].filter((one) => one.repository === repository && one.issueNumber === number);
}

/** An issue, or a pull request as issues tell it (`pull_request` is how to know). */
export function issueJson(site: Site, repository: Repository, issue: Issue): JsonObject {
  const api = `${site.apiUrl}/repos/${fullName(repository)}`;
  const page = `${site.url}/${fullName(repository)}`;
  const url = `${api}/issues/${issue.number}`;
  const pullUrl = `${page}/pull/${issue.number}`;
  const pull = issue.pull && {
    url: `${api}/pulls/${issue.number}`,
    html_url: pullUrl,
    diff_url: `${pullUrl}.diff`,
    patch_url: `${pullUrl}.patch`,
    merged_at: issue.pull.merged ? iso(issue.pull.merged.at) : null,
  };
  return {
    id: issue.id,
    node_id: nodeId(issue.pull ? 'PR' : 'I', issue.pull?.id ?? issue.id),
    url,
    repository_url: api,
    labels_url: `${url}/labels{/name}`,
    comments_url: `${url}/comments`,
    events_url: `${url}/events`,
    html_url: pull ? pullUrl : `${page}/issues/${issue.number}`,
    number: issue.number,
    title: issue.title,
    body: issue.body,
    state: issue.state,
    state_reason: issue.stateReason,
    locked: false,
    labels: issue.labels.map((name) => ({ name })),
    assignee: null,
    assignees: [],
    milestone: null,
    comments: commentsOf(site, repository, issue.number).length,
    closed_at: isoOrNull(issue.closedAt),
    closed_by: issue.closedBy && userJson(site, issue.closedBy),
    ...(pull ? { draft: issue.pull?.draft ?? false, pull_request: pull } : {}),
    reactions: reactionCounts(site, { on: 'issue', subjectId: issue.id }, url),
    ...authoredJson(site, repository, issue),
  };
}

export function commentJson(site: Site, comment: IssueComment): JsonObject {
  const { repository, issueNumber, id } = comment;
  const api = `${site.apiUrl}/repos/${fullName(repository)}`;
  const kind = repository.issues.get(issueNumber)?.pull ? 'pull' : 'issues';
  const url = `${api}/issues/comments/${id}`;
  return {
    id,
    node_id: nodeId('IC', id),
    url,
    html_url: `${site.url}/${fullName(repository)}/${kind}/${issueNumber}#issuecomment-${id}`,
    issue_url: `${api}/issues/${issueNumber}`,
    body: comment.body,
    reactions: reactionCounts(site, { on: 'comment', subjectId: id }, url),
    ...authoredJson(site, repository, comment),
  };
}

export function reactionsOn(site: Site, subject: Pick<Reaction, 'on' | 'subjectId'>): readonly Reaction[] {
  return [...site.state.reactions.values()].filter((one) => one.on === subject.on && one.subjectId === subject.subjectId);
}

export function reactionJson(site: Site, reaction: Reaction): JsonObject {
  return {
    id: reaction.id,
    node_id: nodeId('REA', reaction.id),
    user: userJson(site, reaction.user),
    content: reaction.content,
    created_at: iso(reaction.createdAt),
  };
}

function reactionCounts(site: Site, subject: Pick<Reaction, 'on' | 'subjectId'>, url: string): JsonObject {
  const found = reactionsOn(site, subject);
  const counts = REACTIONS.map((content) => [content, found.filter((one) => one.content === content).length]);
  return { url: `${url}/reactions`, total_count: found.length, ...Object.fromEntries(counts) };
}
