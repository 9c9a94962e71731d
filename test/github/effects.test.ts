import { syncBuiltinESMExports } from 'node:module';
import timers from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { z } from 'zod';

import { Suspended } from '../../src/domain/errors.ts';
import { Effects, effectsMemory } from '../../src/github/effects.ts';
import type { Hub } from '../../src/github/hub.ts';
import { openHubs } from '../../src/github/open-hubs.ts';
import { PRODUCTION_TIMINGS } from '../../src/github/timings.ts';
import { clientOf, FAST, HERE, journalWith, withHub, type HubFixture, ownCheck } from './support.ts';
import { guardOf } from '../secrets/support.ts';

const POST = { number: 1, body: 'The plan' };
const COMMENTS = { method: 'POST', path: /\/issues\/\d+\/comments$/ };

async function bodies({ alice }: HubFixture): Promise<readonly string[]> {
  const { data } = await alice.rest.issues.listComments({ ...HERE, issue_number: 1, per_page: 100 });
  return data.map(({ body }) => body ?? '');
}

async function withIssue(use: (fixture: HubFixture) => Promise<void>): Promise<void> {
  await withHub(async (fixture) => {
    await fixture.alice.rest.issues.create({ ...HERE, title: 'A' });
    await use(fixture);
  });
}

/** Every wait is over at once, and told to `asked`. */
function withoutWaiting(asked: (milliseconds: number) => void): void {
  const sleep = vi.spyOn(timers, 'setTimeout').mockImplementation(async (milliseconds = 0, value) => {
    asked(milliseconds);
    return value;
  });
  syncBuiltinESMExports();
  onTestFinished(() => {
    sleep.mockRestore();
    syncBuiltinESMExports();
  });
}

/** Our hub with production's waits, whose list of comments lags: it has what is on GitHub only from that look on. `course`: what it asked, and how long it waited. */
function lagging(
  { app, github, reopen }: HubFixture,
  shownAt: number,
): { readonly ours: Hub; readonly course: readonly (string | number)[] } {
  const course: (string | number)[] = [];
  let looks = 0;
  const octokit = clientOf({ appId: app.id, privateKey: app.privateKey, apiUrl: github.apiUrl, installation: app.installationId });
  octokit.hook.wrap('request', async (request, options) => {
    if (!/\/comments(\?|$)/u.test(options.url)) return request(options);
    course.push(options.method === 'POST' ? 'write' : 'look');
    const answer = await request(options);
    if (options.method !== 'GET') return answer;
    looks += 1;
    return looks < shownAt ? { ...answer, data: [] } : answer;
  });
  withoutWaiting((milliseconds) => course.push(milliseconds));
  const timings = { ...FAST, effectLookupsMs: PRODUCTION_TIMINGS.effectLookupsMs };
  return { ours: reopen({ octokit, timings }), course };
}

/** What is asked and waited for until the list has it at that look; a timer may fire a millisecond early. */
function looked(times: number): readonly (string | number)[] {
  return ['look', 5001, 'look', 30_001, 'look'].slice(0, 2 * times - 1);
}

test('killed after GitHub did it and before the journal knew: found again, not done again', async () => {
  await withIssue(async (fixture) => {
    const killed = journalWith(fixture.journal, { done: () => Promise.reject(new Error('killed')) });
    await expect(fixture.reopen({ journal: killed }).comment('run', 'plan', POST)).rejects.toThrow('killed');
    expect(await bodies(fixture)).toHaveLength(1);
    const found = await fixture.reopen().comment('run', 'plan', POST);
    expect(await bodies(fixture)).toHaveLength(1);
    expect(found.url).toContain(`issuecomment-${found.id}`);
  });
});

test('killed before GitHub was asked: done now, once', async () => {
  await withIssue(async (fixture) => {
    await fixture.journal.intend('run', 'plan', { kind: 'comment', number: 1 });
    await fixture.ours.comment('run', 'plan', POST);
    await fixture.ours.comment('run', 'plan', POST);
    expect(await bodies(fixture)).toHaveLength(1);
  });
});

test('a journal that lost its end with the disk: what GitHub has is found again, though the journal knows of no intent', async () => {
  await withIssue(async (fixture) => {
    const { journal } = fixture;
    await journal.append('run', [{ type: 'log', text: 'began' }]);
    const before = await fixture.ours.comment('run', 'status', { number: 1, body: 'Planning' });
    await fixture.ours.editComment('run', 'status', { comment: before.id, body: 'Migrating' });
    const lost = journalWith(journal, {
      intend: async () => ({ fresh: true, done: false, result: null }),
      done: async () => {},
    });
    const after = fixture.reopen({ journal: lost, memory: { inFlight: new Map(), begunHere: new Set() } });
    expect(await after.comment('run', 'status', { number: 1, body: 'Planning' })).toEqual(before);
    expect(await bodies(fixture)).toHaveLength(1);
  });
});

