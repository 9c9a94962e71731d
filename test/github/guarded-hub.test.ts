import { expect, test } from 'vitest';
import { guardedHub } from '../../src/github/guarded-hub.ts';
import type { CheckRunDraft } from '../../src/github/hub.ts';
import { GITHUB_TOKEN, guardOf, OWN } from '../secrets/support.ts';
import { openHubs } from '../../src/github/open-hubs.ts';
import { openOwnSecrets } from '../../src/secrets/own-secrets.ts';
import { openSecretGuard } from '../../src/secrets/secret-guard.ts';
import { FAST, HERE, withHub } from './support.ts';

const WITHHELD = '‹secret withheld: key of the model› and ‹secret withheld: GitHub token›';
const LEAK = `${OWN} and ${GITHUB_TOKEN}`;

test('nothing that is posted holds a secret; what stands there says so, and the record tells it once for each place', async () => {
  await withHub(async ({ ours, journal, alice, pushBranch }) => {
    const hub = guardedHub(ours, { secrets: guardOf({ 'key of the model': OWN }), journal });
    const { data: issue } = await alice.rest.issues.create({ owner: 'acme', repo: 'widgets', title: 'Migrate' });
    const comment = await hub.comment('run', 'status', { number: issue.number, body: `See ${LEAK}.` });
    for (const at of [1, 2]) await hub.editComment('run', 'status', { comment: comment.id, body: `Edit ${at}: ${LEAK}.` });
    const head = await pushBranch('feature', { 'a.txt': 'one\ntwo\n' });
    const pull = await hub.openPullRequest('run', 'pull', { title: `T ${LEAK}`, head: 'feature', base: 'main', body: `B ${LEAK}` });
    await hub.updatePullRequest('run', 'pull', { number: pull.number, title: `U ${LEAK}`, body: `C ${LEAK}` });
    await hub.review('run', 'review', {
      number: pull.number,
      commit: head,
      body: `R ${LEAK}`,
      comments: [{ path: 'a.txt', line: 2, side: 'RIGHT', body: `I ${LEAK}` }],
    });
    const check: CheckRunDraft = {
      commit: head,
      startedAt: '2026-11-01T00:00:00.000Z',
      status: 'in_progress',
      conclusion: null,
      title: `K ${LEAK}`,
      summary: `S ${LEAK}`,
      text: `X ${LEAK}`,
      detailsUrl: null,
    };
    const run = await hub.startCheckRun('run', 'check', check);
    await hub.updateCheckRun('run', run.id, { ...check, summary: `N ${LEAK}` });

    const { data: shown } = await alice.rest.issues.getComment({ owner: 'acme', repo: 'widgets', comment_id: comment.id });
    expect(shown.body).toContain(`Edit 2: ${WITHHELD}.`);
    const { data: opened } = await alice.rest.pulls.get({ owner: 'acme', repo: 'widgets', pull_number: pull.number });
    expect([opened.title, opened.body?.split('\n')[0]]).toEqual([`U ${WITHHELD}`, `C ${WITHHELD}`]);
    const { data: reviews } = await alice.rest.pulls.listReviews({ owner: 'acme', repo: 'widgets', pull_number: pull.number });
    expect(reviews[0]?.body).toContain(`R ${WITHHELD}`);
    const { data: inline } = await alice.rest.pulls.listReviewComments({ owner: 'acme', repo: 'widgets', pull_number: pull.number });
    expect(inline.map(({ body }) => body)).toEqual([`I ${WITHHELD}`]);
    const { data: kept } = await alice.rest.checks.get({ owner: 'acme', repo: 'widgets', check_run_id: run.id });
    expect(kept.output).toMatchObject({ title: `K ${WITHHELD}`, summary: `N ${WITHHELD}`, text: `X ${WITHHELD}` });

    const events = (await journal.events('run')).map(({ event }) => event);
    expect(JSON.stringify(events)).not.toContain(OWN);
    const what = ['key of the model', 'GitHub token'];
    expect(events.filter(({ type }) => type === 'secret.withheld')).toEqual(
      ['status', 'pull request', 'review', 'check run'].map((where) => ({ type: 'secret.withheld', where, what })),
    );
  });
});

test('an ordinary post is posted as it is, and nothing is told', async () => {
  await withHub(async ({ ours, journal, alice }) => {
    const hub = guardedHub(ours, { secrets: guardOf({ 'key of the model': OWN }), journal });
    const { data: issue } = await alice.rest.issues.create({ owner: 'acme', repo: 'widgets', title: 'Migrate' });
    const comment = await hub.comment('run', 'plan', { number: issue.number, body: 'A plan with `code` & <b>' });
    const { data } = await alice.rest.issues.getComment({ owner: 'acme', repo: 'widgets', comment_id: comment.id });
    expect(data.body).toMatch(/^A plan with `code` & <b>\n\n<!-- converge /u);
    expect((await journal.events('run')).map(({ event }) => event.type)).toEqual(['effect.intended', 'effect.done']);
  });
});

test('every hub of this process is guarded, and tokens are known from the moment they are minted', async () => {
  await withHub(async ({ app, github, journal, alice }) => {
    await alice.rest.issues.create({ ...HERE, title: 'Migrate' });
    const own = openOwnSecrets();
    const { signal } = new AbortController();
    const hubs = openHubs({
      appId: app.id,
      privateKey: app.privateKey,
      apiUrl: github.apiUrl,
      contentsPerHour: 450,
      timings: FAST,
      journal,
      markerSecret: 'marker secret of the tests',
      secrets: openSecretGuard(own),
      minted: (token) => own.addToken('installation token', token),
      signal,
    });
    const hub = hubs.of({ ...HERE, installation: app.installationId });
    const token = await hub.gitToken();
    const basic = Buffer.from(`x-access-token:${token}`).toString('base64');
    const { id } = await hub.comment('run', 'status', { number: 1, body: `${token} and ${basic}` });
    const { data } = await alice.rest.issues.getComment({ ...HERE, comment_id: id });
    expect(data.body).not.toContain(token);
    expect(data.body).not.toContain(Buffer.from(token).toString('base64').slice(4, -4));
    expect(data.body).toMatch(/^‹secret withheld: installation token› and \S*‹secret withheld: installation token›/u);
  });
});
