import type { Octokit } from '@octokit/rest';

import type { Journal } from '../journal/journal.ts';
import { gitToken, grants, permission } from './access.ts';
import { startCheckRun, updateCheckRun } from './check-runs.ts';
import { waitForCi } from './ci-results.ts';
import { editComment, postComment, react, said, unedited } from './comments.ts';
import { Effects, type EffectsMemory } from './effects.ts';
import type { Hub } from './hub.ts';
import { closePullRequest, markReady, openPullRequest, pullRequest, updatePullRequest } from './pull-requests.ts';
import { branchHead, file, filesIn, issue, repositoryFacts } from './repository.ts';
import { postReview } from './reviews.ts';
import { botOf, type Site } from './site.ts';
import type { GitHubTimings } from './timings.ts';

export interface HubOptions {
  readonly owner: string;
  readonly repo: string;
  /** Of the installation that sees the repository: see client.ts. */
  readonly octokit: Octokit;
  readonly journal: Journal;
  readonly memory: EffectsMemory;
  readonly timings: GitHubTimings;
  /** Signs the markers by which effects are found again; the same at every start. */
  readonly markerSecret: string;
  readonly ownAppId: number;
  /** Aborts when this process stops. */
  readonly signal: AbortSignal;
}

/** Opens one repository on GitHub. */
export function openHub(options: HubOptions): Hub {
  const { owner, repo, octokit, journal, memory, timings, markerSecret, ownAppId, signal } = options;
  const effects = new Effects({ journal, memory, lookupsMs: timings.effectLookupsMs, markerSecret, signal });
  const site: Site = { octokit, owner, repo, ownAppId, effects, timings, signal, bot: botOf(octokit) };
  return {
    repository: () => repositoryFacts(site),
    permission: (login) => permission(site, login),
    branchHead: (branch) => branchHead(site, branch),
    file: (path, ref) => file(site, path, ref),
    filesIn: (directory, ref) => filesIn(site, directory, ref),
    issue: (number) => issue(site, number),
    pullRequest: (number) => pullRequest(site, number),
    said: (number, since) => said(site, number, since),
    unedited: (comment) => unedited(site, comment),
    grants: () => grants(site),
    gitToken: (may = 'write') => gitToken(site, may),
    bot: () => site.bot(),
    waitForCi: async (commit, stop, base) => {
      const branch = base ?? (await repositoryFacts(site)).defaultBranch;
      return waitForCi(site, { commit, base: branch, signal: AbortSignal.any([signal, stop]) });
    },
    react: (scope, comment, content) => react(site, scope, { comment, content }),
    comment: (scope, key, post) => postComment(site, { scope, key }, post),
    editComment: (scope, key, edit) => editComment(site, { scope, key }, edit),
    openPullRequest: (scope, key, draft) => openPullRequest(site, { scope, key }, draft),
    updatePullRequest: (scope, key, text) => updatePullRequest(site, { scope, key }, text),
    closePullRequest: (scope, key, number) => closePullRequest(site, { scope, key }, number),
    markReady: (number) => markReady(site, number),
    review: (scope, key, review) => postReview(site, { scope, key }, review),
    startCheckRun: (scope, key, check) => startCheckRun(site, { scope, key }, check),
    updateCheckRun: (_scope, id, check) => updateCheckRun(site, id, check),
  };
}
