import { expect, test } from 'vitest';

import type { CheckRunDraft } from '../../src/github/hub.ts';
import { GitHubRefusal } from '../../src/github/refusal.ts';
import { octokit } from '../local/github/support.ts';
import { clientOf, HERE, withHub } from './support.ts';

test('facts of the repository', async () => {
  await withHub(async ({ ours, github, pushBranch }) => {
    expect(await ours.repository()).toEqual({
      defaultBranch: 'main',
      cloneUrl: `${github.url}/acme/widgets.git`,
      url: `${github.url}/acme/widgets`,
      private: false,
    });
    const commit = await pushBranch('converge/run-1', { 'deep/down/text.txt': 'ä\n' });
    expect(await ours.branchHead('converge/run-1')).toBe(commit);
    expect(await ours.branchHead('converge/run')).toBeNull();
    expect(await ours.branchHead('nowhere')).toBeNull();
    expect(await ours.file('deep/down/text.txt', 'converge/run-1')).toBe('ä\n');
    expect(await ours.file('deep/down', 'converge/run-1')).toBeNull();
    expect(await ours.file('deep/down/text.txt', 'main')).toBeNull();
  });
});

test('a file above a megabyte', async () => {
  const large = 'a line that is repeated\n'.repeat(60_000);
  await withHub(async ({ ours }) => expect(await ours.file('large.txt', 'main')).toBe(large), { files: { 'large.txt': large } });
});

test('the live permission of people, by role; strangers have none', async () => {
  await withHub(async ({ ours, github }) => {
    github.createUser('maintainer');
    github.setPermission('acme/widgets', 'maintainer', 'maintain');
    expect(await ours.permission('alice')).toBe('write');
    expect(await ours.permission('maintainer')).toBe('maintain');
    expect(await ours.permission('mallory')).toBe('read');
    expect(await ours.permission('nobody-at-all')).toBe('none');
  });
  await withHub(
    async ({ ours, github }) => {
      github.createUser('stranger');
      expect(await ours.permission('stranger')).toBe('none');
    },
    { private: true },
  );
});

test('issues and pull requests', async () => {
  await withHub(async ({ ours, github, alice, pushBranch }) => {
    await alice.rest.issues.create({ ...HERE, title: 'Migrate', body: 'please' });
    const commit = await pushBranch('topic', { 'a.txt': 'a\n' });
    await alice.rest.pulls.create({ ...HERE, title: 'Topic', head: 'topic', base: 'main' });
    const url = `${github.url}/acme/widgets`;
    expect(await ours.issue(1)).toEqual({ number: 1, title: 'Migrate', body: 'please', url: `${url}/issues/1`, isPullRequest: false });
    expect(await ours.issue(2)).toMatchObject({ number: 2, body: '', isPullRequest: true });
    expect(await ours.pullRequest(2)).toEqual({
      number: 2,
      merged: false,
      url: `${url}/pull/2`,
      draft: false,
      state: 'open',
      head: { branch: 'topic', commit, repository: 'acme/widgets' },
      base: { branch: 'main' },
    });
  });
});

test('what the installation may do, and a token for git that pushes to this repository', async () => {
  await withHub(async ({ ours, github, clone, git, tokens }) => {
    expect(await ours.grants()).toMatchObject({ contents: 'write', checks: 'write' });
    expect(await ours.grants()).not.toHaveProperty('workflows');
    const first = await ours.gitToken();
    expect(await ours.gitToken()).not.toBe(first);
    const directory = await clone(tokens.alice);
    await git(directory, ['push', '--quiet', 'origin', 'HEAD:refs/heads/pushed'], first);
    expect(await ours.branchHead('pushed')).not.toBeNull();
    const { name, email } = await ours.bot();
    expect(name).toBe('converge[bot]');
    expect(email).toMatch(/^\d+\+converge\[bot\]@users\.noreply\.127\.0\.0\.1$/u);
    expect([...github.counts.keys()]).toContain('converge[bot]');
  });
});

test.each(['read', 'write'] as const)(
  'a token for git to %s is for this repository alone, and may do that and nothing else',
  async (may) => {
    await withHub(async ({ ours, github, app, alice, clone, git, tokens, scratch }) => {
      await github.createRepository({ owner: 'acme', name: 'secrets', from: await clone(), private: true });
      expect(github.install(app.id, 'acme/secrets')).toBe(app.installationId);
      await alice.rest.issues.create({ ...HERE, title: 'A' });
      const token = await ours.gitToken(may);
      const holder = octokit(github, token);
      const { data } = await holder.rest.apps.listReposAccessibleToInstallation();
      expect(data.repositories.map(({ full_name: name }) => name)).toEqual(['acme/widgets']);
      await expect(git(scratch, ['ls-remote', `${github.url}/acme/secrets.git`], token)).rejects.toThrow();
      await expect(holder.rest.issues.createComment({ ...HERE, issue_number: 1, body: 'b' })).rejects.toMatchObject({ status: 403 });
      const directory = await clone(token);
      const pushed = git(directory, ['push', '--quiet', 'origin', 'HEAD:refs/heads/pushed'], token);
      await (may === 'write' ? pushed : expect(pushed).rejects.toThrow());
      const heads = await git(directory, ['ls-remote', '--heads', 'origin', 'pushed'], tokens.alice);
      expect(heads === '').toBe(may === 'read');
      expect(github.state.tokens.get(token)).toHaveProperty('permissions', { contents: may });
    });
  },
);

