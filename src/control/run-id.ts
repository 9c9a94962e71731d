import { createHash } from 'node:crypto';

/** The same comment is the same run, whatever the number of deliveries; 10 hex digits, also the end of the run's branch. */
export function runId({ owner, repo, comment }: { readonly owner: string; readonly repo: string; readonly comment: number }): string {
  return createHash('sha256').update(`${owner}/${repo}/${comment}`.toLowerCase()).digest('hex').slice(0, 10);
}
