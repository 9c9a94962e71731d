import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PERMISSIONS, refusal, withLocalGitHub, writeFiles } from './support.ts';

const HERE = { owner: 'acme', repo: 'widgets' };
const WORKFLOW = { '.github/workflows/ci.yml': 'on: push\n' };

test('clone and push with a token in a header: the API, the events and the check suite follow', async () => {
  await withLocalGitHub(async ({ pushBranch, mint, bot, receiver, hub, alice }) => {
    const sha = await pushBranch('topic', { 'src/three.js': 'export const three = 3;\n' }, await mint());
    expect((await bot.rest.git.getRef({ ...HERE, ref: 'heads/topic' })).data.object.sha).toBe(sha);
    expect((await alice.rest.repos.getBranch({ ...HERE, branch: 'topic' })).data.commit.sha).toBe(sha);
    const push = await receiver.waitFor('push');
    expect(push.payload).toMatchObject({
      ref: 'refs/heads/topic',
      after: sha,
      created: true,
      forced: false,
      sender: { login: 'converge[bot]' },
    });
    const suite = await receiver.waitFor('check_suite', 'requested');
    expect(suite.payload['check_suite']).toMatchObject({
      head_sha: sha,
      head_branch: 'topic',
      status: 'queued',
      latest_check_runs_count: 0,
    });
    expect(hub.counts.get('converge[bot]')?.pushes).toBe(1);
    const file = await bot.rest.repos.getContent({ ...HERE, path: 'src/three.js', ref: 'topic' });
    expect(file.data).toMatchObject({ type: 'file', encoding: 'base64', content: expect.stringMatching(/^ZXhwb3J0/) });
    await bot.rest.git.deleteRef({ ...HERE, ref: 'heads/topic' });
    expect((await refusal(bot.rest.git.getRef({ ...HERE, ref: 'heads/topic' }))).status).toBe(404);
    expect((await receiver.waitFor('push', undefined, 2)).payload).toMatchObject({ deleted: true });
  });
});

test('who may not write cannot push, and learns why', async () => {
  await withLocalGitHub(async ({ tokens, pushBranch, mint, clone, git }) => {
    await expect(pushBranch('topic', {}, tokens.mallory)).rejects.toThrow(/403/);
    await expect(pushBranch('topic', {}, await mint({ permissions: { contents: 'read' } }))).rejects.toThrow(/403/);
    const directory = await clone();
    await expect(git(directory, ['push', 'origin', 'main:topic'])).rejects.toThrow(/could not read Username|terminal prompts disabled/);
  });
});

test('an App without the workflows permission cannot push a commit that touches a workflow, and nothing of that push arrives', async () => {
  await withLocalGitHub(async ({ pushBranch, mint, bot, clone, git, receiver }) => {
    await expect(pushBranch('with-workflow', WORKFLOW, await mint())).rejects.toThrow(
      /refusing to allow a GitHub App to create or update workflow `\.github\/workflows\/ci\.yml` without `workflows` permission/,
    );
    const directory = await clone();
    const token = await mint();
    await git(directory, ['checkout', '--quiet', '-b', 'clean']);
    await git(directory, ['commit', '--quiet', '--allow-empty', '-m', 'Clean']);
    await git(directory, ['checkout', '--quiet', '-b', 'dirty']);
    await writeFiles(directory, WORKFLOW);
    await git(directory, ['add', '--all']);
    await git(directory, ['commit', '--quiet', '-m', 'Dirty']);
    await expect(git(directory, ['push', 'origin', 'clean', 'dirty'], token)).rejects.toThrow(/pre-receive hook declined/);
    expect((await refusal(bot.rest.git.getRef({ ...HERE, ref: 'heads/clean' }))).status).toBe(404);
    expect(receiver.of('push')).toEqual([]);
    // A person may, and so may the App on top of what is already there.
    await pushBranch('with-workflow', WORKFLOW);
    await git(directory, ['fetch', '--quiet', 'origin'], token);
    await git(directory, ['checkout', '--quiet', '-b', 'above', 'origin/with-workflow']);
    await git(directory, ['commit', '--quiet', '--allow-empty', '-m', 'Above']);
    await git(directory, ['push', '--quiet', 'origin', 'above'], token);
  });
});

