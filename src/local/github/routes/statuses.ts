import { z } from 'zod';
import { commitOf } from '../git.ts';
import { CAPS } from '../limits.ts';
import { latestStatuses, statusJson } from '../present/checks.ts';
import { repositoryJson } from '../present/people.ts';
import { Problem } from '../problem.ts';
import type { Answer, RepositoryCall, Route } from '../router.ts';
import { created, onRepository, pageOf, param, readBody, writerOf } from '../router.ts';
import type { CommitStatus } from '../state.ts';
import { nextId } from '../state.ts';

const NewStatus = z.strictObject({
  state: z.enum(['error', 'failure', 'pending', 'success']),
  target_url: z.string().nullish(),
  description: z.string().max(140).nullish(),
  context: z.string().min(1).default('default'),
});

async function shaOf(call: RepositoryCall): Promise<string> {
  const name = param(call, 'ref');
  const sha = await commitOf(call.site.git, call.repository.directory, name);
  if (sha === null) throw new Problem(422, `No commit found for SHA: ${name}`);
  return sha;
}

async function createStatus(call: RepositoryCall): Promise<Answer> {
  const { site, repository } = call;
  const asked = readBody(call, 'Status', NewStatus);
  const sha = await shaOf(call);
  const same = site.state.statuses.filter((one) => one.repository === repository && one.sha === sha && one.context === asked.context);
  if (same.length >= CAPS.statusesPerContext) {
    throw new Problem(422, 'Validation Failed', {
      errors: [{ resource: 'Status', code: 'custom', message: 'This SHA and context has reached the maximum number of statuses.' }],
    });
  }
  const status: CommitStatus = {
    id: nextId(site.state),
    repository,
    sha,
    state: asked.state,
    context: asked.context,
    description: asked.description ?? null,
    targetUrl: asked.target_url ?? null,
    creator: writerOf(call).author,
    createdAt: site.clock(),
  };
  site.state.statuses.push(status);
  const { id, creator: _creator, ...json } = statusJson(site, status);
  const payload = { ...json, id: id ?? null, sha, name: `${repository.owner.login}/${repository.name}`, commit: { sha }, branches: [] };
  site.announce({ event: 'status', repository, sender: status.creator, payload });
  return created(statusJson(site, status));
}

/** Failure before pending before success; `pending` when there is nothing at all, which is no green. */
function combined(states: readonly string[]): string {
  if (states.some((one) => one === 'failure' || one === 'error')) return 'failure';
  return states.length === 0 || states.includes('pending') ? 'pending' : 'success';
}

async function combinedStatus(call: RepositoryCall): Promise<Answer> {
  const { site, repository } = call;
  const sha = await shaOf(call);
  const statuses = latestStatuses(site, repository, sha);
  const page = pageOf(call, statuses);
  const json = {
    state: combined(statuses.map((one) => one.state)),
    statuses: page.items.map((one) => statusJson(site, one)),
    sha,
    total_count: statuses.length,
    repository: repositoryJson(site, repository),
    commit_url: `${site.apiUrl}/repos/${repository.owner.login}/${repository.name}/commits/${sha}`,
    url: call.url.href,
  };
  return { status: 200, json, headers: page.headers };
}

export const statusRoutes: readonly Route[] = [
  onRepository({
    method: 'POST',
    pattern: '/statuses/*ref',
    access: { app: ['statuses:write'], user: 'write' },
    answer: createStatus,
  }),
  onRepository({
    method: 'GET',
    pattern: '/commits/*ref/status',
    access: { app: ['statuses:read'], user: 'read' },
    answer: combinedStatus,
  }),
];
