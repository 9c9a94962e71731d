import { requestSuites } from './checks.ts';
import { branches, commitOf, mergeBase } from './git.ts';
import { pushCommitJson, readCommits } from './present/commits.ts';
import { fullPullJson } from './present/pulls.ts';
import type { Site } from './site.ts';
import type { Account, Issue, Pull, Repository } from './state.ts';
import { fullName } from './state.ts';

const NO_COMMIT = '0'.repeat(40);

interface Move {
  readonly branch: string;
  /** NO_COMMIT: was not there. */
  readonly before: string;
  /** NO_COMMIT: is deleted. */
  readonly after: string;
}

/**
 * Runs what may move branches, and then does all that a push brings: events, suites, pull requests that follow, CI. Gives what
 * `move` gave, and how many branches it moved.
 */
export function moveBranches<T>(
  site: Site,
  repository: Repository,
  push: { sender: Account; move: () => Promise<T> },
): Promise<{ result: T; moved: number }> {
  return site.exclusively(repository, async () => {
    const before = await branches(site.git, repository.directory);
    const result = await push.move();
    const after = await branches(site.git, repository.directory);
    const names = new Set([...before.keys(), ...after.keys()]);
    const moves = [...names]
      .map((branch) => ({ branch, before: before.get(branch) ?? NO_COMMIT, after: after.get(branch) ?? NO_COMMIT }))
      .filter((move) => move.before !== move.after);
    for (const move of moves) await afterMove(site, repository, { ...move, sender: push.sender });
    return { result, moved: moves.length };
  });
}

async function afterMove(site: Site, repository: Repository, move: Move & { sender: Account }): Promise<void> {
  repository.pushedAt = site.clock();
  for (const owner of site.state.repositories.values()) await followPulls(site, owner, { ...move, from: repository });
  await announcePush(site, repository, move);
  if (move.after === NO_COMMIT) return;
  requestSuites(site, repository, { sha: move.after, branch: move.branch, sender: move.sender });
  if (repository.ci) site.requestCi(repository, { sha: move.after, branch: move.branch });
}

async function announcePush(
  site: Site,
  repository: Repository,
  { branch, before, after, sender }: Move & { sender: Account },
): Promise<void> {
  const isNew = before === NO_COMMIT;
  const gone = after === NO_COMMIT;
  const range = isNew ? [after, '--not', `refs/heads/${repository.defaultBranch}`] : [`${before}..${after}`];
  const commits = gone ? [] : await readCommits(site, repository, ['--reverse', '--max-count=2048', ...range]);
  const fork = isNew || gone ? null : await mergeBase(site.git, repository.directory, [before, after]);
  const shown = commits.map((commit) => pushCommitJson(site, repository, commit));
  site.announce({
    event: 'push',
    repository,
    sender,
    payload: {
      ref: `refs/heads/${branch}`,
      before,
      after,
      created: isNew,
      deleted: gone,
      forced: !isNew && !gone && fork !== before,
      base_ref: null,
      compare: `${site.url}/${fullName(repository)}/compare/${before.slice(0, 12)}...${after.slice(0, 12)}`,
      commits: shown,
      head_commit: shown.at(-1) ?? null,
      pusher: { name: sender.login, email: `${sender.login}@users.noreply.local` },
    },
  });
}

/** Open pull requests follow their head's branch; they close when it goes, and are merged when their base holds it. */
async function followPulls(site: Site, owner: Repository, move: Move & { from: Repository; sender: Account }): Promise<void> {
  for (const issue of owner.issues.values()) {
    const { pull } = issue;
    if (!pull || issue.state !== 'open') continue;
    const subject = { issue, pull };
    if (pull.headRepository === move.from && pull.headRef === move.branch) await followHead(site, owner, { ...subject, ...move });
    else if (owner === move.from && pull.baseRef === move.branch) await followBase(site, owner, { ...subject, ...move });
  }
}

type Follow = Move & { issue: Issue; pull: Pull; sender: Account };

async function followHead(site: Site, owner: Repository, follow: Follow): Promise<void> {
  const { issue, pull, after, before, sender } = follow;
  issue.updatedAt = site.clock();
  if (after === NO_COMMIT) {
    await closePull(site, owner, { issue, pull, by: sender });
    return;
  }
  await keepHead(site, owner, { issue, pull, sha: after });
  const payload = { number: issue.number, before, after, pull_request: await fullPullJson(site, owner, follow) };
  site.announce({ event: 'pull_request', action: 'synchronize', repository: owner, sender, payload });
}

async function followBase(site: Site, owner: Repository, { issue, pull, before, after, sender }: Follow): Promise<void> {
  if (after === NO_COMMIT) {
    pull.closedBaseSha = before;
    await closePull(site, owner, { issue, pull, by: sender });
    return;
  }
  const fork = await mergeBase(site.git, owner.directory, [after, pull.headSha]);
  if (fork !== pull.headSha) return;
  pull.merged = { at: site.clock(), by: sender, sha: after };
  pull.closedBaseSha = before === NO_COMMIT ? after : before;
  await closePull(site, owner, { issue, pull, by: sender });
  for (const number of pull.closes) {
    const linked = owner.issues.get(number);
    if (linked && owner.defaultBranch === pull.baseRef) closeIssue(site, linked, { by: sender, reason: 'completed' });
  }
}

/** Keeps the head commit below `refs/pull/`, where GitHub keeps it too: it survives its branch. */
export async function keepHead(
  site: Site,
  owner: Repository,
  { issue, pull, sha }: { issue: Issue; pull: Pull; sha: string },
): Promise<void> {
  pull.headSha = sha;
  const ref = `refs/pull/${issue.number}/head`;
  if (pull.headRepository === owner) await site.git.text(owner.directory, ['update-ref', ref, sha]);
  else
    await site.git.text(owner.directory, [
      'fetch',
      '--quiet',
      '--no-tags',
      pull.headRepository.directory,
      `+refs/heads/${pull.headRef}:${ref}`,
    ]);
}

export function closeIssue(site: Site, issue: Issue, how: { by: Account; reason: Issue['stateReason'] }): void {
  const now = site.clock();
  Object.assign(issue, { state: 'closed', stateReason: how.reason, closedAt: now, closedBy: how.by, updatedAt: now });
}

/** Closes a pull request and tells Apps; its diff stays as it was. */
export async function closePull(
  site: Site,
  owner: Repository,
  { issue, pull, by }: { issue: Issue; pull: Pull; by: Account },
): Promise<void> {
  pull.closedBaseSha ??= await commitOf(site.git, owner.directory, `refs/heads/${pull.baseRef}`);
  closeIssue(site, issue, { by, reason: null });
  const payload = { number: issue.number, pull_request: await fullPullJson(site, owner, { issue, pull }) };
  site.announce({ event: 'pull_request', action: 'closed', repository: owner, sender: by, payload });
}
