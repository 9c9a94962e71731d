import { expect, test } from 'vitest';
import { FILES, octokit, refusal, withLocalGitHub, writeFiles } from './support.ts';
import type { Fixture } from './support.ts';

const HERE = { owner: 'acme', repo: 'widgets' };
const CHANGED = { 'src/one.js': (FILES['src/one.js'] ?? '').replace('line15 = 15', 'line15 = 1500') };

async function openPull({ bot, mint, pushBranch }: Fixture, draft = true): Promise<number> {
  await pushBranch('topic', CHANGED, await mint());
  const pull = await bot.rest.pulls.create({ ...HERE, head: 'topic', base: 'main', title: 'Work', body: 'Closes #7', draft });
  return pull.data.number;
}

test('a draft pull request is opened by the App, told to it, followed, made ready by GraphQL, and closed', async () => {
  await withLocalGitHub(async (fixture) => {
    const { bot, alice, receiver, clone, git, tokens } = fixture;
    await alice.rest.issues.create({ ...HERE, title: 'The issue' });
    const number = await openPull(fixture);
    expect(number).toBe(2);
    const opened = await receiver.waitFor('pull_request', 'opened');
    expect(opened.payload).toMatchObject({
      number: 2,
      pull_request: { draft: true, user: { login: 'converge[bot]' }, head: { ref: 'topic' } },
    });
    const before = await bot.rest.pulls.get({ ...HERE, pull_number: 2 });
    expect(before.data).toMatchObject({ draft: true, commits: 1, changed_files: 1, additions: 1, deletions: 1, mergeable: true });
    expect((await alice.rest.issues.get({ ...HERE, issue_number: 2 })).data.pull_request?.url).toContain('/pulls/2');

    const directory = await clone();
    await git(directory, ['checkout', '--quiet', 'topic']);
    await writeFiles(directory, { 'extra.txt': 'extra\n' });
    await git(directory, ['add', '--all']);
    await git(directory, ['commit', '--quiet', '-m', 'By a person']);
    await git(directory, ['push', '--quiet', 'origin', 'topic'], tokens.alice);
    const sha = await git(directory, ['rev-parse', 'HEAD']);
    const moved = await receiver.waitFor('pull_request', 'synchronize');
    expect(moved.payload).toMatchObject({ before: before.data.head.sha, after: sha, pull_request: { head: { sha } } });
    const commits = await bot.rest.pulls.listCommits({ ...HERE, pull_number: 2 });
    expect(commits.data.map((one) => one.commit.message)).toEqual(['Work on topic', 'By a person']);
    const files = await bot.rest.pulls.listFiles({ ...HERE, pull_number: 2 });
    expect(files.data.map((one) => one.filename)).toEqual(['extra.txt', 'src/one.js']);

    const ready = await bot.graphql(
      'mutation($id: ID!) { markPullRequestReadyForReview(input: {pullRequestId: $id}) { pullRequest { isDraft number } } }',
      {
        id: before.data.node_id,
      },
    );
    expect(ready).toEqual({ markPullRequestReadyForReview: { pullRequest: { isDraft: false, number: 2 } } });
    expect((await receiver.waitFor('pull_request', 'ready_for_review')).payload.sender.login).toBe('converge[bot]');
    expect((await bot.rest.pulls.update({ ...HERE, pull_number: 2, title: 'Done', state: 'closed' })).data).toMatchObject({
      title: 'Done',
      state: 'closed',
    });
    expect((await receiver.waitFor('pull_request', 'closed')).payload['pull_request']).toMatchObject({ merged: false });
    expect((await alice.rest.pulls.list({ ...HERE })).data).toEqual([]);
    expect((await alice.rest.pulls.list({ ...HERE, state: 'all', head: 'acme:topic', base: 'main' })).data).toHaveLength(1);
  });
});

test('a pull request that says nothing new, or has no branches, is refused', async () => {
  await withLocalGitHub(async (fixture) => {
    const { alice, mallory, pushBranch } = fixture;
    await openPull(fixture);
    const again = await refusal(alice.rest.pulls.create({ ...HERE, head: 'topic', base: 'main', title: 'Again' }));
    expect(again).toMatchObject({ status: 422, errors: [{ message: 'A pull request already exists for acme:topic.' }] });
    const same = await refusal(alice.rest.pulls.create({ ...HERE, head: 'main', base: 'main', title: 'Same' }));
    expect(same).toMatchObject({ status: 422, errors: [{ message: 'No commits between main and main' }] });
    const nowhere = await refusal(alice.rest.pulls.create({ ...HERE, head: 'nowhere', base: 'main', title: 'No' }));
    expect(nowhere).toMatchObject({ status: 422, errors: [{ field: 'head', code: 'invalid' }] });
    expect((await refusal(alice.rest.pulls.update({ ...HERE, pull_number: 1, draft: false }))).status).toBe(422);
    expect((await refusal(mallory.rest.pulls.create({ ...HERE, head: 'topic', base: 'main', title: 'Mine' }))).status).toBe(403);
    // An empty commit is a commit.
    await pushBranch('empty', {});
    const empty = await alice.rest.pulls.create({ ...HERE, head: 'empty', base: 'main', title: 'Empty', draft: true });
    expect(empty.data).toMatchObject({ commits: 1, changed_files: 0 });
  });
});

