import { z } from 'zod';

import type { CheckConclusion, CiCheck } from '../domain/ci.ts';
import { CHECK_NAME } from './check-runs.ts';
import { isRefusal } from './refusal.ts';
import { repositoryOf, type Site } from './site.ts';

/** What others say of one commit at one moment. */
export interface CiSnapshot {
  readonly finished: readonly CiCheck[];
  /** Names of what has begun and not ended. */
  readonly unfinished: readonly string[];
}

/**
 * Three REST reads instead of GraphQL's rollup: they tell which App a check is of, so that our own can be left out, and which workflows have started without
 * any check so far, which the rollup does not. Suites are not read: one without runs says nothing, and Apps that never post leave such ones behind for ever.
 */
export async function readCi(site: Site, commit: string): Promise<CiSnapshot> {
  const parts = await Promise.all([checkRuns(site, commit), statuses(site, commit), workflowRuns(site, commit)]);
  return { finished: parts.flatMap((part) => part.finished), unfinished: parts.flatMap((part) => part.unfinished) };
}

const CONCLUSION: z.ZodType<CheckConclusion> = z.enum([
  'success',
  'failure',
  'neutral',
  'cancelled',
  'skipped',
  'timed_out',
  'action_required',
  'stale',
  'startup_failure',
]);

/** The end of a check's own output, where the failures are. */
const TAIL = 2000;

async function checkRuns(site: Site, commit: string): Promise<CiSnapshot> {
  const { octokit } = site;
  const at = { ...repositoryOf(site), ref: commit, filter: 'latest' as const, per_page: 100 };
  const runs = (await octokit.paginate(octokit.rest.checks.listForRef, at)).filter(({ app }) => app?.id !== site.ownAppId);
  const done = runs.filter(({ status }) => status === 'completed');
  return {
    finished: done.map(({ name, conclusion, html_url, output }) => ({
      name,
      // What GitHub may add one day is not taken for success.
      conclusion: CONCLUSION.catch('failure').parse(conclusion),
      url: html_url,
      summary: [output.summary, output.text].filter(Boolean).join('\n\n').slice(-TAIL),
    })),
    unfinished: runs.filter(({ status }) => status !== 'completed').map(({ name }) => name),
  };
}

/** The combined status itself is not looked at: it is `pending` when there are none. */
async function statuses(site: Site, commit: string): Promise<CiSnapshot> {
  const all = await everyStatus(site, commit);
  const done = all.filter(({ state }) => state !== 'pending');
  return {
    finished: done.map(({ context, state, target_url, description }) => ({
      name: context,
      conclusion: state === 'success' ? 'success' : 'failure',
      url: target_url,
      summary: description ?? '',
    })),
    unfinished: all.filter(({ state }) => state === 'pending').map(({ context }) => context),
  };
}

/** By hand: this answer carries its list in a way that Octokit's pagination does not know. */
async function everyStatus(site: Site, commit: string) {
  const all = [];
  for (let page = 1; ; page += 1) {
    const at = { ...repositoryOf(site), ref: commit, per_page: 100, page };
    const { data } = await site.octokit.rest.repos.getCombinedStatusForRef(at);
    all.push(...data.statuses);
    if (data.statuses.length < 100) return all;
  }
}

/** Workflows that have begun; finished ones speak through their checks, except those that ended before any check began (a broken file, an approval to give). */
async function workflowRuns(site: Site, commit: string): Promise<CiSnapshot> {
  const { octokit } = site;
  try {
    const runs = await octokit.paginate(octokit.rest.actions.listWorkflowRunsForRepo, {
      ...repositoryOf(site),
      head_sha: commit,
      per_page: 100,
    });
    const named = runs.map(({ name, status, conclusion, html_url }) => ({ name: name ?? 'workflow', status, conclusion, html_url }));
    const stillborn = named.filter(({ conclusion }) => conclusion === 'startup_failure' || conclusion === 'action_required');
    return {
      finished: stillborn.map(({ name, conclusion, html_url }) => {
        const summary =
          conclusion === 'action_required' ? 'A person must approve this workflow on GitHub.' : 'The workflow could not start.';
        return { name, conclusion: CONCLUSION.catch('failure').parse(conclusion), url: html_url, summary };
      }),
      unfinished: named.filter(({ status }) => status !== 'completed').map(({ name }) => name),
    };
  } catch (thrown) {
    // Without actions:read, or where Actions are off, the checks alone must tell.
    if (isRefusal(thrown, 403, 404)) return { finished: [], unfinished: [] };
    throw thrown;
  }
}

const Rules = z.array(
  z.object({
    type: z.string(),
    parameters: z
      .object({ required_status_checks: z.array(z.object({ context: z.string(), integration_id: z.number().nullish() })).default([]) })
      .optional(),
  }),
);

const Protection = z.object({
  protection: z.object({ required_status_checks: z.object({ contexts: z.array(z.string()).default([]) }).optional() }).optional(),
});

/** Names that a branch requires, by rulesets and by classic protection, without our own, which waits for these. */
export async function requiredChecks(site: Site, branch: string): Promise<ReadonlySet<string>> {
  const at = { ...repositoryOf(site), branch };
  const rules = await ifVisible(async () => {
    const found = Rules.parse(await site.octokit.paginate(site.octokit.rest.repos.getBranchRules, { ...at, per_page: 100 }));
    return found.flatMap((rule) => (rule.type === 'required_status_checks' ? (rule.parameters?.required_status_checks ?? []) : []));
  });
  const classic = await ifVisible(async () => {
    const { data } = await site.octokit.rest.repos.getBranch(at);
    return Protection.parse(data).protection?.required_status_checks?.contexts ?? [];
  });
  const others = rules.filter(({ integration_id }) => integration_id !== site.ownAppId).map(({ context }) => context);
  return new Set([...others, ...classic].filter((name) => name !== CHECK_NAME));
}

/** Some plans and permissions hide the rules of a branch: then nothing is known to be required. */
async function ifVisible<T>(read: () => Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await read();
  } catch (thrown) {
    if (isRefusal(thrown, 403, 404)) return [];
    throw thrown;
  }
}
