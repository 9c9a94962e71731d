import { generateKeyPairSync } from 'node:crypto';
import { inspect } from 'node:util';
import type { Octokit } from '@octokit/rest';
import nock from 'nock';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';

import { Suspended } from '../../src/domain/errors.ts';
import { openClients } from '../../src/github/client.ts';
import type { GitHubTimings } from '../../src/github/timings.ts';
import { clientOf, FAST } from './support.ts';

const API = 'https://github.test/api/v3';
const HERE = { owner: 'octo', repo: 'farm' };
const { privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});

beforeAll(() => nock.disableNetConnect());
afterEach(() => {
  expect(nock.pendingMocks()).toEqual([]);
  nock.cleanAll();
});
afterAll(() => {
  nock.enableNetConnect();
  nock.restore();
});

function client(changes: Partial<GitHubTimings> = {}, signal = new AbortController().signal): Octokit {
  nock(API)
    .post('/app/installations/7/access_tokens')
    .reply(201, { token: 'ghs_token', expires_at: '2999-01-01T00:00:00Z', permissions: {} });
  return clientOf({ appId: 1, privateKey, apiUrl: API, installation: 7 }, { timings: { ...FAST, ...changes }, signal });
}

const getIssue = (octokit: Octokit): Promise<{ data: { title: string } }> => octokit.rest.issues.get({ ...HERE, issue_number: 1 });
const comment = (octokit: Octokit): Promise<{ data: { id: number } }> =>
  octokit.rest.issues.createComment({ ...HERE, issue_number: 1, body: 'b' });

const ISSUE = '/repos/octo/farm/issues/1';
const COMMENTS = `${ISSUE}/comments`;

test('requests carry the installation token and the pinned version of the API', async () => {
  const octokit = client();
  nock(API, { reqheaders: { authorization: 'token ghs_token', 'x-github-api-version': '2022-11-28' } })
    .get(ISSUE)
    .reply(200, { title: 'A' });
  expect((await getIssue(octokit)).data.title).toBe('A');
});

test('one client for each repository', () => {
  const { signal } = new AbortController();
  const contents = { perMinute: 1, perHour: 1 };
  const clients = openClients({
    appId: 1,
    privateKey,
    apiUrl: API,
    timings: FAST,
    contents,
    known: async () => [],
    minted: () => {},
    signal,
  });
  const place = { owner: 'Octo', repo: 'farm', installation: 7 };
  expect(clients.repository(place)).toBe(clients.repository({ ...place, owner: 'octo' }));
  expect(clients.repository(place)).not.toBe(clients.repository({ ...place, repo: 'barn' }));
});

test('reads are repeated after 5xx and broken connections, as often as the timings say', async () => {
  const octokit = client();
  nock(API).get(ISSUE).reply(502).get(ISSUE).replyWithError('socket hang up').get(ISSUE).reply(503).get(ISSUE).reply(200, { title: 'A' });
  expect((await getIssue(octokit)).data.title).toBe('A');
  nock(API).get(ISSUE).times(4).reply(500, { message: 'Server Error' });
  await expect(getIssue(octokit)).rejects.toMatchObject({
    kind: 'github',
    status: 500,
    retry: 'later',
    message: expect.stringMatching(
      /^GitHub answered 500 to GET \/api\/v3\/repos\/octo\/farm\/issues\/1: Server Error\. This is a fault on the side of GitHub/u,
    ),
  });
});

test.each([500, 502, 503])('a creation is not repeated after %i', async (status) => {
  const octokit = client();
  nock(API).post(COMMENTS).reply(status, { message: 'Server Error' });
  await expect(comment(octokit)).rejects.toMatchObject({ status, mayBeDone: true });
});

test('a creation is not repeated after a broken connection', async () => {
  const octokit = client();
  nock(API).post(COMMENTS).replyWithError('socket hang up');
  await expect(comment(octokit)).rejects.toMatchObject({
    status: null,
    mayBeDone: true,
    retry: 'later',
    message: expect.stringContaining('GitHub gave no answer to POST /api/v3/repos/octo/farm/issues/1/comments (socket hang up)'),
  });
});

test('edits are repeated: twice the same is once', async () => {
  const octokit = client();
  nock(API).patch('/repos/octo/farm/issues/comments/5').reply(502).patch('/repos/octo/farm/issues/comments/5').reply(200, { id: 5 });
  expect((await octokit.rest.issues.updateComment({ ...HERE, comment_id: 5, body: 'b' })).status).toBe(200);
});

test('reactions are repeated: GitHub keeps one of a kind', async () => {
  const octokit = client();
  const path = '/repos/octo/farm/issues/comments/5/reactions';
  nock(API).post(path).reply(502).post(path).reply(200, { id: 6 });
  expect((await octokit.rest.reactions.createForIssueComment({ ...HERE, comment_id: 5, content: 'eyes' })).data.id).toBe(6);
});

