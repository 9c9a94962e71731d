import { expect, test } from 'vitest';

import type { CheckRunDraft, Hub } from '../../src/github/hub.ts';
import { deliveriesOf } from '../../src/github/deliveries.ts';
import { clientOf, clientsOf, HERE, journalWith, withHub, type HubFixture } from '../github/support.ts';
import { octokit } from '../local/github/support.ts';
import { type AskedRequest, checkRequest, knownOperations, operationOf, responseChecker } from './openapi.ts';
import { type Exchange, recording } from './recorder.ts';

/** Properties that GitHub always gives and the local GitHub leaves out, each with the reason. Nothing of Converge reads them. */
const LEFT_OUT: readonly LeftOut[] = [
  {
    on: /./u,
    why: 'addresses of operations that the local GitHub does not have',
    names:
      'archive_url assignees_url blobs_url comments_url contributors_url deployments_url downloads_url events_url followers_url following_url forks_url gists_url git_commits_url git_tags_url hooks_url issue_events_url keys_url labels_url languages_url merges_url milestones_url mirror_url notifications_url organizations_url received_events_url releases_url stargazers_url starred_url subscribers_url subscription_url subscriptions_url tags_url teams_url trees_url'.split(
        ' ',
      ),
  },
  { on: /./u, why: 'the same addresses once more', names: ['_links'] },
  {
    on: /./u,
    why: 'facts of a repository that are always the same here',
    names: 'forks has_downloads has_pages has_projects has_wiki open_issues watchers'.split(' '),
  },
  {
    on: /^GET \/repos\/\{owner\}\/\{repo\}$/u,
    why: 'counts of what there is not here',
    names: ['has_discussions', 'network_count', 'subscribers_count'],
  },
  {
    on: /^GET \/users\//u,
    why: 'profiles, which accounts here do not have',
    names: 'bio blog company email followers following hireable location name public_gists public_repos created_at updated_at'.split(' '),
  },
  { on: /\/permission$/u, why: 'told once, beside the user', names: ['role_name', 'push', 'admin'] },
  { on: /\/branches\/\{branch\}$/u, why: 'the Apps of required checks; contexts tell their names', names: ['checks'] },
];

interface LeftOut {
  /** Operations, as in `GET /app`. */
  readonly on: RegExp;
  readonly why: string;
  readonly names: readonly string[];
}

