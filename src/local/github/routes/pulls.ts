import { z } from 'zod';
import type { Access } from '../auth.ts';
import { authorise } from '../auth.ts';
import { diffAgainstBase } from '../diff.ts';
import { commitOf, mergeBase } from '../git.ts';
import { CAPS } from '../limits.ts';
import { commitJson, fileJson, readCommits } from '../present/commits.ts';
import { baseShaOf, fullPullJson, pullJson } from '../present/pulls.ts';
import { invalid, notFound } from '../problem.ts';
import { closePull, keepHead } from '../pushes.ts';
import type { Answer, RepositoryCall, Route } from '../router.ts';
import { created, listOf, numberParam, ok, onRepository, query, readBody, writerOf } from '../router.ts';
import type { Issue, Pull, Repository } from '../state.ts';
import { nextId } from '../state.ts';
import { Body, Title, mayEdit, newIssue, reopen } from './issues.ts';

const READ: Access = { app: ['pull_requests:read'], user: 'read' };
const WRITE: Access = { app: ['pull_requests:write'], user: 'read' };

const NewPull = z.strictObject({
  title: Title,
  head: z.string().min(1),
  base: z.string().min(1),
  body: Body.nullish(),
  draft: z.boolean().optional(),
  maintainer_can_modify: z.boolean().optional(),
});

// `draft` is not among them: GitHub changes it by GraphQL only.
const PullChange = z.strictObject({
  title: Title.optional(),
  body: Body.nullish(),
  state: z.enum(['open', 'closed']).optional(),
  base: z.string().optional(),
  maintainer_can_modify: z.boolean().optional(),
});

export interface PullSubject {
  readonly issue: Issue;
  readonly pull: Pull;
}

/** The pull request of the path; ends in Problem 404. */
export function pullOf(call: RepositoryCall): PullSubject {
  const issue = call.repository.issues.get(numberParam(call, 'number'));
  if (!issue?.pull) throw notFound();
  return { issue, pull: issue.pull };
}