test('a driver whose claim another process took while its write waited for its turn posts nothing', async () => {
  await withIssue(async (fixture) => {
    const { github, app, journal } = fixture;
    const { signal } = new AbortController();
    const facts = { appId: app.id, privateKey: app.privateKey, apiUrl: github.apiUrl, markerSecret: 'secret' };
    const hubs = openHubs({ secrets: guardOf(), minted: () => {}, ...facts, contentsPerHour: 450, timings: FAST, journal, signal });
    const place = { ...HERE, installation: app.installationId };
    const turn = Promise.withResolvers<void>();
    const first = hubs.of(place, journalWith(journal, { confirm: () => turn.promise })).comment('other', 'note', POST);
    const lost = new Suspended('stopping', 'another process has taken over');
    const sleeper = hubs.of(place, journalWith(journal, { confirm: () => Promise.reject(lost) }));
    const late = expect(sleeper.comment('run', 'plan', { number: 1, body: 'Posted twice' })).rejects.toBe(lost);
    turn.resolve();
    await first;
    await late;
    expect(await bodies(fixture)).toEqual([expect.stringContaining(POST.body)]);
    // Whoever drives the run now finds the intent, and that nothing was done.
    await hubs.of(place, journalWith(journal, {})).comment('run', 'plan', POST);
    expect(await bodies(fixture)).toHaveLength(2);
  });
});

test('what began here is not looked for before it is done: no read that nobody needs', async () => {
  await withIssue(async (fixture) => {
    await fixture.ours.comment('run', 'one', POST);
    const before = fixture.github.counts.get('converge[bot]')?.requests ?? 0;
    await fixture.ours.comment('run', 'two', POST);
    expect(fixture.github.counts.get('converge[bot]')?.requests).toBe(before + 1);
  });
});

test('a reaction whose outcome is unknown is asked for again at once: GitHub keeps one of a kind', async () => {
  await withIssue(async (fixture) => {
    const { data } = await fixture.alice.rest.issues.createComment({ ...HERE, issue_number: 1, body: '/workflow help' });
    await fixture.journal.intend('run', `reaction/${data.id}/eyes`, null);
    const patient = fixture.reopen({ timings: { ...FAST, effectLookupsMs: [0, 1e9] } });
    await patient.react('run', data.id, 'eyes');
    const reactions = await fixture.alice.rest.reactions.listForIssueComment({ ...HERE, comment_id: data.id });
    expect(reactions.data).toHaveLength(1);
  });
});

test('a pull request whose base a person changed is found again', async () => {
  await withHub(async ({ journal, reopen, ours, alice, pushBranch }) => {
    const killed = reopen({ journal: journalWith(journal, { done: () => Promise.reject(new Error('killed')) }) });
    await pushBranch('other', { 'b.txt': 'b\n' });
    await pushBranch('converge/run-1', { 'a.txt': 'a\n' });
    const draft = { title: 'M', head: 'converge/run-1', base: 'main', body: '' };
    await expect(killed.openPullRequest('run', 'pull-request', draft)).rejects.toThrow('killed');
    const [first] = (await alice.rest.pulls.list(HERE)).data;
    await alice.rest.pulls.update({ ...HERE, pull_number: first?.number ?? 0, base: 'other' });
    expect((await ours.openPullRequest('run', 'pull-request', draft)).number).toBe(first?.number);
    expect((await alice.rest.pulls.list({ ...HERE, state: 'all' })).data).toHaveLength(1);
  });
});

test('a pull request is found again by its mark, wherever a person moved it, and even without it; one that another effect opened on that branch is not it', async () => {
  await withHub(async ({ journal, reopen, ours, alice, pushBranch }) => {
    await pushBranch('converge-save/x', { 'a.txt': 'a\n' });
    const draft = { title: 'M', head: 'converge-save/x', base: 'main', body: 'words' };
    const lost = reopen({ journal: journalWith(journal, { done: async () => {} }) });
    const first = await ours.openPullRequest('run', 'save/1', draft);
    await alice.rest.pulls.update({ ...HERE, pull_number: first.number, state: 'closed' });
    const second = await lost.openPullRequest('run', 'save/2', draft);
    expect(second.number).not.toBe(first.number);
    await ours.updatePullRequest('run', 'save/2', { number: second.number, title: 'M', body: 'other words' });
    const { body } = (await alice.rest.pulls.get({ ...HERE, pull_number: second.number })).data;
    await alice.rest.pulls.update({ ...HERE, pull_number: second.number, body: `${body}\n\nmine, below` });
    expect(await reopen({ journal: journalWith(journal, { done: async () => {} }) }).openPullRequest('run', 'save/2', draft)).toEqual(
      second,
    );
    await alice.rest.pulls.update({ ...HERE, pull_number: second.number, body: 'all mine' });
    expect(await reopen().openPullRequest('run', 'save/2', draft)).toEqual(second);
    expect((await alice.rest.pulls.list({ ...HERE, state: 'all' })).data).toHaveLength(2);
  });
});

