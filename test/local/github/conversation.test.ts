import { expect, test } from 'vitest';
import { refusal, withLocalGitHub } from './support.ts';

const HERE = { owner: 'acme', repo: 'widgets' };

test('a comment of a person reaches the App as a signed webhook that names installation, sender and repository', async () => {
  await withLocalGitHub(async ({ alice, receiver, app }) => {
    const issue = await alice.rest.issues.create({ ...HERE, title: 'Move to node:test', body: 'please' });
    const comment = await alice.rest.issues.createComment({ ...HERE, issue_number: issue.data.number, body: '/workflow help' });
    const hook = await receiver.waitFor('issue_comment', 'created');
    expect(hook.signed).toBe(true);
    expect(hook.guid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-/);
    expect(hook.headers['x-github-hook-installation-target-id']).toBe(String(app.id));
    expect(hook.payload).toMatchObject({
      action: 'created',
      installation: { id: app.installationId },
      sender: { login: 'alice', type: 'User' },
      repository: { full_name: 'acme/widgets', default_branch: 'main' },
      issue: { number: 1, title: 'Move to node:test', user: { login: 'alice' } },
      comment: { id: comment.data.id, body: '/workflow help', author_association: 'COLLABORATOR', performed_via_github_app: null },
    });
    expect(hook.payload['issue']).not.toHaveProperty('pull_request');
    await alice.rest.issues.updateComment({ ...HERE, comment_id: comment.data.id, body: 'other' });
    const edited = await receiver.waitFor('issue_comment', 'edited');
    expect(edited.payload).toMatchObject({ changes: { body: { from: '/workflow help' } }, comment: { body: 'other' } });
  });
});

test('the App answers as its bot, with itself named, reacts once, and edits its own comment', async () => {
  await withLocalGitHub(async ({ alice, bot, app, receiver }) => {
    const asked = await alice.rest.issues.create({ ...HERE, title: 'A' });
    const comment = await alice.rest.issues.createComment({ ...HERE, issue_number: asked.data.number, body: 'b' });
    const reaction = { ...HERE, comment_id: comment.data.id, content: 'eyes' as const };
    expect((await bot.rest.reactions.createForIssueComment(reaction)).status).toBe(201);
    expect((await bot.rest.reactions.createForIssueComment(reaction)).status).toBe(200);
    expect((await bot.rest.reactions.listForIssueComment({ ...HERE, comment_id: comment.data.id })).data).toHaveLength(1);
    expect((await bot.rest.reactions.createForIssue({ ...HERE, issue_number: 1, content: 'rocket' })).data.user?.login).toBe(
      'converge[bot]',
    );
    const answer = await bot.rest.issues.createComment({ ...HERE, issue_number: asked.data.number, body: 'on it' });
    expect(answer.data).toMatchObject({ user: { login: 'converge[bot]', type: 'Bot' }, performed_via_github_app: { id: app.id } });
    const changed = await bot.rest.issues.updateComment({ ...HERE, comment_id: answer.data.id, body: 'done' });
    expect(changed.data.body).toBe('done');
    const hook = await receiver.waitFor('issue_comment', 'created', 2);
    expect(hook.payload.sender).toMatchObject({ login: 'converge[bot]', type: 'Bot' });
    const gone = await bot.rest.issues.deleteComment({ ...HERE, comment_id: answer.data.id });
    expect(gone.status).toBe(204);
    expect((await refusal(bot.rest.issues.getComment({ ...HERE, comment_id: answer.data.id }))).status).toBe(404);
  });
});

test('lists come in pages with links, and since tells only what changed', async () => {
  await withLocalGitHub(async ({ alice, advance }) => {
    await alice.rest.issues.create({ ...HERE, title: 'A' });
    for (const index of [1, 2, 3, 4, 5]) await alice.rest.issues.createComment({ ...HERE, issue_number: 1, body: `comment ${index}` });
    const first = await alice.rest.issues.listComments({ ...HERE, issue_number: 1, per_page: 2 });
    expect(first.headers.link).toContain('rel="next"');
    expect(first.headers.link).toContain('rel="last"');
    const all = await alice.paginate(alice.rest.issues.listComments, { ...HERE, issue_number: 1, per_page: 2 });
    expect(all.map((one) => one.body)).toEqual([1, 2, 3, 4, 5].map((index) => `comment ${index}`));
    advance(60_000);
    const late = await alice.rest.issues.createComment({ ...HERE, issue_number: 1, body: 'late' });
    const since = await alice.rest.issues.listComments({ ...HERE, issue_number: 1, since: late.data.updated_at });
    expect(since.data.map((one) => one.body)).toEqual(['late']);
  });
});

test('bodies are capped at 65,536 characters and may not be blank; the refusal names the field', async () => {
  await withLocalGitHub(async ({ alice }) => {
    await alice.rest.issues.create({ ...HERE, title: 'A', body: 'x'.repeat(65_536) });
    const long = await refusal(alice.rest.issues.createComment({ ...HERE, issue_number: 1, body: 'x'.repeat(65_537) }));
    expect(long).toMatchObject({ status: 422, message: 'Validation Failed', errors: [{ resource: 'IssueComment', field: 'body' }] });
    expect((await refusal(alice.rest.issues.createComment({ ...HERE, issue_number: 1, body: ' ' }))).status).toBe(422);
    expect((await refusal(alice.rest.issues.create({ ...HERE, title: '' }))).status).toBe(422);
    const missing = await refusal(alice.request('POST /repos/{owner}/{repo}/issues', { ...HERE } as never));
    expect(missing).toMatchObject({ status: 422, errors: [{ field: 'title' }] });
  });
});

test('issues are closed, reopened and listed by state; an issue of nowhere is not found', async () => {
  await withLocalGitHub(async ({ alice, mallory, receiver }) => {
    await alice.rest.issues.create({ ...HERE, title: 'A' });
    await mallory.rest.issues.create({ ...HERE, title: 'B' });
    await alice.rest.issues.update({ ...HERE, issue_number: 1, state: 'closed' });
    expect((await receiver.waitFor('issues', 'closed')).payload['issue']).toMatchObject({
      number: 1,
      state: 'closed',
      state_reason: 'completed',
    });
    expect((await alice.rest.issues.listForRepo({ ...HERE })).data.map((one) => one.number)).toEqual([2]);
    expect((await alice.rest.issues.listForRepo({ ...HERE, state: 'all' })).data.map((one) => one.number)).toEqual([2, 1]);
    expect((await refusal(alice.rest.issues.get({ ...HERE, issue_number: 9 }))).status).toBe(404);
    expect((await refusal(alice.rest.issues.get({ owner: 'acme', repo: 'nowhere', issue_number: 1 }))).status).toBe(404);
    expect((await refusal(mallory.rest.issues.update({ ...HERE, issue_number: 1, state: 'open' }))).status).toBe(403);
    expect((await alice.rest.issues.update({ ...HERE, issue_number: 1, state: 'open' })).data.state).toBe('open');
  });
});
