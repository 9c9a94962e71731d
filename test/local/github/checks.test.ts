import { readdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import type { CiRun } from '../../../src/local/github/ci.ts';
import { refusal, withLocalGitHub } from './support.ts';
import type { Fixture } from './support.ts';

const HERE = { owner: 'acme', repo: 'widgets' };

const byName = (one: readonly unknown[], other: readonly unknown[]): number => String(one[0]).localeCompare(String(other[0]));

const ROLLUP = `query($owner: String!, $name: String!, $oid: GitObjectID!, $number: Int!) {
  repository(owner: $owner, name: $name) {
    object(oid: $oid) {
      __typename
      ... on Commit {
        statusCheckRollup {
          state
          contexts(first: 100) {
            totalCount
            pageInfo { hasNextPage endCursor }
            nodes {
              __typename
              ...run
              ... on StatusContext { context state targetUrl isRequired(pullRequestNumber: $number) }
            }
          }
        }
      }
    }
  }
}
fragment run on CheckRun { name status conclusion detailsUrl databaseId checkSuite { app { databaseId slug } } required: isRequired(pullRequestNumber: $number) }`;

async function rollup({ bot }: Fixture, oid: string): Promise<unknown> {
  const found: { repository: { object: { statusCheckRollup: unknown } | null } } = await bot.graphql(ROLLUP, {
    owner: 'acme',
    name: 'widgets',
    oid,
    number: 1,
  });
  return found.repository.object?.statusCheckRollup;
}

test('an App writes, replaces and completes its check run; others cannot', async () => {
  await withLocalGitHub(async (fixture) => {
    const { bot, alice, receiver, pushBranch } = fixture;
    const head_sha = await pushBranch('topic', { 'a.txt': 'a\n' });
    const run = await bot.rest.checks.create({
      ...HERE,
      name: 'converge',
      head_sha,
      external_id: 'run-1',
      output: { title: 'Planning', summary: 'one', text: 'long' },
    });
    expect(run).toMatchObject({
      status: 201,
      data: { status: 'queued', conclusion: null, head_sha, external_id: 'run-1', app: { slug: 'converge' } },
    });
    const check_run_id = run.data.id;
    await bot.rest.checks.update({ ...HERE, check_run_id, status: 'in_progress', output: { title: 'Migrating', summary: 'two' } });
    expect((await bot.rest.checks.get({ ...HERE, check_run_id })).data.output).toMatchObject({
      title: 'Migrating',
      summary: 'two',
      text: null,
    });
    expect((await refusal(bot.rest.checks.update({ ...HERE, check_run_id, status: 'completed' }))).status).toBe(422);
    const actions = [{ label: 'Retry', description: 'Retry what was left over', identifier: 'retry' }];
    const done = await bot.rest.checks.update({ ...HERE, check_run_id, conclusion: 'neutral', actions });
    expect(done.data).toMatchObject({ status: 'completed', conclusion: 'neutral' });
    expect(done.data.completed_at).not.toBeNull();
    expect((await receiver.waitFor('check_run', 'completed')).payload['check_run']).toMatchObject({ id: check_run_id });
    expect((await receiver.waitFor('check_suite', 'completed')).payload['check_suite']).toMatchObject({
      conclusion: 'neutral',
      latest_check_runs_count: 1,
    });
    expect(await refusal(alice.rest.checks.create({ ...HERE, name: 'mine', head_sha }))).toMatchObject({
      status: 403,
      message: 'You must authenticate via a GitHub App.',
    });
    expect((await refusal(bot.rest.checks.create({ ...HERE, name: 'x', head_sha: '0'.repeat(40) }))).status).toBe(422);
  });
});

test('check runs keep their limits of size and number', async () => {
  await withLocalGitHub(async ({ bot, pushBranch }) => {
    const head_sha = await pushBranch('topic', { 'a.txt': 'a\n' });
    const create = (more: object): Promise<unknown> => bot.rest.checks.create({ ...HERE, name: 'converge', head_sha, ...more });
    const output = { title: 't', summary: 's' };
    const annotation = { path: 'a.txt', start_line: 1, end_line: 1, annotation_level: 'notice', message: 'm' };
    const action = { label: 'l', description: 'd', identifier: 'i' };
    await create({
      output: { ...output, summary: 'x'.repeat(65_535), annotations: Array.from({ length: 50 }, () => annotation) },
      actions: [action, action, action],
    });
    for (const bad of [
      { output: { ...output, summary: 'x'.repeat(65_536) } },
      { output: { ...output, text: 'x'.repeat(65_536) } },
      { output: { ...output, annotations: Array.from({ length: 51 }, () => annotation) } },
      { output: { ...output, annotations: [{ ...annotation, end_line: 2, start_column: 1 }] } },
      { output: { title: 'no summary' } },
      { actions: [action, action, action, action] },
      { actions: [{ ...action, label: 'x'.repeat(21) }] },
      { actions: [{ ...action, description: 'x'.repeat(41) }] },
      { conclusion: 'great' },
      { surprise: true },
    ]) {
      expect((await refusal(create(bad))).status, JSON.stringify(bad).slice(0, 80)).toBe(422);
    }
    const runs = await bot.rest.checks.listForRef({ ...HERE, ref: head_sha });
    expect(runs.data.total_count).toBe(1);
    const check_run_id = runs.data.check_runs[0]?.id ?? 0;
    await bot.rest.checks.update({ ...HERE, check_run_id, output: { ...output, annotations: [annotation] as never } });
    expect((await bot.rest.checks.get({ ...HERE, check_run_id })).data.output.annotations_count).toBe(51);
  });
});

test('only the App that made a check run changes it', async () => {
  await withLocalGitHub(
    async ({ bot, pushBranch, hub }) => {
      const sha = await pushBranch('topic', { 'a.txt': 'a\n' });
      await hub.settled();
      const runs = await bot.rest.checks.listForRef({ ...HERE, ref: sha });
      const foreign = runs.data.check_runs[0];
      expect(foreign?.app?.slug).toBe('local-ci');
      const refused = await refusal(bot.rest.checks.update({ ...HERE, check_run_id: foreign?.id ?? 0, conclusion: 'success' }));
      expect(refused.status).toBe(403);
    },
    { ci: { run: () => Promise.resolve([{ name: 'test', conclusion: 'failure', summary: 'no' }]) } },
  );
});

test('CI runs on the files of the pushed commit, one after the other, and reports check runs of its own App', async () => {
  const seen: string[][] = [];
  let running = 0;
  const run = async (directory: string): Promise<CiRun[]> => {
    running += 1;
    expect(running).toBe(1);
    seen.push((await readdir(directory)).sort());
    running -= 1;
    return [
      { name: 'test', conclusion: 'success', summary: `${'x'.repeat(70_000)}\n12 passed` },
      { name: 'lint', conclusion: 'failure', summary: 'one problem' },
    ];
  };
  await withLocalGitHub(
    async (fixture) => {
      const { hub, bot, receiver, pushBranch } = fixture;
      const one = await pushBranch('one', { 'only-one.txt': '1\n' });
      const two = await pushBranch('two', { 'only-two.txt': '2\n' });
      await hub.settled();
      expect(seen).toEqual([
        ['README.md', 'only-one.txt', 'src'],
        ['README.md', 'only-two.txt', 'src'],
      ]);
      for (const sha of [one, two]) {
        const runs = await bot.rest.checks.listForRef({ ...HERE, ref: sha, filter: 'latest' });
        expect(runs.data.check_runs.map((run) => [run.name, run.conclusion, run.app?.slug]).sort(byName)).toEqual([
          ['lint', 'failure', 'local-ci'],
          ['test', 'success', 'local-ci'],
        ]);
        const named = await bot.rest.checks.listForRef({ ...HERE, ref: sha, check_name: 'test' });
        expect(named.data.check_runs[0]?.output.summary).toMatch(/12 passed$/);
        expect(named.data.check_runs[0]?.output.summary).toHaveLength(65_535);
      }
      const suites = await bot.rest.checks.listSuitesForRef({ ...HERE, ref: two });
      expect(suites.data.check_suites.map((suite) => [suite.app?.slug, suite.status, suite.conclusion]).sort(byName)).toEqual([
        ['converge', 'queued', null],
        ['local-ci', 'completed', 'failure'],
      ]);
      expect(receiver.of('check_run', 'completed').length).toBe(4);
      expect(
        receiver
          .of('check_suite', 'completed')
          .map((hook) => (hook.payload['check_suite'] as { head_sha: string }).head_sha)
          .sort(),
      ).toEqual([one, two].sort());
    },
    { ci: { run } },
  );
});

test('CI that cannot run is a failure that says so; a repository may have none', async () => {
  await withLocalGitHub(
    async ({ hub, bot, pushBranch, git, scratch, tokens }) => {
      const sha = await pushBranch('topic', { 'a.txt': 'a\n' });
      await hub.settled();
      const [run] = (await bot.rest.checks.listForRef({ ...HERE, ref: sha })).data.check_runs;
      expect(run).toMatchObject({
        status: 'completed',
        conclusion: 'failure',
        output: { summary: expect.stringContaining('the machine is on fire') },
      });
      const from = [...hub.state.repositories.values()][0]?.directory ?? '';
      await hub.createRepository({ owner: 'acme', name: 'quiet', from, ci: false });
      hub.setPermission('acme/quiet', 'alice', 'write');
      await git(scratch, ['clone', '--quiet', `${hub.url}/acme/quiet.git`, 'quiet'], tokens.alice);
      await git(`${scratch}/quiet`, ['commit', '--quiet', '--allow-empty', '-m', 'Empty']);
      await git(`${scratch}/quiet`, ['push', '--quiet', 'origin', 'main'], tokens.alice);
      await hub.settled();
      expect([...hub.state.checkRuns.values()].filter((one) => one.suite.repository.name === 'quiet')).toEqual([]);
    },
    { ci: { run: () => Promise.reject(new Error('the machine is on fire')) } },
  );
});

test('the rollup is null without checks, and joins check runs and statuses', async () => {
  await withLocalGitHub(async (fixture) => {
    const { bot, alice, hub, pushBranch } = fixture;
    const sha = await pushBranch('topic', { 'a.txt': 'a\n' });
    await alice.rest.pulls.create({ ...HERE, head: 'topic', base: 'main', title: 'T' });
    expect(await rollup(fixture, sha)).toBeNull();
    expect((await bot.rest.repos.getCombinedStatusForRef({ ...HERE, ref: sha })).data).toMatchObject({ state: 'pending', total_count: 0 });
    hub.setRequiredChecks('acme/widgets', 'main', ['converge']);
    const run = await bot.rest.checks.create({ ...HERE, name: 'converge', head_sha: sha, status: 'in_progress' });
    await alice.rest.repos.createCommitStatus({ ...HERE, sha, state: 'pending', context: 'other' });
    await alice.rest.repos.createCommitStatus({ ...HERE, sha, state: 'success', context: 'other', target_url: 'http://127.0.0.1/ci' });
    expect(await rollup(fixture, sha)).toMatchObject({
      state: 'PENDING',
      contexts: {
        totalCount: 2,
        pageInfo: { hasNextPage: false },
        nodes: [
          {
            __typename: 'CheckRun',
            name: 'converge',
            status: 'IN_PROGRESS',
            conclusion: null,
            required: true,
            checkSuite: { app: { slug: 'converge' } },
          },
          { __typename: 'StatusContext', context: 'other', state: 'SUCCESS', isRequired: false },
        ],
      },
    });
    await bot.rest.checks.update({ ...HERE, check_run_id: run.data.id, conclusion: 'success' });
    expect(await rollup(fixture, sha)).toMatchObject({ state: 'SUCCESS' });
    await alice.rest.repos.createCommitStatus({ ...HERE, sha, state: 'failure', context: 'other' });
    expect(await rollup(fixture, sha)).toMatchObject({ state: 'FAILURE' });
    expect((await bot.rest.repos.getCombinedStatusForRef({ ...HERE, ref: sha })).data.state).toBe('failure');
    const second = await bot.rest.repos.getCombinedStatusForRef({ ...HERE, ref: sha, page: 2 });
    expect(second.data).toMatchObject({ total_count: 1, statuses: [] });
    const rules = await bot.rest.repos.getBranchRules({ ...HERE, branch: 'main' });
    expect(rules.data).toMatchObject([
      { type: 'required_status_checks', parameters: { required_status_checks: [{ context: 'converge' }] } },
    ]);
    expect((await bot.rest.actions.listWorkflowRunsForRepo({ ...HERE, head_sha: sha })).data.total_count).toBe(0);
  });
});

test('GraphQL answers what it does not know as GitHub does, and minimizes comments', async () => {
  await withLocalGitHub(async ({ bot, alice, mallory }) => {
    await alice.rest.issues.create({ ...HERE, title: 'A' });
    const comment = await bot.rest.issues.createComment({ ...HERE, issue_number: 1, body: 'old' });
    const id = comment.data.node_id;
    const minimize =
      'mutation($id: ID!) { minimizeComment(input: {subjectId: $id, classifier: OUTDATED}) { minimizedComment { isMinimized minimizedReason } } }';
    await expect(mallory.graphql(minimize, { id })).rejects.toThrow(/write access/);
    expect(await bot.graphql(minimize, { id })).toEqual({
      minimizeComment: { minimizedComment: { isMinimized: true, minimizedReason: 'outdated' } },
    });
    expect(await bot.graphql('query($id: ID!) { node(id: $id) { ... on IssueComment { body } } }', { id })).toEqual({
      node: { body: 'old' },
    });
    await expect(bot.graphql('{ repository(owner: "acme", name: "widgets") { stargazers { totalCount } } }')).rejects.toThrow(
      "Field 'stargazers' doesn't exist on type 'Repository'",
    );
    await expect(bot.graphql('{ repository(owner: "acme" ')).rejects.toThrow(/Parse error|unexpected end/);
    await expect(bot.graphql('{ node(id: "PR_none") { id } }')).rejects.toThrow(/Could not resolve to a node/);
  });
});
