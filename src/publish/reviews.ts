import { deliveredCommits, type Assembled, type DeliveredCommit } from '../converge/assemble.ts';
import type { RunBranch } from '../converge/branch.ts';
import type { AcceptedShard, SettledShards } from '../converge/shards.ts';
import type { Finding } from '../domain/finding.ts';
import { inGeneration } from '../domain/generation.ts';
import type { Plan } from '../domain/plan.ts';
import type { FileDiff } from '../git/workspace.ts';
import type { ReviewDraft } from '../github/hub.ts';
import type { House } from '../house.ts';
import { inlineComment, leftOverComment, reviewBody } from '../report/review-body.ts';

/** GitHub allows 500 new contents an hour; a run posts at most this many reviews (DESIGN.md §8). */
const MOST_REVIEWS = 40;
const MOST_INLINE = 25;

export interface Reviewing {
  readonly branch: RunBranch;
  readonly delivered: Assembled;
  readonly shards: SettledShards;
}

/** What posting them needs of a house. */
export type ReviewsHouse = Pick<House, 'run' | 'journal' | 'repository' | 'hub' | 'generation'>;

/** One review for each delivered commit, as COMMENT (an author cannot approve), and one comment for what is left over. */
export async function postReviews(house: ReviewsHouse, plan: Plan, { branch, delivered, shards }: Reviewing): Promise<void> {
  const accepted = new Map(shards.accepted.map((item) => [item.shard.id, item]));
  const own = (name: string): string => inGeneration(house.generation, name);
  const commits = await notReviewed(house, delivered, own);
  const diff = commits.length === 0 ? [] : await house.repository.diff(plan.base.tree, delivered.tree);
  for (const [at, reviewed] of grouped(commits).entries()) {
    const items = reviewed.shards.flatMap((id) => accepted.get(id) ?? []);
    const draft = reviewOf({ plan, commit: reviewed.commit, items, diff });
    await house.hub.review(house.run, own(`review/${at + 1}`), { number: branch.pullRequest.number, ...draft });
  }
  if (shards.leftOver.length > 0) {
    const body = leftOverComment(
      shards.leftOver.map(({ shard, reason, verdicts }) => ({ id: shard.id, files: shard.files, reason, verdicts })),
    );
    await house.hub.comment(house.run, own('left-over'), { number: branch.pullRequest.number, body });
  }
}

/** In a new generation what it brought, and what an earlier one brought that ended before its reviews. */
async function notReviewed(house: ReviewsHouse, delivered: Assembled, own: (name: string) => string): Promise<readonly DeliveredCommit[]> {
  const posted = (await house.journal.effects(house.run)).map(({ key }) => key).filter((key) => key.startsWith('review/'));
  const before = posted.filter((key) => own(key.replace(/~\d+$/u, '')) !== key);
  return before.length > 0 ? delivered.commits : deliveredCommits(delivered);
}

/** Above the bound, neighbours share a review, posted on the last of their commits. */
function grouped(commits: readonly DeliveredCommit[]): readonly { readonly commit: string; readonly shards: readonly string[] }[] {
  const size = Math.max(1, Math.ceil(commits.length / MOST_REVIEWS));
  const groups: { commit: string; shards: string[] }[] = [];
  for (let at = 0; at < commits.length; at += size) {
    const members = commits.slice(at, at + size);
    const last = members.at(-1);
    if (last !== undefined) groups.push({ commit: last.commit, shards: members.flatMap((member) => member.shards) });
  }
  return groups;
}

interface Reviewed {
  readonly plan: Plan;
  readonly commit: string;
  readonly items: readonly AcceptedShard[];
  readonly diff: readonly FileDiff[];
}

/** Findings that remain go inline where their line is in the pull request's diff; GitHub refuses the whole review for one that is not. */
function reviewOf({ plan, commit, items, diff }: Reviewed): Omit<ReviewDraft, 'number'> {
  const remaining = items.flatMap((item) => item.verdict.findings);
  const inline = remaining.filter((finding) => isInDiff(finding, diff)).slice(0, MOST_INLINE);
  const elsewhere = remaining.filter((finding) => !inline.includes(finding));
  const rounds = items.map((item) => ({ id: item.shard.id, files: item.change.files, verdicts: item.verdicts }));
  return {
    commit,
    body: reviewBody({ plan, commit, shards: rounds, elsewhere }),
    comments: inline.flatMap((finding) =>
      finding.line === null ? [] : [{ path: finding.path, line: finding.line, side: finding.side, body: inlineComment(finding) }],
    ),
  };
}

function isInDiff(finding: Finding, diff: readonly FileDiff[]): boolean {
  const file = diff.find((candidate) => candidate.path === finding.path);
  return (
    file?.hunks.some((hunk) =>
      hunk.lines.some((row) => (finding.side === 'RIGHT' ? row.new : row.old) === finding.line && finding.line !== null),
    ) ?? false
  );
}