/** Every verb of our hub, effects also found again after their result was lost, and what the demo's person asks. Gives the verbs. */
async function everything(fixture: HubFixture, apiUrl: string): Promise<ReadonlySet<string>> {
  const { app, tokens, journal, reopen, pushBranch, github } = fixture;
  const { signal } = new AbortController();
  const client = clientOf({ appId: app.id, privateKey: app.privateKey, apiUrl, installation: app.installationId });
  const called = new Set<string>();
  const hub = watched(reopen({ octokit: client }), called);
  const lost = reopen({
    octokit: client,
    journal: journalWith(journal, { done: () => Promise.reject(new Error('killed')) }),
  });
  const person = octokit({ apiUrl }, tokens.alice);

  const { data: issue } = await person.rest.issues.create({ ...HERE, title: 'Migrate', body: 'please' });
  const { data: asked } = await person.rest.issues.createComment({ ...HERE, issue_number: issue.number, body: '/workflow migrate it' });
  await hub.react('command', asked.id, 'eyes');
  await hub.permission('alice');
  await hub.grants();
  await hub.gitToken();
  await hub.bot();
  const { defaultBranch } = await hub.repository();
  const commit = await pushBranch('converge/run', { 'deep/a b.txt': 'a\nb\n', 'large.txt': 'a line that is repeated\n'.repeat(60_000) });
  await hub.branchHead('converge/run');
  await hub.file('deep/a b.txt', 'converge/run');
  await hub.file('large.txt', 'converge/run');
  await hub.filesIn('deep', 'converge/run');
  await hub.issue(issue.number);
  await hub.said(issue.number, '2026-01-01T00:00:00Z');
  await hub.unedited(asked.id);
  fixture.receiver.status = 500;
  await person.rest.issues.createComment({ ...HERE, issue_number: issue.number, body: '/workflow help' });
  await github.settled();
  fixture.receiver.status = 200;
  const deliveries = deliveriesOf(clientsOf({ appId: app.id, privateKey: app.privateKey, apiUrl }).app);
  for (const failed of await deliveries.failed()) {
    await deliveries.payload(failed);
    await deliveries.redeliver(failed);
  }

  /** Done, its result lost, and found again. */
  const twice = async (act: (hub: Hub) => Promise<unknown>): Promise<void> => {
    await expect(act(lost)).rejects.toThrow('killed');
    await act(hub);
  };
  await twice((one) => one.comment('run', 'status', { number: issue.number, body: 'Planning' }));
  const comment = await hub.comment('run', 'status', { number: issue.number, body: 'Planning' });
  await hub.editComment('run', 'status', { comment: comment.id, body: 'Migrating' });
  const draft = { title: 'Migrate', head: 'converge/run', base: defaultBranch, body: `Closes #${issue.number}` };
  await twice((one) => one.openPullRequest('run', 'pull-request', draft));
  const { number } = await hub.openPullRequest('run', 'pull-request', draft);
  await hub.updatePullRequest('run', 'pull-request', { number, title: 'Migrated', body: 'done' });
  const inline = { path: 'deep/a b.txt', line: 2, side: 'RIGHT', body: 'look' } as const;
  await twice((one) => one.review('run', 'review/a', { number, commit, body: 'Accepted', comments: [inline] }));
  await hub.review('run', 'review/b', { number, commit, body: 'Accepted', comments: [{ ...inline, line: 999 }] });
  const check: CheckRunDraft = {
    commit,
    startedAt: '2026-11-01T00:00:00.000Z',
    status: 'in_progress',
    conclusion: null,
    title: 'Migrating',
    summary: 'one',
    text: '',
    detailsUrl: 'https://converge.example/runs/1',
  };
  await twice((one) => one.startCheckRun('run', 'check', check));
  const run = await hub.startCheckRun('run', 'check', check);
  await hub.updateCheckRun('run', run.id, { ...check, status: 'completed', conclusion: 'action_required', detailsUrl: null });
  await hub.markReady(number);
  await hub.pullRequest(number);
  github.setRequiredChecks('acme/widgets', defaultBranch, ['test']);
  await hub.waitForCi(commit, signal);
  await hub.closePullRequest('run', 'undo/close', number);

  // Installed anew: the installation that we knew has no token for us any more.
  github.uninstall(app.installationId);
  github.install(app.id, 'acme/widgets');
  await reopen({ octokit: clientOf({ appId: app.id, privateKey: app.privateKey, apiUrl, installation: app.installationId }) }).issue(
    issue.number,
  );

  await person.rest.pulls.listCommits({ ...HERE, pull_number: number });
  await person.rest.pulls.listReviewComments({ ...HERE, pull_number: number });
  await person.rest.checks.get({ ...HERE, check_run_id: run.id });
  await octokit({ apiUrl }).rest.repos.get(HERE);
  return called;
}

function watched(hub: Hub, called: Set<string>): Hub {
  return new Proxy(hub, {
    get: (target, name) => {
      called.add(String(name));
      return Reflect.get(target, name);
    },
  });
}

const CI = { run: () => Promise.resolve([{ name: 'test', conclusion: 'success' as const, summary: 'fine' }]) };

test(
  'all that our hub asks of GitHub, and what the local GitHub answers, is right by GitHub’s own description',
  { timeout: 60_000 },
  async () => {
    await withHub(
      (fixture) =>
        recording(fixture.github, async ({ apiUrl, exchanges }) => {
          const called = await everything(fixture, apiUrl);
          expect(Object.keys(fixture.ours).filter((verb) => !called.has(verb))).toEqual([]);
          expect(requestProblems(exchanges)).toEqual([]);
          const used = new Set(exchanges.map((exchange) => operationOf(exchange)));
          expect(knownOperations().filter((operation) => !used.has(operation))).toEqual([]);

          expect(responseProblems(exchanges, LEFT_OUT)).toEqual([]);
          // What is there by now has no place in the list.
          const strict = responseProblems(exchanges, []);
          const needed = ({ on }: LeftOut, name: string): boolean =>
            strict.some((problem) => on.test(problem.split(': ')[0] ?? '') && problem.includes(`'${name}'`));
          expect(LEFT_OUT.flatMap((one) => one.names.filter((name) => !needed(one, name)))).toEqual([]);
        }),
      { ci: CI },
    );
  },
);

