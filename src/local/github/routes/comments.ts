import { z } from 'zod';
import type { Access } from '../auth.ts';
import { authorise } from '../auth.ts';
import type { JsonObject } from '../json.ts';
import { REACTIONS, commentJson, commentsOf, issueJson, reactionJson, reactionsOn } from '../present/issues.ts';
import { notFound } from '../problem.ts';
import type { Answer, RepositoryCall, Route } from '../router.ts';
import { EMPTY, created, listOf, numberParam, ok, onRepository, query, readBody, writerOf } from '../router.ts';
import type { IssueComment, Reaction } from '../state.ts';
import { nextId } from '../state.ts';
import { Body, issueOf, mayEdit } from './issues.ts';

const READ: Access = { app: ['issues:read', 'pull_requests:read'], user: 'read' };
const TALK: Access = { app: ['issues:write', 'pull_requests:write'], user: 'read' };

const CommentBody = z.strictObject({ body: Body.refine((text) => text.trim() !== '', "body can't be blank") });
const ReactionBody = z.strictObject({ content: z.enum(REACTIONS) });

function announceComment(call: RepositoryCall, comment: IssueComment, told: { action: string; changes?: JsonObject }): void {
  const { site, repository } = call;
  const issue = repository.issues.get(comment.issueNumber);
  if (!issue) return;
  const changes = told.changes ? { changes: told.changes } : {};
  const payload = { issue: issueJson(site, repository, issue), comment: commentJson(site, comment), ...changes };
  site.announce({ event: 'issue_comment', action: told.action, repository, sender: writerOf(call).author, payload });
}

function createComment(call: RepositoryCall): IssueComment {
  const { site, repository } = call;
  const issue = issueOf(call);
  const { body } = readBody(call, 'IssueComment', CommentBody);
  const now = site.clock();
  const facts = { repository, issueNumber: issue.number, body, minimized: null, createdAt: now, updatedAt: now };
  const comment: IssueComment = { id: nextId(site.state), ...writerOf(call), ...facts };
  site.state.comments.set(comment.id, comment);
  issue.updatedAt = now;
  announceComment(call, comment, { action: 'created' });
  return comment;
}

function commentOf(call: RepositoryCall): IssueComment {
  const comment = call.site.state.comments.get(numberParam(call, 'id'));
  if (!comment || comment.repository !== call.repository) throw notFound();
  const onPull = call.repository.issues.get(comment.issueNumber)?.pull;
  if (call.method !== 'GET') authorise(call.caller, call.repository, { app: onPull ? TALK.app : ['issues:write'], user: 'read' });
  return comment;
}

function changeComment(call: RepositoryCall): IssueComment {
  const comment = commentOf(call);
  mayEdit(call, comment.author);
  const { body } = readBody(call, 'IssueComment', CommentBody);
  const from = comment.body;
  comment.body = body;
  comment.updatedAt = call.site.clock();
  announceComment(call, comment, { action: 'edited', changes: { body: { from } } });
  return comment;
}

function deleteComment(call: RepositoryCall): Answer {
  const comment = commentOf(call);
  mayEdit(call, comment.author);
  call.site.state.comments.delete(comment.id);
  announceComment(call, comment, { action: 'deleted' });
  return EMPTY;
}

function listComments(call: RepositoryCall, all: readonly IssueComment[]): Promise<Answer> {
  const since = Date.parse(query(call, 'since') ?? '1970-01-01T00:00:00Z');
  return listOf(
    call,
    // GitHub compares in whole seconds, as it tells them.
    all.filter((comment) => Math.floor(comment.updatedAt / 1000) * 1000 >= since),
    (comment) => commentJson(call.site, comment),
  );
}

/** 201 for a new reaction, 200 when this person had already given it. */
function react(call: RepositoryCall, subject: Pick<Reaction, 'on' | 'subjectId'>): Answer {
  const { site } = call;
  const { content } = readBody(call, 'Reaction', ReactionBody);
  const user = writerOf(call).author;
  const known = reactionsOn(site, subject).find((one) => one.user === user && one.content === content);
  if (known) return ok(reactionJson(site, known));
  const reaction: Reaction = { id: nextId(site.state), ...subject, user, content, createdAt: site.clock() };
  site.state.reactions.set(reaction.id, reaction);
  return created(reactionJson(site, reaction));
}

function listReactions(call: RepositoryCall, subject: Pick<Reaction, 'on' | 'subjectId'>): Promise<Answer> {
  const content = query(call, 'content');
  const found = reactionsOn(call.site, subject).filter((one) => content === null || one.content === content);
  return listOf(call, found, (one) => reactionJson(call.site, one));
}

export const commentRoutes: readonly Route[] = [
  onRepository({
    method: 'GET',
    pattern: '/issues/comments',
    access: READ,
    answer: (call) =>
      listComments(
        call,
        [...call.site.state.comments.values()].filter((one) => one.repository === call.repository),
      ),
  }),
  onRepository({
    method: 'GET',
    pattern: '/issues/comments/:id',
    access: READ,
    answer: (call) => ok(commentJson(call.site, commentOf(call))),
  }),
  onRepository({
    method: 'PATCH',
    pattern: '/issues/comments/:id',
    access: TALK,
    answer: (call) => ok(commentJson(call.site, changeComment(call))),
  }),
  onRepository({ method: 'DELETE', pattern: '/issues/comments/:id', access: TALK, answer: deleteComment }),
  onRepository({
    method: 'GET',
    pattern: '/issues/comments/:id/reactions',
    access: READ,
    answer: (call) => listReactions(call, { on: 'comment', subjectId: commentOf(call).id }),
  }),
  onRepository({
    method: 'POST',
    pattern: '/issues/comments/:id/reactions',
    access: TALK,
    answer: (call) => react(call, { on: 'comment', subjectId: commentOf(call).id }),
  }),
  onRepository({
    method: 'GET',
    pattern: '/issues/:number/comments',
    access: READ,
    answer: (call) => listComments(call, commentsOf(call.site, call.repository, issueOf(call).number)),
  }),
  onRepository({
    method: 'POST',
    pattern: '/issues/:number/comments',
    access: TALK,
    creates: true,
    answer: (call) => created(commentJson(call.site, createComment(call))),
  }),
  onRepository({
    method: 'GET',
    pattern: '/issues/:number/reactions',
    access: READ,
    answer: (call) => listReactions(call, { on: 'issue', subjectId: issueOf(call).id }),
  }),
  onRepository({
    method: 'POST',
    pattern: '/issues/:number/reactions',
    access: TALK,
    answer: (call) => react(call, { on: 'issue', subjectId: issueOf(call).id }),
  }),
];