test('a request that GitHub does not take is no rate limit because a branch is called so', async () => {
  const octokit = client({ limitPatienceMs: 1 });
  const errors = [{ resource: 'PullRequest', code: 'custom', message: 'No commits between main and stop-abuse' }];
  nock(API).post('/repos/octo/farm/pulls').reply(422, { message: 'Validation Failed', errors });
  await expect(octokit.rest.pulls.create({ ...HERE, head: 'stop-abuse', base: 'main', title: 'T' })).rejects.toMatchObject({
    status: 422,
    retry: 'never',
  });
});

const LIMITED = 'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.';

test.each([
  ['403 with its words', [403, { message: LIMITED }, {}]],
  ['403 with retry-after', [403, { message: 'Forbidden' }, { 'retry-after': '0' }]],
  ['429', [429, { message: 'Too many' }, {}]],
  ['422 abuse', [422, { message: 'Validation Failed', errors: [{ code: 'abuse' }] }, {}]],
  ['422 in words', [422, { message: 'Validation Failed', errors: [{ message: 'was submitted too quickly' }] }, {}]],
  ['the primary limit', [403, { message: 'API rate limit exceeded' }, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1' }]],
] as const)('a rate limit (%s) is waited out, for creations too: nothing was made', async (_, [status, body, headers]) => {
  const octokit = client();
  nock(API).post(COMMENTS).reply(status, body, headers).post(COMMENTS).reply(201, { id: 9 });
  expect((await comment(octokit)).data.id).toBe(9);
});

test('a rate limit that lasts longer than the patience ends in an error that says so, without waiting', async () => {
  const octokit = client({ limitPatienceMs: 59_000 });
  nock(API).post(COMMENTS).reply(403, { message: LIMITED }, { 'retry-after': '60' });
  await expect(comment(octokit)).rejects.toMatchObject({
    status: 403,
    retry: 'later',
    mayBeDone: false,
    message: expect.stringContaining('This is a rate limit that lasted longer than Converge waits'),
  });
});

test('without a time in the answer the waits double, up to the patience', async () => {
  const octokit = client({ limitWaitMs: 1, limitPatienceMs: 1 + 2 + 4 + 8 });
  nock(API).get(ISSUE).times(5).reply(429, { message: 'Too many' });
  await expect(getIssue(octokit)).rejects.toMatchObject({ status: 429, retry: 'later' });
});

test.each([
  [404, { message: 'Not Found' }, 'that the App is installed on this repository'],
  [409, { message: 'Git Repository is empty.' }, 'Look at the present state on GitHub'],
  [418, { message: 'Teapot' }, 'Expected success'],
])('%i says what was found, what was expected and what to do', async (status, body, advice) => {
  const octokit = client();
  nock(API).get(ISSUE).reply(status, body);
  await expect(getIssue(octokit)).rejects.toMatchObject({
    kind: 'github',
    status,
    retry: 'never',
    message: expect.stringMatching(
      new RegExp(`GitHub answered ${status} to GET .*/issues/1: ${body.message.replace(/\.$/u, '')}\\. .*${advice}`, 'u'),
    ),
  });
});

test('a key that is not the App’s says so', async () => {
  nock(API).post('/app/installations/7/access_tokens').reply(401, { message: 'A JSON web token could not be decoded' });
  const octokit = clientOf({ appId: 1, privateKey, apiUrl: API, installation: 7 });
  await expect(getIssue(octokit)).rejects.toMatchObject({
    kind: 'github',
    status: 401,
    retry: 'never',
    message: expect.stringMatching(
      /answered 401 to POST .*access_tokens: A JSON web token .* Check that APP_ID and PRIVATE_KEY belong together/u,
    ),
  });
});

test('422 tells every detail that GitHub gives', async () => {
  const octokit = client();
  const errors = [{ resource: 'PullRequest', field: 'base', code: 'invalid' }, { message: 'No commits between main and x' }, 'plain words'];
  nock(API).post('/repos/octo/farm/pulls').reply(422, { message: 'Validation Failed', errors });
  await expect(octokit.rest.pulls.create({ ...HERE, head: 'x', base: 'main', title: 'T' })).rejects.toMatchObject({
    status: 422,
    message: expect.stringContaining(
      'Validation Failed; base invalid; No commits between main and x; plain words. Expected GitHub to accept',
    ),
  });
});

test('403 names the permission that would be enough', async () => {
  const octokit = client();
  nock(API)
    .post(COMMENTS)
    .reply(403, { message: 'Resource not accessible by integration' }, { 'x-accepted-github-permissions': 'issues=write' });
  await expect(comment(octokit)).rejects.toMatchObject({
    message: expect.stringContaining(
      "Expected the App to have the permission issues: write. Accept it in the settings of the App's installation",
    ),
  });
});

test('no token is in what is thrown', async () => {
  const octokit = client();
  nock(API).get(ISSUE).reply(404, { message: 'Not Found' });
  const thrown: unknown = await getIssue(octokit).catch((error: unknown) => error);
  const inspected = inspect(thrown, { depth: 10 });
  expect(inspected).toContain('404');
  expect(inspected).not.toContain('ghs_token');
});

test('the hour’s count of a process that is gone, or beside this one, counts here', async () => {
  nock(API)
    .post('/app/installations/7/access_tokens')
    .reply(201, { token: 'ghs_token', expires_at: '2999-01-01T00:00:00Z', permissions: {} });
  const stopping = new AbortController();
  const asked: string[] = [];
  const known = async (owner: string): Promise<readonly number[]> => {
    asked.push(owner);
    return [0, 1000, 2000];
  };
  const octokit = clientOf(
    { appId: 1, privateKey, apiUrl: API, installation: 7 },
    { place: HERE, contents: { perMinute: 100, perHour: 3 }, known, signal: stopping.signal },
  );
  nock(API).patch('/repos/octo/farm/issues/comments/5').reply(200, { id: 5 });
  const created = comment(octokit);
  // An edit makes nothing new, and goes although it was asked for later.
  await octokit.rest.issues.updateComment({ ...HERE, comment_id: 5, body: 'b' });
  expect(asked[0]).toBe('octo');
  stopping.abort();
  await expect(created).rejects.toBeInstanceOf(Suspended);
});

test('a write that fails does not hold the next one up', async () => {
  const octokit = client();
  nock(API).post(COMMENTS).reply(422, { message: 'Validation Failed' }).post(COMMENTS).reply(201, { id: 9 });
  const [first, second] = await Promise.allSettled([comment(octokit), comment(octokit)]);
  expect(first.status).toBe('rejected');
  expect(second).toMatchObject({ status: 'fulfilled', value: { data: { id: 9 } } });
});

test('waits end when the process stops', async () => {
  const stopping = new AbortController();
  const octokit = client({ limitPatienceMs: 3_600_000 }, stopping.signal);
  nock(API)
    .post(COMMENTS)
    .reply(
      403,
      () => {
        setImmediate(() => stopping.abort());
        return { message: LIMITED };
      },
      { 'retry-after': '1800' },
    );
  await expect(comment(octokit)).rejects.toBeInstanceOf(Suspended);
  await expect(comment(octokit)).rejects.toMatchObject({ name: 'Suspended', reason: 'stopping' });
});

const GRAPHQL = 'https://github.test';
const mutation = (octokit: Octokit): Promise<unknown> =>
  octokit.graphql('mutation($id: ID!) { markPullRequestReadyForReview(input: {pullRequestId: $id}) { pullRequest { isDraft } } }', {
    id: 'PR_1',
  });
const refused = (message: string, type?: string): object => ({
  data: null,
  errors: [{ ...(type === undefined ? {} : { type }), message }],
});

test.each([
  ['RATE_LIMITED', 'API rate limit already exceeded'],
  ['INTERNAL', 'Something is broken'],
  [undefined, 'Something went wrong while executing your query. This is most likely the result of a timeout.'],
])('GraphQL that refuses for now (%s) is asked again', async (type, message) => {
  const octokit = client();
  nock(GRAPHQL)
    .post('/api/graphql')
    .reply(200, refused(message, type))
    .post('/api/graphql')
    .reply(200, { data: { done: true } });
  expect(await mutation(octokit)).toEqual({ done: true });
});

test('a rate limit of GraphQL that lasts is one to come back for', async () => {
  const octokit = client({ limitWaitMs: 10, limitPatienceMs: 1 });
  nock(GRAPHQL).post('/api/graphql').reply(200, refused('API rate limit already exceeded', 'RATE_LIMITED'));
  await expect(mutation(octokit)).rejects.toMatchObject({ kind: 'github', retry: 'later', mayBeDone: false });
});

test.each([
  ['FORBIDDEN', ['Resource not accessible by integration', 403, 'Accept it in the settings']],
  ['NOT_FOUND', ['Could not resolve to a node', 404, 'that the App is installed on this repository']],
  ['UNPROCESSABLE', ['Pull request is locked', 422, 'Its answer names what it refuses']],
] as const)('GraphQL that refuses (%s) with 200 is a refusal in words', async (type, [message, status, advice]) => {
  const octokit = client();
  nock(GRAPHQL).post('/api/graphql').reply(200, refused(message, type));
  await expect(mutation(octokit)).rejects.toMatchObject({
    name: 'GitHubRefusal',
    status,
    retry: 'never',
    message: expect.stringMatching(new RegExp(`GitHub answered ${status} to POST /api/graphql: ${type}: ${message}\\. .*${advice}`, 'u')),
  });
});
