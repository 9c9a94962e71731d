import { z } from 'zod';

/** A person's new comment on an issue or a pull request. */
export interface CommentEvent {
  readonly kind: 'comment';
  /** Of the comment, not of the delivery: the same in every redelivery. */
  readonly comment: number;
  readonly owner: string;
  readonly repo: string;
  readonly installation: number;
  /** Of the issue or pull request. */
  readonly number: number;
  readonly isPullRequest: boolean;
  readonly author: { readonly login: string; readonly id: number };
  readonly body: string;
}

export interface IgnoredEvent {
  readonly kind: 'ignored';
  readonly reason: string;
}

const Account = z.object({ login: z.string(), id: z.number(), type: z.string() });

const Payload = z.object({
  action: z.string(),
  comment: z.object({ id: z.number(), body: z.string(), user: Account.nullable(), performed_via_github_app: z.unknown().optional() }),
  issue: z.object({ number: z.number(), pull_request: z.unknown().optional() }),
  repository: z.object({ name: z.string(), owner: z.object({ login: z.string() }) }),
  installation: z.object({ id: z.number() }).optional(),
  sender: Account,
});

/**
 * What an `issue_comment` delivery says, or why it commands nothing: edits (the text may not be what its author wrote), deletions, and whatever no person typed (invariant 1).
 * https://docs.github.com/webhooks/webhook-events-and-payloads#issue_comment
 */
export function parseCommentEvent(payload: unknown): CommentEvent | IgnoredEvent {
  const parsed = Payload.safeParse(payload);
  if (!parsed.success) return ignored(`it is no issue_comment delivery: ${z.prettifyError(parsed.error)}`);
  const { action, comment, issue, repository, installation, sender } = parsed.data;
  if (action !== 'created') return ignored(`only new comments command; this one was ${action}`);
  if (installation === undefined) return ignored('it names no installation of the App');
  if (comment.user === null) return ignored('its author has no account any more');
  if (sender.type !== 'User' || comment.user.type !== 'User') return ignored(`${sender.login} is no person but a ${sender.type}`);
  if (sender.id !== comment.user.id) return ignored(`${sender.login} sent what ${comment.user.login} wrote`);
  if (comment.performed_via_github_app !== undefined && comment.performed_via_github_app !== null)
    return ignored('an App wrote it in the name of a person');
  return {
    kind: 'comment',
    comment: comment.id,
    owner: repository.owner.login,
    repo: repository.name,
    installation: installation.id,
    number: issue.number,
    isPullRequest: issue.pull_request !== undefined && issue.pull_request !== null,
    author: { login: comment.user.login, id: comment.user.id },
    body: comment.body,
  };
}

function ignored(reason: string): IgnoredEvent {
  return { kind: 'ignored', reason };
}
