import { expect, test } from 'vitest';

import { clientsOf, HERE, withHub } from './support.ts';

test('an App that was installed anew: the run goes on as the new installation, with what it asks and with git', async () => {
  await withHub(async ({ ours, app, alice, github, clone, git, tokens }) => {
    const { data: issue } = await alice.rest.issues.create({ ...HERE, title: 'A' });
    await ours.comment('run', 'status', { number: issue.number, body: 'Planning' });
    github.uninstall(app.installationId);
    const now = github.install(app.id, 'acme/widgets');
    expect(now).not.toBe(app.installationId);
    // The token that it had is not taken any more: nothing was done with it.
    await ours.comment('run', 'plan', { number: issue.number, body: 'Plan' });
    const { data } = await alice.rest.issues.listComments({ ...HERE, issue_number: issue.number });
    expect(data.map(({ body }) => body?.split('\n')[0])).toEqual(['Planning', 'Plan']);
    const directory = await clone(tokens.alice);
    await git(directory, ['push', '--quiet', 'origin', 'HEAD:refs/heads/pushed'], await ours.gitToken());
  });
});

test('the same after a restart, when no token is there yet; asked once for all repositories’ requests', async () => {
  await withHub(async ({ app, alice, github }) => {
    await alice.rest.issues.create({ ...HERE, title: 'A' });
    github.uninstall(app.installationId);
    github.install(app.id, 'acme/widgets');
    const facts = { appId: app.id, privateKey: app.privateKey, apiUrl: github.apiUrl };
    const octokit = clientsOf(facts).repository({ ...HERE, installation: app.installationId });
    const before = github.counts.get('app/converge')?.requests ?? 0;
    for (const _ of [1, 2, 3]) expect((await octokit.rest.issues.get({ ...HERE, issue_number: 1 })).data.title).toBe('A');
    // A refused token, the look-up, and the new installation's token.
    expect(github.counts.get('app/converge')?.requests).toBe(before + 3);
  });
});

test('an App that is not installed any more: GitHub’s refusal, with what to do', async () => {
  await withHub(async ({ ours, app, github }) => {
    github.uninstall(app.installationId);
    await expect(ours.issue(1)).rejects.toMatchObject({
      kind: 'github',
      status: 404,
      message: expect.stringContaining('that the App is installed on this repository'),
    });
  });
});
