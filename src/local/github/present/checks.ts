import type { JsonObject } from '../json.ts';
import { iso, isoOrNull, nodeId } from '../json.ts';
import type { Site } from '../site.ts';
import type { CheckRun, CheckStatus, CheckSuite, CommitStatus, Repository } from '../state.ts';
import { fullName } from '../state.ts';
import { appJson, repositoryJson, userJson } from './people.ts';

/** Pull requests of this repository whose head is the commit. */
function pullsAt(site: Site, repository: Repository, sha: string): readonly JsonObject[] {
  const api = `${site.apiUrl}/repos/${fullName(repository)}`;
  const named = { id: repository.id, url: api, name: repository.name };
  return [...repository.issues.values()].flatMap((issue) =>
    issue.pull && issue.state === 'open' && issue.pull.headSha === sha
      ? [
          {
            id: issue.pull.id,
            number: issue.number,
            url: `${api}/pulls/${issue.number}`,
            head: { ref: issue.pull.headRef, sha, repo: named },
            base: { ref: issue.pull.baseRef, sha, repo: named },
          },
        ]
      : [],
  );
}

export function runsOf(site: Site, suite: CheckSuite): readonly CheckRun[] {
  return [...site.state.checkRuns.values()].filter((run) => run.suite === suite);
}

/** The newest check run of each name in a suite: what `filter=latest` and the rollup look at. */
export function latestRunsOf(site: Site, suite: CheckSuite): readonly CheckRun[] {
  return [...new Map(runsOf(site, suite).map((run) => [run.name, run])).values()];
}

const FAILURES = new Set<string | null>(['failure', 'timed_out', 'cancelled', 'action_required']);

/** A suite's status and conclusion follow from its newest runs; one without runs stays queued for ever. */
export function suiteOutcome(site: Site, suite: CheckSuite): { status: CheckStatus; conclusion: string | null } {
  const runs = latestRunsOf(site, suite);
  if (runs.every((run) => run.status === 'queued')) return { status: 'queued', conclusion: null };
  if (runs.some((run) => run.status !== 'completed')) return { status: 'in_progress', conclusion: null };
  const failed = runs.find((run) => FAILURES.has(run.conclusion));
  if (failed) return { status: 'completed', conclusion: failed.conclusion };
  return { status: 'completed', conclusion: runs.some((run) => run.conclusion === 'success') ? 'success' : 'neutral' };
}

export function suiteJson(site: Site, suite: CheckSuite): JsonObject {
  const api = `${site.apiUrl}/repos/${fullName(suite.repository)}`;
  const runs = latestRunsOf(site, suite);
  return {
    id: suite.id,
    node_id: nodeId('CS', suite.id),
    head_branch: suite.headBranch,
    head_sha: suite.headSha,
    ...suiteOutcome(site, suite),
    url: `${api}/check-suites/${suite.id}`,
    check_runs_url: `${api}/check-suites/${suite.id}/check-runs`,
    before: null,
    after: suite.headSha,
    pull_requests: pullsAt(site, suite.repository, suite.headSha),
    app: appJson(site, suite.app),
    repository: repositoryJson(site, suite.repository),
    created_at: iso(suite.createdAt),
    updated_at: iso(suite.updatedAt),
    latest_check_runs_count: runs.length,
  };
}

export function checkRunJson(site: Site, run: CheckRun): JsonObject {
  const { suite } = run;
  const name = fullName(suite.repository);
  const url = `${site.apiUrl}/repos/${name}/check-runs/${run.id}`;
  const page = `${site.url}/${name}/runs/${run.id}`;
  return {
    id: run.id,
    node_id: nodeId('CR', run.id),
    name: run.name,
    head_sha: suite.headSha,
    external_id: run.externalId,
    url,
    html_url: page,
    details_url: run.detailsUrl ?? page,
    status: run.status,
    conclusion: run.conclusion,
    started_at: iso(run.startedAt),
    completed_at: isoOrNull(run.completedAt),
    output: { ...run.output, annotations_count: run.annotations.length, annotations_url: `${url}/annotations` },
    check_suite: { id: suite.id },
    app: appJson(site, suite.app),
    pull_requests: pullsAt(site, suite.repository, suite.headSha),
  };
}

export function statusJson(site: Site, status: CommitStatus): JsonObject {
  return {
    id: status.id,
    node_id: nodeId('SC', status.id),
    url: `${site.apiUrl}/repos/${fullName(status.repository)}/statuses/${status.sha}`,
    avatar_url: null,
    state: status.state,
    context: status.context,
    description: status.description,
    target_url: status.targetUrl,
    creator: userJson(site, status.creator),
    created_at: iso(status.createdAt),
    updated_at: iso(status.createdAt),
  };
}

/** The newest status of each context at a commit. */
export function latestStatuses(site: Site, repository: Repository, sha: string): readonly CommitStatus[] {
  const here = site.state.statuses.filter((one) => one.repository === repository && one.sha === sha);
  return [...new Map(here.map((one) => [one.context, one])).values()];
}