test.each([true, false])('an answer that was lost (done: %s) is looked up before it is asked again', async (done) => {
  await withIssue(async (fixture) => {
    fixture.github.faults.next(COMMENTS, { kind: 'dropped', done });
    await fixture.ours.comment('run', 'plan', POST);
    expect(await bodies(fixture)).toHaveLength(1);
  });
});

test.each([1, 2, 3])('an answer that was lost is found at look %d of a list that lags, and nothing is done twice', async (at) => {
  await withIssue(async (fixture) => {
    const { ours, course } = lagging(fixture, at);
    fixture.github.faults.next(COMMENTS, { kind: 'dropped', done: true });
    const { id } = await ours.comment('run', 'plan', POST);
    expect(course).toEqual(['write', ...looked(at)]);
    expect(await bodies(fixture)).toHaveLength(1);
    expect((await fixture.alice.rest.issues.getComment({ ...HERE, comment_id: id })).data.body).toContain(POST.body);
  });
});

test.each([1, 2, 3])('what a killed process did is found at look %d of a list that lags, and nothing is done twice', async (at) => {
  await withIssue(async (fixture) => {
    const killed = journalWith(fixture.journal, { done: () => Promise.reject(new Error('killed')) });
    await expect(fixture.reopen({ journal: killed }).comment('run', 'plan', POST)).rejects.toThrow('killed');
    const { ours, course } = lagging(fixture, at);
    await ours.comment('run', 'plan', POST);
    expect(course).toEqual(looked(at));
    expect(await bodies(fixture)).toHaveLength(1);
  });
});

test('what GitHub did not do is done again only after the last look', async () => {
  await withIssue(async (fixture) => {
    const { ours, course } = lagging(fixture, 1);
    fixture.github.faults.next(COMMENTS, { kind: 'dropped', done: false });
    await ours.comment('run', 'plan', POST);
    expect(course).toEqual(['write', ...looked(3), 'write']);
    expect(await bodies(fixture)).toHaveLength(1);
  });
});

test('a GitHub that stays down ends in an error that may be tried again, and later in one comment', async () => {
  await withIssue(async (fixture) => {
    fixture.github.faults.next(COMMENTS, { kind: 'status', status: 502 }, 3);
    await expect(fixture.ours.comment('run', 'plan', POST)).rejects.toMatchObject({ kind: 'github', retry: 'later', status: 502 });
    await fixture.ours.comment('run', 'plan', POST);
    expect(await bodies(fixture)).toHaveLength(1);
  });
});

test('a clear refusal is not asked again', async () => {
  await withIssue(async (fixture) => {
    const before = fixture.github.counts.get('converge[bot]')?.writes ?? 0;
    await expect(fixture.ours.comment('run', 'plan', { number: 77, body: 'b' })).rejects.toMatchObject({ status: 404, retry: 'never' });
    expect(fixture.github.counts.get('converge[bot]')?.writes).toBe(before + 1);
  });
});

test('two callers at once are one', async () => {
  await withIssue(async (fixture) => {
    const ours = fixture.reopen({ timings: { ...FAST, effectLookupsMs: [] } });
    const [one, two] = await Promise.all([ours.comment('run', 'plan', POST), ours.comment('run', 'plan', POST)]);
    expect(one).toEqual(two);
    expect(await bodies(fixture)).toHaveLength(1);
  });
});

test('nobody can forge what is looked for: not by copying a marker, nor by having it quoted', async () => {
  await withIssue(async (fixture) => {
    const { signal } = new AbortController();
    const marker = new Effects({
      journal: fixture.journal,
      memory: effectsMemory(fixture.journal),
      lookupsMs: [],
      markerSecret: 'marker secret of the tests',
      signal,
    }).marker({
      scope: 'run',
      key: 'plan',
    });
    await fixture.alice.rest.issues.createComment({ ...HERE, issue_number: 1, body: `mine\n\n${marker}` });
    await fixture.ours.comment('run', 'status', { number: 1, body: `alice said: ${marker}` });
    await fixture.journal.intend('run', 'plan', null);
    await fixture.ours.comment('run', 'plan', POST);
    expect((await bodies(fixture)).map((body) => body.split('\n')[0])).toEqual(['mine', `alice said: ${marker}`, 'The plan']);
  });
});

