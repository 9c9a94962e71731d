import { createConnection } from 'node:net';
import { expect, test } from 'vitest';
import { octokit, refusal, withLocalGitHub } from './support.ts';

const HERE = { owner: 'acme', repo: 'widgets' };
const COMMENTS = { method: 'POST', path: /\/issues\/\d+\/comments$/ };

test('the secondary limit comes in its three forms, once for each time asked', async () => {
  await withLocalGitHub(async ({ alice, hub }) => {
    await alice.rest.issues.create({ ...HERE, title: 'A' });
    const comment = (): Promise<unknown> => alice.rest.issues.createComment({ ...HERE, issue_number: 1, body: 'b' });
    hub.faults.next(COMMENTS, { kind: 'secondary-limit', status: 403, retryAfter: 7 });
    hub.faults.next(COMMENTS, { kind: 'secondary-limit', status: 429 });
    hub.faults.next(COMMENTS, { kind: 'abuse' });
    hub.faults.next(COMMENTS, { kind: 'rate-limit', resetAt: 1_800_000_000 });
    const first = await refusal(comment());
    expect(first).toMatchObject({ status: 403, headers: { 'retry-after': '7' } });
    expect(first.message).toContain('secondary rate limit');
    const second = await refusal(comment());
    expect(second.status).toBe(429);
    expect(second.headers).not.toHaveProperty('retry-after');
    expect(await refusal(comment())).toMatchObject({ status: 422, errors: [{ code: 'abuse' }] });
    expect(await refusal(comment())).toMatchObject({
      status: 403,
      headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1800000000' },
    });
    await comment();
    expect((await alice.rest.issues.listComments({ ...HERE, issue_number: 1 })).data).toHaveLength(1);
  });
});

test('an answer may be lost after the thing was done, and before', async () => {
  await withLocalGitHub(async ({ alice, hub, pushBranch, bot }) => {
    await alice.rest.issues.create({ ...HERE, title: 'A' });
    const comment = (body: string): Promise<unknown> => alice.rest.issues.createComment({ ...HERE, issue_number: 1, body });
    hub.faults.next(COMMENTS, { kind: 'dropped', done: true });
    hub.faults.next(COMMENTS, { kind: 'dropped', done: false });
    hub.faults.next(COMMENTS, { kind: 'status', status: 502 }, 2);
    await expect(comment('done')).rejects.toThrow(/fetch failed|other side closed|ECONNRESET/);
    await expect(comment('never')).rejects.toThrow();
    expect((await refusal(comment('never'))).status).toBe(502);
    expect((await refusal(comment('never'))).status).toBe(502);
    expect((await alice.rest.issues.listComments({ ...HERE, issue_number: 1 })).data.map((one) => one.body)).toEqual(['done']);
    hub.faults.next({ method: 'POST', path: /git-receive-pack$/ }, { kind: 'dropped', done: true });
    await expect(pushBranch('topic', { 'a.txt': 'a\n' })).rejects.toThrow();
    expect((await bot.rest.git.getRef({ ...HERE, ref: 'heads/topic' })).status).toBe(200);
  });
});

test('whoever creates too much content is held back, until the minute is over', async () => {
  await withLocalGitHub(
    async ({ alice, mallory, advance, hub }) => {
      for (const title of ['A', 'B', 'C']) await alice.rest.issues.create({ ...HERE, title });
      const held = await refusal(alice.rest.issues.create({ ...HERE, title: 'D' }));
      expect(held).toMatchObject({ status: 403, headers: { 'retry-after': '60' } });
      await mallory.rest.issues.create({ ...HERE, title: 'E' });
      await alice.rest.issues.update({ ...HERE, issue_number: 1, title: 'edits are not contents' });
      advance(60_000);
      await alice.rest.issues.create({ ...HERE, title: 'F' });
      expect(hub.counts.get('alice')).toEqual({ requests: 6, writes: 6, contentWrites: 4, pushes: 0 });
    },
    { limits: { perMinute: 3, perHour: 500 } },
  );
});