test('a comment is posted once under its key, and edited in place', async () => {
  await withHub(async ({ ours, alice, reopen, github }) => {
    await alice.rest.issues.create({ ...HERE, title: 'A' });
    const posted = await ours.comment('run', 'status', { number: 1, body: 'Planning' });
    expect(await ours.comment('run', 'status', { number: 1, body: 'Planning' })).toEqual(posted);
    expect(await reopen().comment('run', 'status', { number: 1, body: 'Planning' })).toEqual(posted);
    const other = await ours.comment('run', 'plan', { number: 1, body: 'Plan' });
    expect(other.id).not.toBe(posted.id);
    await ours.editComment('run', 'status', { comment: posted.id, body: 'Migrating' });
    const comments = (await alice.rest.issues.listComments({ ...HERE, issue_number: 1 })).data;
    expect(comments.map(({ id, body }) => [id, body?.split('\n')[0]])).toEqual([
      [posted.id, 'Migrating'],
      [other.id, 'Plan'],
    ]);
    expect(posted.url).toBe(`${github.url}/acme/widgets/issues/1#issuecomment-${posted.id}`);
  });
});

test('a reaction, which costs nothing when it is asked for again', async () => {
  await withHub(async ({ ours, alice, reopen, github }) => {
    await alice.rest.issues.create({ ...HERE, title: 'A' });
    const { data: comment } = await alice.rest.issues.createComment({ ...HERE, issue_number: 1, body: '/workflow help' });
    await ours.react(`comment/${comment.id}`, comment.id, 'eyes');
    const before = github.counts.get('converge[bot]')?.writes;
    await reopen().react(`comment/${comment.id}`, comment.id, 'eyes');
    expect(github.counts.get('converge[bot]')?.writes).toBe(before);
    const reactions = (await alice.rest.reactions.listForIssueComment({ ...HERE, comment_id: comment.id })).data;
    expect(reactions.map(({ content, user }) => [content, user?.login])).toEqual([['eyes', 'converge[bot]']]);
  });
});

test('a pull request is drafted once, told, and made ready', async () => {
  await withHub(async ({ ours, pushBranch, reopen }) => {
    await pushBranch('converge/run-1', { 'a.txt': 'a\n' });
    const draft = { title: 'Migrate', head: 'converge/run-1', base: 'main', body: 'first' };
    const opened = await ours.openPullRequest('run', 'pull-request', draft);
    expect(await reopen().openPullRequest('run', 'pull-request', draft)).toEqual(opened);
    expect((await ours.pullRequest(opened.number)).draft).toBe(true);
    await ours.updatePullRequest('run', 'pull-request', { number: opened.number, title: 'Migrated', body: 'done' });
    await ours.markReady(opened.number);
    await ours.markReady(opened.number);
    expect((await ours.pullRequest(opened.number)).draft).toBe(false);
    expect(await ours.issue(opened.number)).toMatchObject({ title: 'Migrated', body: expect.stringMatching(/^done\n\n<!-- converge /u) });
  });
});