test('markers differ by scope, by key and by secret', async () => {
  await withIssue(async ({ journal }) => {
    const { signal } = new AbortController();
    const marker = (scope: string, key: string, markerSecret = 's'): string =>
      new Effects({ journal, memory: effectsMemory(journal), lookupsMs: [], markerSecret, signal }).marker({ scope, key });
    const all = [marker('a', 'b'), marker('a', 'c'), marker('b', 'b'), marker('ab', ''), marker('a', 'b', 't')];
    expect(new Set(all).size).toBe(all.length);
    expect(marker('a', 'b')).toBe(marker('a', 'b'));
    for (const one of all) expect(one).toMatch(/^<!-- converge [0-9a-f]{16} [0-9a-f]{64} -->$/u);
  });
});

test('comments beyond the first page are looked through', async () => {
  await withIssue(async (fixture) => {
    const killed = journalWith(fixture.journal, { done: () => Promise.reject(new Error('killed')) });
    for (let n = 0; n < 60; n += 1) await fixture.alice.rest.issues.createComment({ ...HERE, issue_number: 1, body: `${n}` });
    for (let n = 0; n < 60; n += 1) await fixture.mallory.rest.issues.createComment({ ...HERE, issue_number: 1, body: `${n}` });
    await expect(fixture.reopen({ journal: killed }).comment('run', 'plan', POST)).rejects.toThrow('killed');
    const { id } = await fixture.reopen().comment('run', 'plan', POST);
    const { data } = await fixture.alice.rest.issues.listComments({ ...HERE, issue_number: 1, per_page: 100, page: 2 });
    expect(data.filter(({ user }) => user?.login === 'converge[bot]').map((comment) => comment.id)).toEqual([id]);
  });
});

test('pull requests, reviews and check runs are found again too', async () => {
  await withHub(async ({ journal, reopen, ours, alice, bot, pushBranch }) => {
    const killed = reopen({ journal: journalWith(journal, { done: () => Promise.reject(new Error('killed')) }) });
    const commit = await pushBranch('converge/run-1', { 'a.txt': 'a\n' });
    const draft = { title: 'M', head: 'converge/run-1', base: 'main', body: '' };
    await expect(killed.openPullRequest('run', 'pull-request', draft)).rejects.toThrow('killed');
    const { number } = await ours.openPullRequest('run', 'pull-request', draft);
    const review = { number, commit, body: 'Accepted', comments: [] };
    await expect(killed.review('run', 'review', review)).rejects.toThrow('killed');
    await ours.review('run', 'review', review);
    const check = ownCheck(commit, 'queued');
    await expect(killed.startCheckRun('run', 'check', check)).rejects.toThrow('killed');
    await ours.startCheckRun('run', 'check', check);
    expect((await alice.rest.pulls.list({ ...HERE, state: 'all' })).data).toHaveLength(1);
    expect((await alice.rest.pulls.listReviews({ ...HERE, pull_number: number })).data).toHaveLength(1);
    expect((await bot.rest.checks.listForRef({ ...HERE, ref: commit, filter: 'all' })).data.total_count).toBe(1);
  });
});

test('who joined a write that had to let go does it itself: another one is not told to stop because its first driver was', async () => {
  await withIssue(async ({ journal }) => {
    const { signal } = new AbortController();
    const effects = new Effects({ journal, lookupsMs: [0], markerSecret: 'secret', signal, memory: effectsMemory(journal) });
    const claim = Promise.withResolvers<number>();
    let asked = 0;
    const write = (act: () => Promise<number>): Promise<number> =>
      effects.once({ scope: 'run', key: 'plan' }, { intent: null, schema: z.number(), find: async () => null, act });
    const heir = async (): Promise<number> => (asked += 1);
    const lost = new Suspended('stopping', 'another process has taken over');
    const begun = Promise.withResolvers<void>();
    const act = (): Promise<number> => {
      begun.resolve();
      return claim.promise;
    };
    const sleeper = expect(write(act)).rejects.toBe(lost);
    await begun.promise;
    const heirs = Promise.all([write(heir), write(heir)]);
    claim.reject(lost);
    await sleeper;
    expect(await heirs).toEqual([1, 1]);
  });
});