/** Issues that a body closes by GitHub's keywords. */
function closedBy(body: string | null): readonly number[] {
  const found = (body ?? '').matchAll(/\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+#(\d+)/gi);
  return [...new Set([...found].map((match) => Number(match[1])))];
}

interface Head {
  readonly repository: Repository;
  readonly ref: string;
  readonly sha: string;
}

/** `branch`, or `owner:branch` of this repository or one of its forks. */
async function headOf(call: RepositoryCall, label: string): Promise<Head> {
  const { site, repository } = call;
  const [owner, ref] = label.includes(':') ? label.split(':', 2) : [repository.owner.login, label];
  const family = [...site.state.repositories.values()].filter((one) => one === repository || one.parent === repository);
  const from = family.find((one) => one.owner.login.toLowerCase() === owner?.toLowerCase());
  const sha = from && ref ? await commitOf(site.git, from.directory, `refs/heads/${ref}`) : null;
  if (!from || !ref || sha === null) throw invalid({ resource: 'PullRequest', field: 'head', code: 'invalid' });
  return { repository: from, ref, sha };
}

async function createPull(call: RepositoryCall): Promise<Answer> {
  const { site, repository } = call;
  const asked = readBody(call, 'PullRequest', NewPull);
  const head = await headOf(call, asked.head);
  // A person opens a pull request from a branch they could have pushed, or from their own fork.
  if (head.repository === repository) authorise(call.caller, repository, { ...WRITE, user: 'write' });
  const base = await commitOf(site.git, repository.directory, `refs/heads/${asked.base}`);
  if (base === null) throw invalid({ resource: 'PullRequest', field: 'base', code: 'invalid' });
  const pull: Pull = {
    id: nextId(site.state),
    headRepository: head.repository,
    headRef: head.ref,
    headSha: head.sha,
    baseRef: asked.base,
    draft: asked.draft ?? false,
    merged: null,
    closedBaseSha: null,
    closes: closedBy(asked.body ?? null),
  };
  return site.exclusively(repository, async () => {
    await refuseUseless(call, { head, base, baseRef: asked.base });
    const issue = newIssue(call, { title: asked.title, body: asked.body ?? null, labels: [], pull });
    await keepHead(site, repository, { issue, pull, sha: head.sha });
    const json = await fullPullJson(site, repository, { issue, pull });
    const payload = { number: issue.number, pull_request: json };
    site.announce({ event: 'pull_request', action: 'opened', repository, sender: issue.author, payload });
    return created(json);
  });
}

/** GitHub refuses a second open pull request of the same branches, and one without a commit of its own. */
async function refuseUseless(call: RepositoryCall, { head, base, baseRef }: { head: Head; base: string; baseRef: string }): Promise<void> {
  const { site, repository } = call;
  const refuse = (message: string): never => {
    throw invalid({ resource: 'PullRequest', field: 'head', code: 'custom', message });
  };
  const label = `${head.repository.owner.login}:${head.ref}`;
  const same = [...repository.issues.values()].some(
    ({ state, pull }) =>
      state === 'open' && pull?.headRepository === head.repository && pull.headRef === head.ref && pull.baseRef === baseRef,
  );
  if (same) refuse(`A pull request already exists for ${label}.`);
  if (head.repository === repository && (await mergeBase(site.git, repository.directory, [base, head.sha])) === head.sha) {
    refuse(`No commits between ${baseRef} and ${head.ref}`);
  }
}

async function changePull(call: RepositoryCall): Promise<Answer> {
  const { site, repository } = call;
  const subject = pullOf(call);
  const { issue, pull } = subject;
  mayEdit(call, issue.author);
  const change = readBody(call, 'PullRequest', PullChange);
  if (change.base !== undefined && (await commitOf(site.git, repository.directory, `refs/heads/${change.base}`)) === null) {
    throw invalid({ resource: 'PullRequest', field: 'base', code: 'invalid' });
  }
  const before = { title: issue.title, body: issue.body, base: pull.baseRef };
  issue.title = change.title ?? issue.title;
  if (change.body !== undefined) issue.body = change.body;
  pull.baseRef = change.base ?? pull.baseRef;
  pull.closes = closedBy(issue.body);
  issue.updatedAt = site.clock();
  const { author } = writerOf(call);
  if (change.state === 'closed' && issue.state === 'open') await closePull(site, repository, { issue, pull, by: author });
  if (change.state === 'open' && issue.state === 'closed') await reopen(call, issue);
  const json = await fullPullJson(site, repository, subject);
  if (before.title !== issue.title || before.body !== issue.body || before.base !== pull.baseRef) {
    const changes = before.title === issue.title ? {} : { title: { from: before.title } };
    const payload = { number: issue.number, changes, pull_request: json };
    site.announce({ event: 'pull_request', action: 'edited', repository, sender: author, payload });
  }
  return ok(json);
}

function listPulls(call: RepositoryCall): Promise<Answer> {
  const state = query(call, 'state') ?? 'open';
  const head = query(call, 'head');
  const base = query(call, 'base');
  const found = [...call.repository.issues.values()].flatMap((issue) => (issue.pull ? [{ issue, pull: issue.pull }] : []));
  const wanted = found.filter(
    ({ issue, pull }) =>
      (state === 'all' || issue.state === state) &&
      (head === null || head === `${pull.headRepository.owner.login}:${pull.headRef}`) &&
      (base === null || base === pull.baseRef),
  );
  const ordered = query(call, 'direction') === 'asc' ? wanted : wanted.toReversed();
  return listOf(call, ordered, (subject) => pullJson(call.site, call.repository, subject));
}

async function listCommits(call: RepositoryCall): Promise<Answer> {
  const { site, repository } = call;
  const { pull } = pullOf(call);
  const base = await baseShaOf(site, repository, pull);
  const commits = await readCommits(site, repository, ['--reverse', '--topo-order', pull.headSha, `^${base}`]);
  return listOf(call, commits.slice(0, CAPS.pullCommits), (commit) => commitJson(site, repository, commit));
}

async function listFiles(call: RepositoryCall): Promise<Answer> {
  const { site, repository } = call;
  const { pull } = pullOf(call);
  const base = await baseShaOf(site, repository, pull);
  const files = await diffAgainstBase(site.git, repository.directory, [base, pull.headSha]);
  return listOf(call, files.slice(0, CAPS.pullFiles), (file) => fileJson(site, repository, { file, sha: pull.headSha }));
}

export const pullRoutes: readonly Route[] = [
  onRepository({ method: 'GET', pattern: '/pulls', access: READ, answer: listPulls }),
  onRepository({ method: 'POST', pattern: '/pulls', access: WRITE, creates: true, answer: createPull }),
  onRepository({
    method: 'GET',
    pattern: '/pulls/:number',
    access: READ,
    answer: async (call) => ok(await fullPullJson(call.site, call.repository, pullOf(call))),
  }),
  onRepository({ method: 'PATCH', pattern: '/pulls/:number', access: WRITE, answer: changePull }),
  onRepository({ method: 'GET', pattern: '/pulls/:number/commits', access: READ, answer: listCommits }),
  onRepository({ method: 'GET', pattern: '/pulls/:number/files', access: READ, answer: listFiles }),
];