test('nobody approves their own pull request; others may', async () => {
  await withLocalGitHub(async (fixture) => {
    const { bot, alice, receiver } = fixture;
    const pull_number = await openPull(fixture);
    for (const [event, words] of [
      ['APPROVE', 'approve'],
      ['REQUEST_CHANGES', 'request changes on'],
    ] as const) {
      const own = await refusal(bot.rest.pulls.createReview({ ...HERE, pull_number, event, body: 'mine' }));
      expect(own).toMatchObject({ status: 422, errors: [`Review Can not ${words} your own pull request`] });
    }
    expect(await refusal(bot.rest.pulls.createReview({ ...HERE, pull_number, event: 'COMMENT' }))).toMatchObject({ status: 422 });
    const comment = await bot.rest.pulls.createReview({ ...HERE, pull_number, event: 'COMMENT', body: 'a remark' });
    expect(comment).toMatchObject({ status: 200, data: { state: 'COMMENTED', user: { login: 'converge[bot]' } } });
    expect((await alice.rest.pulls.createReview({ ...HERE, pull_number, event: 'APPROVE' })).data.state).toBe('APPROVED');
    expect((await alice.rest.pulls.listReviews({ ...HERE, pull_number })).data.map((one) => one.state)).toEqual(['COMMENTED', 'APPROVED']);
    const states = [await receiver.waitFor('pull_request_review', 'submitted', 2), ...receiver.of('pull_request_review')];
    expect(states.map((one) => (one.payload['review'] as { state: string }).state)).toContain('approved');
  });
});

test('review comments must lie in the diff; one that does not refuses the whole review', async () => {
  await withLocalGitHub(async (fixture) => {
    const { bot } = fixture;
    const pull_number = await openPull(fixture);
    const review = (comments: object[]): Promise<unknown> =>
      bot.rest.pulls.createReview({ ...HERE, pull_number, event: 'COMMENT', body: 'review', comments: comments as never });
    const good = { path: 'src/one.js', line: 15, side: 'RIGHT', body: 'here' };
    // Line 15 changed: three lines of context on each side belong to the diff, the next ones do not.
    for (const bad of [
      { ...good, line: 11 },
      { ...good, line: 19 },
      { ...good, line: 31 },
      { ...good, side: 'LEFT', line: 11 },
    ]) {
      expect(await refusal(review([good, bad]))).toMatchObject({ status: 422, errors: ['Line could not be resolved'] });
    }
    expect(await refusal(review([{ ...good, path: 'src/two.js', line: 1 }]))).toMatchObject({ errors: ['Path could not be resolved'] });
    expect(await refusal(review([{ ...good, start_line: 11 }]))).toMatchObject({ errors: ['Start line could not be resolved'] });
    expect((await refusal(review([{ ...good, start_line: 16 }]))).status).toBe(422);
    expect((await bot.rest.pulls.listReviewComments({ ...HERE, pull_number })).data).toEqual([]);
    expect((await bot.rest.pulls.listReviews({ ...HERE, pull_number })).data).toEqual([]);
    const edges = [12, 18].flatMap((line) => [
      { ...good, line, side: 'LEFT' },
      { ...good, line, side: 'RIGHT' },
    ]);
    await review([good, ...edges, { ...good, start_line: 13, line: 17 }]);
    const placed = await bot.rest.pulls.listReviewComments({ ...HERE, pull_number });
    expect(placed.data.map((one) => [one.side, one.start_line ?? null, one.line])).toEqual([
      ['RIGHT', null, 15],
      ['LEFT', null, 12],
      ['RIGHT', null, 12],
      ['LEFT', null, 18],
      ['RIGHT', null, 18],
      ['RIGHT', 13, 17],
    ]);
    expect(placed.data[0]?.diff_hunk.split('\n').at(-1)).toBe('+export const line15 = 1500;');
    const [one] = (await bot.rest.pulls.listReviews({ ...HERE, pull_number })).data;
    expect((await bot.rest.pulls.listCommentsForReview({ ...HERE, pull_number, review_id: one?.id ?? 0 })).data).toHaveLength(6);
  });
});