function requestProblems(exchanges: readonly Exchange[]): readonly string[] {
  const found = exchanges.flatMap((exchange) => checkRequest(exchange).map((problem) => `${exchange.method} ${exchange.path}: ${problem}`));
  return [...new Set(found)];
}

function responseProblems(exchanges: readonly Exchange[], leftOut: readonly LeftOut[]): readonly string[] {
  const check = responseChecker((operation) => leftOut.filter(({ on }) => on.test(operation)).flatMap(({ names }) => names));
  const answered = exchanges.filter(({ answer }) => answer !== undefined);
  const found = answered.flatMap((exchange) => (check(exchange) ?? []).map((problem) => `${operationOf(exchange)}: ${problem}`));
  return [...new Set(found)];
}

const PULLS = '/repos/acme/widgets/pulls';
const CHECKS = '/repos/acme/widgets/check-runs';
const SHA = 'a'.repeat(40);

test.each<[string, Partial<AskedRequest> & Pick<AskedRequest, 'path'>, RegExp]>([
  ['an operation that there is not', { path: '/repos/acme/widgets/pulls/1/ready' }, /no operation POST/u],
  ['a method that there is not', { method: 'PUT', path: PULLS }, /no operation PUT/u],
  ['a body that is missing', { path: PULLS }, /body: missing/u],
  ['a body that nobody reads', { method: 'GET', path: PULLS, body: {} }, /takes none/u],
  ['a property that is missing', { path: PULLS, body: { head: 'a', title: 'A' } }, /base/u],
  ['a property of another type', { path: PULLS, body: { head: 'a', base: 'b', title: 7 } }, /body\/title: must be string/u],
  ['a property that is misspelt', { path: PULLS, body: { head: 'a', base: 'b', title: 'A', isDraft: true } }, /isDraft/u],
  [
    'a misspelling deep inside',
    { path: CHECKS, body: { name: 'c', head_sha: SHA, output: { title: 'T', summary: 's', texts: 't' } } },
    /texts/u,
  ],
  ['a review of no kind', { path: `${PULLS}/1/reviews`, body: { event: 'ACCEPT' } }, /body\/event/u],
  ['completed without a conclusion', { path: `${CHECKS}/1`, method: 'PATCH', body: { status: 'completed' } }, /conclusion/u],
  ['a conclusion of GitHub’s own', { path: `${CHECKS}/1`, method: 'PATCH', body: { conclusion: 'startup_failure' } }, /conclusion/u],
  ['a parameter of no kind', { method: 'GET', path: PULLS, query: { state: 'merged' } }, /state/u],
  ['a parameter that there is not', { method: 'GET', path: PULLS, query: { per_pages: '5' } }, /unknown parameter per_pages/u],
  ['a number that is none', { method: 'GET', path: `${PULLS}/one` }, /pull_number/u],
])('%s is found', (_, asked, problem) => {
  expect(checkRequest({ method: 'POST', query: {}, body: undefined, ...asked }).join('\n')).toMatch(problem);
});

test('an answer of another shape is found', () => {
  const check = responseChecker(() => []);
  const comment = { method: 'POST', path: '/repos/acme/widgets/issues/1/comments', status: 201 };
  expect(check({ ...comment, answer: { id: 'one' } })?.join('\n')).toMatch(/\/id: must be integer/u);
  expect(check({ ...comment, answer: { created_at: 'yesterday' } })?.join('\n')).toMatch(/date-time/u);
  expect(check({ ...comment, status: 200, answer: {} })).toBeNull();
});