test('a failed delivery is recorded, not repeated, and redelivered with the same guid', async () => {
  await withLocalGitHub(async ({ alice, asApp, receiver, hub }) => {
    receiver.status = 500;
    await alice.rest.issues.create({ ...HERE, title: 'A' });
    const first = await receiver.waitFor('issues', 'opened');
    await hub.settled();
    const failed = (await asApp.rest.apps.listWebhookDeliveries()).data.filter((one) => one.event === 'issues');
    expect(failed).toMatchObject([{ guid: first.guid, status_code: 500, redelivery: false, action: 'opened' }]);
    receiver.status = 200;
    const delivery_id = failed[0]?.id ?? 0;
    expect((await asApp.rest.apps.redeliverWebhookDelivery({ delivery_id })).status).toBe(202);
    const second = await receiver.waitFor('issues', 'opened', 2);
    expect(second).toMatchObject({ guid: first.guid, signed: true, payload: first.payload });
    await hub.settled();
    const all = (await asApp.rest.apps.listWebhookDeliveries()).data.filter((one) => one.guid === first.guid);
    expect(all.map((one) => [one.status_code, one.redelivery])).toEqual([
      [200, true],
      [500, false],
    ]);
    const whole = await asApp.rest.apps.getWebhookDelivery({ delivery_id });
    expect(whole.data.request.payload).toMatchObject({ action: 'opened', issue: { title: 'A' } });
    expect((await refusal(octokit(hub, 'ghp_x').rest.apps.listWebhookDeliveries())).status).toBe(401);
  });
});

test('a receiver that is away is recorded as unreachable', async () => {
  await withLocalGitHub(async ({ alice, receiver, hub }) => {
    await hub.settled();
    await receiver.close();
    await alice.rest.issues.create({ ...HERE, title: 'A' });
    await hub.settled();
    expect([...hub.state.deliveries.values()].at(-1)).toMatchObject({ event: 'issues', statusCode: 0 });
  });
});

test('deliveries are lost, doubled and reordered when asked', async () => {
  await withLocalGitHub(async ({ alice, receiver, hub }) => {
    const open = (title: string): Promise<unknown> => alice.rest.issues.create({ ...HERE, title });
    hub.faults.nextDelivery({ event: 'issues' }, 'lose');
    hub.faults.nextDelivery({ event: 'issues', action: 'opened' }, 'hold');
    hub.faults.nextDelivery({ event: 'issues' }, 'duplicate');
    await open('lost');
    await open('held');
    await open('twice');
    await receiver.waitFor('issues', 'opened', 2);
    hub.faults.releaseDeliveries();
    await receiver.waitFor('issues', 'opened', 3);
    const heard = receiver.of('issues', 'opened');
    expect(heard.map((hook) => (hook.payload['issue'] as { title: string }).title)).toEqual(['twice', 'twice', 'held']);
    expect(heard[0]?.guid).toBe(heard[1]?.guid);
  });
});

test('a client that goes away in the middle of a request disturbs nobody', async () => {
  await withLocalGitHub(async ({ alice, hub }) => {
    const port = Number(new URL(hub.url).port);
    await new Promise<void>((done) => {
      const socket = createConnection(port, '127.0.0.1', () => {
        socket.write('POST /api/v3/repos/acme/widgets/issues HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{"title"');
        socket.destroy();
      });
      socket.on('close', () => done());
    });
    expect((await alice.rest.issues.create({ ...HERE, title: 'A' })).data.number).toBe(1);
    const broken = await fetch(`${hub.apiUrl}/repos/acme/widgets/issues`, { method: 'POST', body: '{"title"' });
    expect([broken.status, await broken.json()]).toMatchObject([400, { message: 'Problems parsing JSON' }]);
    expect((await fetch(`${hub.url}/acme/widgets/issues/1`)).status).toBe(404);
  });
});

test('pages are served by whoever was given to build them', async () => {
  await withLocalGitHub(
    async ({ hub }) => {
      const page = await fetch(`${hub.url}/acme/widgets/pull/3?tab=files`);
      expect([page.status, await page.text()]).toEqual([200, '<p>/acme/widgets/pull/3?tab=files</p>']);
    },
    { pages: (url) => Promise.resolve({ status: 200, html: `<p>${url.pathname}${url.search}</p>` }) },
  );
});