test('an App with the workflows permission may push workflows', async () => {
  await withLocalGitHub(
    async ({ pushBranch, mint }) => {
      await pushBranch('with-workflow', WORKFLOW, await mint());
    },
    { permissions: { ...PERMISSIONS, workflows: 'write' } },
  );
});

test('history is not overwritten unless forced, and refs/pull belongs to GitHub', async () => {
  await withLocalGitHub(async ({ pushBranch, clone, git, tokens, receiver }) => {
    await pushBranch('topic', { 'a.txt': 'a\n' });
    const directory = await clone();
    await git(directory, ['checkout', '--quiet', '-b', 'topic']);
    await git(directory, ['commit', '--quiet', '--allow-empty', '-m', 'Another']);
    await expect(git(directory, ['push', 'origin', 'topic'], tokens.alice)).rejects.toThrow(/rejected/);
    await git(directory, ['push', '--quiet', '--force', 'origin', 'topic'], tokens.alice);
    expect((await receiver.waitFor('push', undefined, 2)).payload).toMatchObject({ forced: true });
    await expect(git(directory, ['push', 'origin', 'HEAD:refs/pull/7/head'], tokens.alice)).rejects.toThrow(/hidden ref/);
  });
});

test('the pushed commits and their differences are told from git', async () => {
  await withLocalGitHub(async ({ alice, pushBranch }) => {
    const sha = await pushBranch('topic', { 'src/two.js': 'export const two = 3;\n', 'café.txt': 'ü\n' });
    const commit = await alice.rest.repos.getCommit({ ...HERE, ref: 'topic' });
    expect(commit.data).toMatchObject({
      sha,
      author: { login: 'alice' },
      commit: { message: 'Work on topic' },
      stats: { additions: 2, deletions: 1 },
    });
    expect(commit.data.files?.map((file) => [file.filename, file.status])).toEqual([
      ['café.txt', 'added'],
      ['src/two.js', 'modified'],
    ]);
    const compared = await alice.rest.repos.compareCommitsWithBasehead({ ...HERE, basehead: `main...${sha}` });
    expect(compared.data).toMatchObject({ status: 'ahead', ahead_by: 1, behind_by: 0, total_commits: 1 });
    const back = await alice.rest.repos.compareCommitsWithBasehead({ ...HERE, basehead: `${sha}...main` });
    expect(back.data).toMatchObject({ status: 'behind', ahead_by: 0, behind_by: 1 });
    const raw = await alice.rest.repos.getContent({ ...HERE, path: 'src/two.js', ref: sha, mediaType: { format: 'raw' } });
    expect(raw.data).toBe('export const two = 3;\n');
    const listing = await alice.rest.repos.getContent({ ...HERE, path: 'src' });
    expect(listing.data).toMatchObject([{ name: 'one.js' }, { name: 'two.js' }]);
    expect((await refusal(alice.rest.repos.getContent({ ...HERE, path: 'nowhere.js' }))).status).toBe(404);
    expect((await refusal(alice.rest.repos.getCommit({ ...HERE, ref: 'nowhere' }))).status).toBe(422);
  });
});

test('a partial clone is served', async () => {
  await withLocalGitHub(async ({ hub, git, scratch, tokens }) => {
    await git(scratch, ['clone', '--quiet', '--filter=blob:none', '--no-checkout', `${hub.url}/acme/widgets.git`, 'partial'], tokens.alice);
    const directory = join(scratch, 'partial');
    const missing = await git(directory, ['rev-list', '--objects', '--all', '--missing=print'], tokens.alice);
    expect(missing.split('\n').filter((line) => line.startsWith('?'))).toHaveLength(3);
    await git(directory, ['checkout', '--quiet', 'main'], tokens.alice);
    expect(await readFile(join(directory, 'README.md'), 'utf8')).toBe('# Widgets\n');
  });
});
