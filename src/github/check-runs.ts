import { z } from 'zod';

import type { CheckConclusion } from '../domain/ci.ts';
import { clip } from './body.ts';
import type { EffectName } from './effects.ts';
import type { CheckRunDraft } from './hub.ts';
import { repositoryOf, type Site } from './site.ts';

/** The name of our check run, the same for every run of Converge, so that a branch rule can require it. */
export const CHECK_NAME = 'converge';

const Started = z.object({ id: z.number() });

/** Found again by its `external_id`, which only our App can have written. */
export function startCheckRun(site: Site, name: EffectName, check: CheckRunDraft): Promise<{ readonly id: number }> {
  const { octokit, effects } = site;
  const externalId = effects.signature(name);
  return effects.once(name, {
    intent: { kind: 'check-run', commit: check.commit },
    schema: Started,
    find: async () => {
      const at = { ...repositoryOf(site), ref: check.commit, check_name: CHECK_NAME, filter: 'all' as const, per_page: 100 };
      const runs = await octokit.paginate(octokit.rest.checks.listForRef, at);
      const ours = runs.find(({ external_id, app }) => external_id === externalId && app?.id === site.ownAppId);
      return ours === undefined ? null : { id: ours.id };
    },
    act: async () => {
      const fields = { ...fieldsOf(check), head_sha: check.commit, external_id: externalId };
      const { data } = await octokit.rest.checks.create({ ...repositoryOf(site), name: CHECK_NAME, ...fields });
      return { id: data.id };
    },
  });
}

export async function updateCheckRun(site: Site, id: number, check: CheckRunDraft): Promise<void> {
  await site.octokit.rest.checks.update({ ...repositoryOf(site), check_run_id: id, ...fieldsOf(check) });
}

function fieldsOf(check: CheckRunDraft) {
  return {
    status: check.status,
    started_at: check.startedAt,
    ...(check.status === 'completed' && { conclusion: settable(check.conclusion) }),
    ...(check.detailsUrl !== null && { details_url: check.detailsUrl }),
    output: { title: check.title, summary: clip(check.summary), text: clip(check.text) },
  };
}

/** GitHub demands a conclusion of what is completed, and keeps two for itself (facts/github.md §3). */
function settable(conclusion: CheckConclusion | null): Exclude<CheckConclusion, 'stale' | 'startup_failure'> {
  if (conclusion === null || conclusion === 'stale') return 'neutral';
  return conclusion === 'startup_failure' ? 'failure' : conclusion;
}