test('a review may be of an earlier commit of the pull request, and of no other', async () => {
  await withLocalGitHub(async (fixture) => {
    const { bot, clone, git, tokens, alice } = fixture;
    const pull_number = await openPull(fixture);
    const earlier = (await bot.rest.pulls.get({ ...HERE, pull_number })).data.head.sha;
    const directory = await clone();
    await git(directory, ['checkout', '--quiet', 'topic']);
    await git(directory, ['revert', '--no-edit', 'HEAD']);
    await git(directory, ['push', '--quiet', 'origin', 'topic'], tokens.alice);
    const comments = [{ path: 'src/one.js', line: 15, body: 'then' }];
    const asked = { ...HERE, pull_number, event: 'COMMENT' as const, body: 'b', comments };
    // At the head nothing differs from the base any more.
    expect((await refusal(bot.rest.pulls.createReview(asked))).status).toBe(422);
    expect((await bot.rest.pulls.createReview({ ...asked, commit_id: earlier })).data.commit_id).toBe(earlier);
    const foreign = await fixture.pushBranch('other', { 'x.txt': 'x\n' });
    expect((await refusal(alice.rest.pulls.createReview({ ...asked, commit_id: foreign }))).status).toBe(422);
  });
});

test('at most 250 commits are told', async () => {
  await withLocalGitHub(async ({ clone, git, tokens, alice }) => {
    const directory = await clone();
    await git(directory, ['checkout', '--quiet', '-b', 'long']);
    const tree = await git(directory, ['rev-parse', 'HEAD^{tree}']);
    let tip = await git(directory, ['rev-parse', 'HEAD']);
    for (let index = 0; index < 253; index += 1) tip = await git(directory, ['commit-tree', tree, '-p', tip, '-m', `commit ${index}`]);
    await git(directory, ['push', '--quiet', 'origin', `${tip}:refs/heads/long`], tokens.alice);
    const pull = await alice.rest.pulls.create({ ...HERE, head: 'long', base: 'main', title: 'Long' });
    expect(pull.data.commits).toBe(253);
    const commits = await alice.paginate(alice.rest.pulls.listCommits, { ...HERE, pull_number: 1, per_page: 100 });
    expect(commits).toHaveLength(250);
    expect(commits[0]?.commit.message).toBe('commit 0');
  });
}, 30_000);

test('a base that moves changes what merges, not what the pull request shows; a base that holds the head merges it', async () => {
  await withLocalGitHub(async (fixture) => {
    const { bot, alice, clone, git, tokens, receiver } = fixture;
    await alice.rest.issues.create({ ...HERE, title: 'The issue' });
    await fixture.pushBranch('topic', CHANGED);
    await alice.rest.pulls.create({ ...HERE, head: 'topic', base: 'main', title: 'Work', body: 'Fixes #1' });
    const directory = await clone();
    await writeFiles(directory, { 'src/two.js': 'export const two = 22;\n' });
    await git(directory, ['commit', '--quiet', '-am', 'Base moves']);
    await git(directory, ['push', '--quiet', 'origin', 'main'], tokens.alice);
    const shown = await bot.rest.pulls.get({ ...HERE, pull_number: 2 });
    expect(shown.data).toMatchObject({ changed_files: 1, commits: 1, mergeable: true });
    await git(directory, ['merge', '--quiet', '--no-edit', 'origin/topic']);
    await git(directory, ['push', '--quiet', 'origin', 'main'], tokens.alice);
    expect((await receiver.waitFor('pull_request', 'closed')).payload['pull_request']).toMatchObject({ merged: true });
    const merged = await bot.rest.pulls.get({ ...HERE, pull_number: 2 });
    expect(merged.data).toMatchObject({ merged: true, state: 'closed', changed_files: 1 });
    expect((await alice.rest.issues.get({ ...HERE, issue_number: 1 })).data.state).toBe('closed');
  });
});

test('a pull request from a fork names the fork and shows its diff', async () => {
  await withLocalGitHub(async ({ hub, tokens, git, scratch, bot, mallory }) => {
    await hub.createRepository({
      owner: 'mallory',
      name: 'widgets',
      from: hub.state.repositories.values().next().value?.directory ?? '',
      forkOf: 'acme/widgets',
    });
    await git(scratch, ['clone', '--quiet', `${hub.url}/mallory/widgets.git`, 'fork'], tokens.mallory);
    const directory = `${scratch}/fork`;
    await writeFiles(directory, CHANGED);
    await git(directory, ['commit', '--quiet', '-am', 'From a fork']);
    await git(directory, ['push', '--quiet', 'origin', 'HEAD:patch'], tokens.mallory);
    await mallory.rest.pulls.create({ ...HERE, head: 'mallory:patch', base: 'main', title: 'Fork' });
    const pull = await bot.rest.pulls.get({ ...HERE, pull_number: 1 });
    expect(pull.data).toMatchObject({
      head: { repo: { full_name: 'mallory/widgets', fork: true } },
      base: { repo: { full_name: 'acme/widgets' } },
      changed_files: 1,
    });
    expect((await octokit(hub, tokens.alice).rest.pulls.listFiles({ ...HERE, pull_number: 1 })).data.map((one) => one.filename)).toEqual([
      'src/one.js',
    ]);
  });
});