test('a pull request that somebody made ready at the same moment is ready; one that cannot be made ready says why', async () => {
  await withHub(async ({ ours, alice, app, github, pushBranch, reopen }) => {
    await pushBranch('converge/run-1', { 'a.txt': 'a\n' });
    const draft = { title: 'Migrate', head: 'converge/run-1', base: 'main', body: 'first' };
    const { number } = await ours.openPullRequest('run', 'pull-request', draft);
    const octokit = clientOf({ appId: app.id, privateKey: app.privateKey, apiUrl: github.apiUrl, installation: app.installationId });
    const late = reopen({ octokit });
    await alice.rest.pulls.update({ ...HERE, pull_number: number, state: 'closed' });
    await expect(late.markReady(number)).rejects.toMatchObject({
      kind: 'github',
      retry: 'never',
      message: expect.stringMatching(/answered 422 to POST \/.*graphql: UNPROCESSABLE: Pull request acme\/widgets#1 is closed\./u),
    });
    await alice.rest.pulls.update({ ...HERE, pull_number: number, state: 'open' });
    octokit.hook.before('request', async ({ url }) => {
      if (!url.endsWith('/graphql')) return;
      await ours.markReady(number);
      throw new GitHubRefusal({ message: 'Pull request is not a draft', status: 422, limited: false, cause: null });
    });
    await late.markReady(number);
    expect((await ours.pullRequest(number)).draft).toBe(false);
  });
});

test('a review is posted once, with its comments inline', async () => {
  await withHub(async ({ ours, alice, pushBranch, reopen }) => {
    const commit = await pushBranch('converge/run-1', { 'a.txt': 'a\nb\n' });
    const { number } = await ours.openPullRequest('run', 'pull-request', { title: 'M', head: 'converge/run-1', base: 'main', body: '' });
    const draft = {
      number,
      commit,
      body: 'Two verifiers accepted.',
      comments: [{ path: 'a.txt', line: 2, side: 'RIGHT', body: 'look' }],
    } as const;
    const posted = await ours.review('run', 'review/a', draft);
    expect(await reopen().review('run', 'review/a', draft)).toEqual(posted);
    const reviews = (await alice.rest.pulls.listReviews({ ...HERE, pull_number: number })).data;
    expect(reviews).toMatchObject([{ id: posted.id, state: 'COMMENTED', commit_id: commit }]);
    const inline = (await alice.rest.pulls.listReviewComments({ ...HERE, pull_number: number })).data;
    expect(inline.map(({ path, line, body }) => ({ path, line, body }))).toEqual([{ path: 'a.txt', line: 2, body: 'look' }]);
  });
});

test('what GitHub does not take inline is in the body, and nothing is lost', async () => {
  await withHub(async ({ ours, alice, pushBranch }) => {
    const commit = await pushBranch('converge/run-1', { 'a.txt': 'line\n'.repeat(50) });
    const { number } = await ours.openPullRequest('run', 'pull-request', { title: 'M', head: 'converge/run-1', base: 'main', body: '' });
    const at = (line: number): { path: string; line: number; side: 'RIGHT'; body: string } => ({
      path: 'a.txt',
      line,
      side: 'RIGHT',
      body: `<${line}>`,
    });
    await ours.review('run', 'off the diff', { number, commit, body: 'First', comments: [at(1), at(999)] });
    await ours.review('run', 'too many', {
      number,
      commit,
      body: 'Second',
      comments: Array.from({ length: 33 }, (_, index) => at(index + 1)),
    });
    const [first, second] = (await alice.rest.pulls.listReviews({ ...HERE, pull_number: number })).data;
    expect(first?.body).toContain('First\n\n### Not shown inline');
    expect(first?.body).toContain('line 999\n\n<999>');
    expect(first?.body).toContain('<1>');
    expect(second?.body).toContain('<33>');
    expect(second?.body).not.toContain('<30>');
    expect((await alice.rest.pulls.listReviewComments({ ...HERE, pull_number: number, per_page: 100 })).data).toHaveLength(30);
  });
});

test('a check run is started once and completed', async () => {
  await withHub(async ({ ours, bot, reopen, pushBranch }) => {
    const commit = await pushBranch('topic', { 'a.txt': 'a\n' });
    const check: CheckRunDraft = {
      commit,
      startedAt: '2026-11-01T10:00:00.000Z',
      status: 'queued',
      conclusion: null,
      title: 'Planning',
      summary: 's',
      text: 't',
      detailsUrl: 'https://converge.example/run',
    };
    const started = await ours.startCheckRun('run', 'check', check);
    expect(await reopen().startCheckRun('run', 'check', check)).toEqual(started);
    await ours.updateCheckRun('run', started.id, { ...check, status: 'in_progress', title: 'Migrating', detailsUrl: null });
    await ours.updateCheckRun('run', started.id, {
      ...check,
      status: 'completed',
      conclusion: 'neutral',
      title: 'Partly',
      summary: 'x'.repeat(70_000),
    });
    const { data } = await bot.rest.checks.listForRef({ ...HERE, ref: commit });
    expect(data.check_runs).toMatchObject([
      {
        name: 'converge',
        started_at: '2026-11-01T10:00:00Z',
        status: 'completed',
        conclusion: 'neutral',
        output: { title: 'Partly', text: 't' },
      },
    ]);
    expect(data.check_runs[0]?.output.summary).toMatch(/\*Cut here: 10,000 more characters do not fit into what GitHub accepts\.\*$/u);
  });
});

test('a body that is too long is cut and says so, and is found again all the same', async () => {
  await withHub(async ({ ours, alice }) => {
    await alice.rest.issues.create({ ...HERE, title: 'A' });
    await ours.comment('run', 'long', { number: 1, body: `\`\`\`\n${'x'.repeat(80_000)}\n\`\`\`` });
    const [comment] = (await alice.rest.issues.listComments({ ...HERE, issue_number: 1 })).data;
    expect(comment?.body).toMatch(/xxx\n```\n\n\*Cut here: 20,008 more characters do not fit .*\*\n\n<!-- converge \w+ \w+ -->$/u);
  });
});

test('a permission that is missing is named', async () => {
  await withHub(
    async ({ ours, alice }) => {
      await alice.rest.issues.create({ ...HERE, title: 'A' });
      await expect(ours.comment('run', 'status', { number: 1, body: 'b' })).rejects.toMatchObject({
        kind: 'github',
        retry: 'never',
        message: expect.stringMatching(
          /GitHub answered 403 to POST .*\/repos\/acme\/widgets\/issues\/1\/comments: .*Accept it in the settings/u,
        ),
      });
    },
    { permissions: { contents: 'write', pull_requests: 'read', issues: 'read', checks: 'write' } },
  );
});
