import { z } from 'zod';
import type { Access } from '../auth.ts';
import type { DiffFile } from '../diff.ts';
import { diffAgainstBase, findInDiff } from '../diff.ts';
import { commitOf } from '../git.ts';
import { baseShaOf, pullJson, reviewCommentJson, reviewJson } from '../present/pulls.ts';
import { notFound, unprocessable } from '../problem.ts';
import type { Answer, RepositoryCall, Route } from '../router.ts';
import { listOf, numberParam, ok, onRepository, readBody, writerOf } from '../router.ts';
import type { Review, ReviewComment, ReviewState } from '../state.ts';
import { nextId } from '../state.ts';
import { Body } from './issues.ts';
import type { PullSubject } from './pulls.ts';
import { pullOf } from './pulls.ts';

const READ: Access = { app: ['pull_requests:read'], user: 'read' };
const WRITE: Access = { app: ['pull_requests:write'], user: 'read' };

const SideName = z.enum(['LEFT', 'RIGHT']);
// `position`, which GitHub is retiring, is refused: Converge tells lines.
const InlineComment = z.strictObject({
  path: z.string().min(1),
  body: Body.min(1),
  line: z.int().positive(),
  side: SideName.default('RIGHT'),
  start_line: z.int().positive().optional(),
  start_side: SideName.optional(),
});
const NewReview = z.strictObject({
  commit_id: z.string().optional(),
  body: Body.optional(),
  event: z.enum(['APPROVE', 'REQUEST_CHANGES', 'COMMENT']).optional(),
  comments: z.array(InlineComment).default([]),
});
type InlineComment = z.infer<typeof InlineComment>;

const STATES = { APPROVE: 'APPROVED', REQUEST_CHANGES: 'CHANGES_REQUESTED', COMMENT: 'COMMENTED' } as const;

interface Placed {
  readonly asked: InlineComment;
  readonly excerpt: string;
}

/** Where each comment lies in the diff; one that lies outside refuses the whole review, as on GitHub. */
function place(files: readonly DiffFile[], asked: InlineComment): Placed {
  const { path, line, side } = asked;
  if (!files.some((file) => file.path === path)) throw unprocessable('Path could not be resolved');
  const found = findInDiff(files, { path, line, side });
  if (!found) throw unprocessable('Line could not be resolved');
  if (asked.start_line === undefined) return { asked, excerpt: found.excerpt };
  const start = findInDiff(files, { path, line: asked.start_line, side: asked.start_side ?? side });
  if (!start) throw unprocessable('Start line could not be resolved');
  if (start.hunk !== found.hunk) throw unprocessable('start_line must be part of the same hunk as the line.');
  const sameSide = (asked.start_side ?? side) === side;
  if (sameSide && asked.start_line >= line) throw unprocessable('start_line must precede the end line.');
  return { asked, excerpt: found.excerpt };
}

async function commitOfReview(call: RepositoryCall, { pull }: PullSubject, asked: string | undefined): Promise<string> {
  if (asked === undefined) return pull.headSha;
  const { site, repository } = call;
  const sha = await commitOf(site.git, repository.directory, asked);
  const inside = sha === null ? null : await site.git.run(repository.directory, ['merge-base', '--is-ancestor', sha, pull.headSha]);
  if (sha === null || inside?.exitCode !== 0) throw unprocessable('Commit is not part of the pull request');
  return sha;
}

function stateOf(call: RepositoryCall, { issue }: PullSubject, event: keyof typeof STATES | undefined): ReviewState {
  const { author } = writerOf(call);
  const own = issue.author === author;
  if (own && event === 'APPROVE') throw unprocessable('Review Can not approve your own pull request');
  if (own && event === 'REQUEST_CHANGES') throw unprocessable('Review Can not request changes on your own pull request');
  const pending = reviewsOf(call).some((review) => review.author === author && review.state === 'PENDING');
  if (pending) throw unprocessable('User can only have one pending review per pull request');
  return event === undefined ? 'PENDING' : STATES[event];
}

