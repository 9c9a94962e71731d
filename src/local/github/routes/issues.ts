import { z } from 'zod';
import type { Access } from '../auth.ts';
import { authorise } from '../auth.ts';
import { CAPS } from '../limits.ts';
import { issueJson } from '../present/issues.ts';
import { fullPullJson } from '../present/pulls.ts';
import { notFound } from '../problem.ts';
import { closeIssue, closePull } from '../pushes.ts';
import type { RepositoryCall, Route } from '../router.ts';
import { created, listOf, numberParam, ok, onRepository, query, readBody, writerOf } from '../router.ts';
import type { Account, Issue } from '../state.ts';
import { nextId } from '../state.ts';

export const Body = z.string().max(CAPS.body, `body is too long (maximum is ${CAPS.body} characters)`);
export const Title = z.string().min(1).max(CAPS.title, `title is too long (maximum is ${CAPS.title} characters)`);

const Labels = z
  .array(z.union([z.string(), z.object({ name: z.string() })]))
  .transform((all) => all.map((one) => (typeof one === 'string' ? one : one.name)));
const NewIssue = z.strictObject({
  title: z.union([Title, z.number().transform(String)]),
  body: Body.nullish(),
  labels: Labels.optional(),
  assignees: z.array(z.string()).optional(),
});

const IssueChange = z.strictObject({
  title: Title.optional(),
  body: Body.nullish(),
  state: z.enum(['open', 'closed']).optional(),
  state_reason: z.enum(['completed', 'not_planned', 'reopened']).nullish(),
  labels: Labels.optional(),
});

const READ: Access = { app: ['issues:read', 'pull_requests:read'], user: 'read' };
const TALK: Access = { app: ['issues:write', 'pull_requests:write'], user: 'read' };

/** The issue of the path; ends in Problem 404. Also checks what a write of this kind of issue asks of an App. */
export function issueOf(call: RepositoryCall): Issue {
  const issue = call.repository.issues.get(numberParam(call, 'number'));
  if (!issue) throw notFound();
  // issues:write is for issues and pull requests alike, pull_requests:write for pull requests only.
  if (call.method !== 'GET') authorise(call.caller, call.repository, { app: issue.pull ? TALK.app : ['issues:write'], user: 'read' });
  return issue;
}

/** A number for a new issue or pull request, and what both have in common. */
export function newIssue(call: RepositoryCall, facts: Pick<Issue, 'title' | 'body' | 'labels' | 'pull'>): Issue {
  const { repository, site } = call;
  const now = site.clock();
  repository.lastNumber += 1;
  const issue: Issue = {
    id: nextId(site.state),
    number: repository.lastNumber,
    ...writerOf(call),
    createdAt: now,
    updatedAt: now,
    state: 'open',
    stateReason: null,
    closedAt: null,
    closedBy: null,
    ...facts,
  };
  repository.issues.set(issue.number, issue);
  return issue;
}

function listIssues(call: RepositoryCall): readonly Issue[] {
  const state = query(call, 'state') ?? 'open';
  const since = Date.parse(query(call, 'since') ?? '1970-01-01T00:00:00Z');
  const creator = query(call, 'creator');
  return [...call.repository.issues.values()]
    .filter((issue) => (state === 'all' || issue.state === state) && issue.updatedAt >= since)
    .filter((issue) => creator === null || issue.author.login === creator)
    .toReversed();
}

function announceIssue(call: RepositoryCall, issue: Issue, action: string): void {
  const { site, repository } = call;
  const payload = { issue: issueJson(site, repository, issue) };
  site.announce({ event: 'issues', action, repository, sender: writerOf(call).author, payload });
}

function createIssue(call: RepositoryCall): Issue {
  const { title, body, labels } = readBody(call, 'Issue', NewIssue);
  const issue = newIssue(call, { title, body: body ?? null, labels: labels ?? [], pull: null });
  announceIssue(call, issue, 'opened');
  return issue;
}

/** Whether this person may change somebody else's issue or comment. */
export function mayEdit(call: RepositoryCall, author: Account): void {
  if (call.caller.kind === 'user' && call.caller.account.id !== author.id)
    authorise(call.caller, call.repository, { app: [], user: 'write' });
}

async function changeIssue(call: RepositoryCall): Promise<Issue> {
  const { site, repository } = call;
  const issue = issueOf(call);
  mayEdit(call, issue.author);
  const change = readBody(call, 'Issue', IssueChange);
  const before = { title: issue.title, body: issue.body };
  issue.title = change.title ?? issue.title;
  if (change.body !== undefined) issue.body = change.body;
  issue.labels = change.labels ?? issue.labels;
  issue.updatedAt = site.clock();
  if (!issue.pull && (before.title !== issue.title || before.body !== issue.body)) announceIssue(call, issue, 'edited');
  const { author } = writerOf(call);
  if (change.state === 'closed' && issue.state === 'open') {
    if (issue.pull) await closePull(site, repository, { issue, pull: issue.pull, by: author });
    else {
      closeIssue(site, issue, { by: author, reason: change.state_reason ?? 'completed' });
      announceIssue(call, issue, 'closed');
    }
  } else if (change.state === 'open' && issue.state === 'closed') await reopen(call, issue);
  return issue;
}

/** Opens again what was closed; a merged pull request stays as it is. */
export async function reopen(call: RepositoryCall, issue: Issue): Promise<void> {
  const { site, repository } = call;
  if (issue.pull?.merged) return;
  Object.assign(issue, { state: 'open', stateReason: 'reopened', closedAt: null, closedBy: null });
  if (!issue.pull) {
    announceIssue(call, issue, 'reopened');
    return;
  }
  issue.pull.closedBaseSha = null;
  const payload = { number: issue.number, pull_request: await fullPullJson(site, repository, { issue, pull: issue.pull }) };
  site.announce({ event: 'pull_request', action: 'reopened', repository, sender: writerOf(call).author, payload });
}

export const issueRoutes: readonly Route[] = [
  onRepository({
    method: 'GET',
    pattern: '/issues',
    access: READ,
    answer: (call) => listOf(call, listIssues(call), (issue) => issueJson(call.site, call.repository, issue)),
  }),
  onRepository({
    method: 'POST',
    pattern: '/issues',
    access: { app: ['issues:write'], user: 'read' },
    creates: true,
    answer: (call) => created(issueJson(call.site, call.repository, createIssue(call))),
  }),
  onRepository({
    method: 'GET',
    pattern: '/issues/:number',
    access: READ,
    answer: (call) => ok(issueJson(call.site, call.repository, issueOf(call))),
  }),
  onRepository({
    method: 'PATCH',
    pattern: '/issues/:number',
    access: TALK,
    answer: async (call) => ok(issueJson(call.site, call.repository, await changeIssue(call))),
  }),
];
