import { expect, test } from 'vitest';

import { parseCommentEvent } from '../../src/github/events.ts';
import { HERE, withHub } from './support.ts';

const mona = { login: 'mona', id: 42, type: 'User' };

function delivery(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    action: 'created',
    comment: { id: 1001, body: '/workflow help', user: mona, performed_via_github_app: null },
    issue: { number: 3 },
    repository: { name: 'farm', owner: { login: 'octo' } },
    installation: { id: 7 },
    sender: mona,
    ...changes,
  };
}

test('a comment on an issue and on a pull request', () => {
  const expected = {
    kind: 'comment',
    comment: 1001,
    owner: 'octo',
    repo: 'farm',
    installation: 7,
    number: 3,
    isPullRequest: false,
    author: { login: 'mona', id: 42 },
    body: '/workflow help',
  };
  expect(parseCommentEvent(delivery())).toEqual(expected);
  const onPullRequest = delivery({ issue: { number: 3, pull_request: { url: 'https://api.github.com/pulls/3' } } });
  expect(parseCommentEvent(onPullRequest)).toEqual({ ...expected, isPullRequest: true });
});

test.each([
  ['an edit', { action: 'edited' }, 'only new comments command; this one was edited'],
  ['a deletion', { action: 'deleted' }, 'only new comments command; this one was deleted'],
  ['a bot that sends', { sender: { login: 'ci[bot]', id: 1, type: 'Bot' } }, 'ci[bot] is no person but a Bot'],
  ['a bot that writes', { comment: { id: 1, body: '', user: { ...mona, type: 'Bot' } } }, 'is no person'],
  ['an App in the name of a person', { comment: { id: 1, body: '', user: mona, performed_via_github_app: { id: 9 } } }, 'an App wrote it'],
  ['a deleted account', { comment: { id: 1, body: '', user: null } }, 'its author has no account any more'],
  ['no installation', { installation: undefined }, 'it names no installation'],
  ['another event', { comment: undefined }, 'it is no issue_comment delivery'],
])('%s is ignored, with the reason', (_, changes, reason) => {
  expect(parseCommentEvent(delivery(changes))).toEqual({ kind: 'ignored', reason: expect.stringContaining(reason) });
});

test.each([null, undefined, 'text', [], 5])('%j is ignored', (payload) => {
  expect(parseCommentEvent(payload)).toMatchObject({ kind: 'ignored' });
});

test('what a GitHub really delivers: people are heard, our own comments are not', async () => {
  await withHub(async ({ ours, alice, receiver, app }) => {
    await alice.rest.issues.create({ ...HERE, title: 'A' });
    const { data: asked } = await alice.rest.issues.createComment({ ...HERE, issue_number: 1, body: '/workflow help' });
    await ours.comment('run', 'help', { number: 1, body: 'Help' });
    const first = await receiver.waitFor('issue_comment', 'created');
    const second = await receiver.waitFor('issue_comment', 'created', 2);
    expect(parseCommentEvent(first.payload)).toMatchObject({
      kind: 'comment',
      ...HERE,
      comment: asked.id,
      number: 1,
      isPullRequest: false,
      installation: app.installationId,
      author: { login: 'alice' },
      body: '/workflow help',
    });
    expect(parseCommentEvent(second.payload)).toMatchObject({
      kind: 'ignored',
      reason: expect.stringContaining('converge[bot] is no person'),
    });
  });
});