async function createReview(call: RepositoryCall): Promise<Answer> {
  const { site, repository } = call;
  const subject = pullOf(call);
  const asked = readBody(call, 'PullRequestReview', NewReview);
  const state = stateOf(call, subject, asked.event);
  const body = asked.body ?? '';
  if (body.trim() === '' && (state === 'CHANGES_REQUESTED' || (state === 'COMMENTED' && asked.comments.length === 0))) {
    throw unprocessable("Body can't be blank");
  }
  const commitSha = await commitOfReview(call, subject, asked.commit_id);
  const base = await baseShaOf(site, repository, subject.pull);
  const files = asked.comments.length > 0 ? await diffAgainstBase(site.git, repository.directory, [base, commitSha]) : [];
  const placed = asked.comments.map((comment) => place(files, comment));
  const now = site.clock();
  const authored = { ...writerOf(call), createdAt: now, updatedAt: now };
  const pullNumber = subject.issue.number;
  const review: Review = { id: nextId(site.state), repository, pullNumber, body, state, commitSha, ...authored };
  site.state.reviews.set(review.id, review);
  for (const one of placed) record(call, review, one);
  subject.issue.updatedAt = now;
  if (state !== 'PENDING') await announceReview(call, subject, review);
  return ok(reviewJson(site, review));
}

function record(call: RepositoryCall, review: Review, { asked, excerpt }: Placed): void {
  const { repository, pullNumber, author, viaApp, createdAt, updatedAt, commitSha } = review;
  const comment: ReviewComment = {
    id: nextId(call.site.state),
    repository,
    pullNumber,
    author,
    viaApp,
    createdAt,
    updatedAt,
    commitSha,
    review,
    path: asked.path,
    body: asked.body,
    line: asked.line,
    side: asked.side,
    startLine: asked.start_line ?? null,
    startSide: asked.start_line === undefined ? null : (asked.start_side ?? asked.side),
    diffHunk: excerpt,
  };
  call.site.state.reviewComments.set(comment.id, comment);
}

async function announceReview(call: RepositoryCall, subject: PullSubject, review: Review): Promise<void> {
  const { site, repository } = call;
  const pull = await pullJson(site, repository, subject);
  const sender = review.author;
  site.announce({
    event: 'pull_request_review',
    action: 'submitted',
    repository,
    sender,
    payload: { review: { ...reviewJson(site, review), state: review.state.toLowerCase() }, pull_request: pull },
  });
  for (const comment of commentsOfPull(call).filter((one) => one.review === review)) {
    const payload = { comment: reviewCommentJson(site, comment), pull_request: pull };
    site.announce({ event: 'pull_request_review_comment', action: 'created', repository, sender, payload });
  }
}

function reviewsOf(call: RepositoryCall): readonly Review[] {
  const number = numberParam(call, 'number');
  return [...call.site.state.reviews.values()].filter((one) => one.repository === call.repository && one.pullNumber === number);
}

function commentsOfPull(call: RepositoryCall): readonly ReviewComment[] {
  const number = numberParam(call, 'number');
  return [...call.site.state.reviewComments.values()].filter((one) => one.repository === call.repository && one.pullNumber === number);
}

function reviewOf(call: RepositoryCall): Review {
  pullOf(call);
  const review = reviewsOf(call).find((one) => one.id === numberParam(call, 'review'));
  if (!review) throw notFound();
  return review;
}

export const reviewRoutes: readonly Route[] = [
  onRepository({
    method: 'GET',
    pattern: '/pulls/:number/reviews',
    access: READ,
    answer: (call) => {
      pullOf(call);
      return listOf(call, reviewsOf(call), (review) => reviewJson(call.site, review));
    },
  }),
  onRepository({ method: 'POST', pattern: '/pulls/:number/reviews', access: WRITE, creates: true, answer: createReview }),
  onRepository({
    method: 'GET',
    pattern: '/pulls/:number/reviews/:review',
    access: READ,
    answer: (call) => ok(reviewJson(call.site, reviewOf(call))),
  }),
  onRepository({
    method: 'GET',
    pattern: '/pulls/:number/reviews/:review/comments',
    access: READ,
    answer: (call) => {
      const review = reviewOf(call);
      const found = commentsOfPull(call).filter((one) => one.review === review);
      return listOf(call, found, (one) => reviewCommentJson(call.site, one));
    },
  }),
  onRepository({
    method: 'GET',
    pattern: '/pulls/:number/comments',
    access: READ,
    answer: (call) => {
      pullOf(call);
      return listOf(call, commentsOfPull(call), (one) => reviewCommentJson(call.site, one));
    },
  }),
];
