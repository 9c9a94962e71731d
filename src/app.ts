import type { Probot } from 'probot';

/** Records a comment's webhook; returns when it is on disk, and never works on it. */
export type Record = (payload: unknown) => Promise<void>;

/** The Probot app: events in, nothing else. A delivery that cannot be recorded fails, so that GitHub shows it as failed and it can be redelivered. */
export function converge(record: Record): (app: Probot) => void {
  return (app) => {
    app.on('issue_comment.created', ({ payload }) => record(payload));
  };
}
