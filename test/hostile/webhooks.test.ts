import { createHmac } from 'node:crypto';
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HERE } from '../e2e/github.ts';
import { openScene, type Scene, SECRET, TASK } from '../e2e/support.ts';

/* Whoever can reach the hook, and whoever can make GitHub say something, against the App as it runs in production. */

let scene: Scene;
let issue = 0;
let delivery = 0;
let comment = 900_000;

beforeAll(async () => {
  scene = await openScene({ tests: ['text'], ci: false });
  issue = (await scene.robin.octokit.rest.issues.create({ ...HERE, title: 'A question' })).data.number;
}, 60_000);

afterAll(() => scene.close());

interface Sent {
  readonly status: number;
  readonly body: string;
}

/** One request to the hook, with any headers. */
function post(body: string | Buffer, headers: Readonly<Record<string, string>>, path = '/api/github/webhooks'): Promise<Sent> {
  return new Promise((resolve) => {
    const { hostname, port } = new URL(scene.appUrl);
    const bytes = Buffer.from(body);
    const sending = request(
      { hostname, port, path, method: 'POST', headers: { 'content-type': 'application/json', ...headers } },
      (response) => {
        let text = '';
        response.on('data', (piece: Buffer) => (text += piece.toString('utf8')));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
        response.on('error', () => resolve({ status: response.statusCode ?? 0, body: text }));
      },
    );
    // A server that has had enough hangs up.
    sending.on('error', () => resolve({ status: 0, body: '' }));
    sending.end(bytes);
  });
}

function sign(body: string, secret = SECRET, algorithm = 'sha256'): string {
  return `${algorithm}=${createHmac(algorithm, secret).update(body).digest('hex')}`;
}

function headersOf(signature: string, more: Readonly<Record<string, string>> = {}): Record<string, string> {
  delivery += 1;
  return { 'x-github-event': 'issue_comment', 'x-github-delivery': `forged-${delivery}`, 'x-hub-signature-256': signature, ...more };
}

interface Said {
  readonly body?: string;
  readonly by?: { login: string; id: number; type: string };
  readonly changes?: Readonly<Record<string, unknown>>;
}

/** A payload as GitHub would send it, but for what is changed; by robin, who may do all. */
function payload({ body = TASK, by, changes = {} }: Said = {}): string {
  const robin = [...scene.hub.state.accounts.values()].find(({ login }) => login === 'robin');
  const author = by ?? { login: 'robin', id: robin?.id ?? 0, type: 'User' };
  comment += 1;
  return JSON.stringify({
    action: 'created',
    comment: { id: comment, body, user: author, performed_via_github_app: null, author_association: 'OWNER' },
    issue: { number: issue },
    repository: { name: 'tally', owner: { login: 'acme' } },
    installation: { id: scene.world.installation },
    sender: author,
    ...changes,
  });
}

let honest = 0;

/** What attacks must leave as it was. Comments are carried out in order: when an honest one is answered, all before it were dealt with. */
async function state(): Promise<unknown> {
  honest += 1;
  await scene.reply(issue, await scene.robin.say(issue, '/workflow status'));
  const bot = `${scene.world.slug}[bot]`;
  return {
    posts: [...scene.hub.state.comments.values()].filter(({ author }) => author.login === bot).length - honest,
    issues: [...scene.hub.state.repositories.values()].reduce((sum, { issues }) => sum + issues.size, 0),
    asked: scene.claude.counts.snapshot().requests,
    branches: await scene.git('for-each-ref', '--format=%(refname)', 'refs/heads'),
  };
}

/** Attacks of a group, and at its end the proof that none of them did anything. */
function changeNothing(): void {
  let before: unknown;
  beforeAll(async () => {
    before = await state();
  });
  it('and nothing was begun, posted, asked or pushed by any of them', async () => {
    expect(await state()).toEqual(before);
  });
}

describe('a body that GitHub did not sign', () => {
  it.each<[string, (body: string) => Record<string, string>]>([
    ['without a signature', () => ({ 'x-github-event': 'issue_comment', 'x-github-delivery': 'x' })],
    ['with an empty signature', () => headersOf('')],
    ['with a signature of the right length', () => headersOf(`sha256=${'0'.repeat(64)}`)],
    ['with a signature that is too short', (body) => headersOf(sign(body).slice(0, 20))],
    ['with a signature that is too long', (body) => headersOf(`${sign(body)}00`)],
    ['with a megabyte of signature', () => headersOf(`sha256=${'0'.repeat(8_000)}`)],
    ['signed with SHA-1', (body) => headersOf(sign(body, SECRET, 'sha1'))],
    ['signed with SHA-1 in the old header', (body) => headersOf('', { 'x-hub-signature': sign(body, SECRET, 'sha1') })],
    ['signed with SHA-512', (body) => headersOf(sign(body, SECRET, 'sha512'))],
    ['signed with the secret that Probot takes for none', (body) => headersOf(sign(body, 'development'))],
    ['signed with an empty secret', (body) => headersOf(sign(body, ''))],
    ['whose signature is of another body', (body) => headersOf(sign(`${body} `))],
    ['whose signature is of a body with other white space', (body) => headersOf(sign(JSON.stringify(JSON.parse(body), null, 1)))],
  ])('%s starts nothing', async (_how, headers) => {
    const body = payload();
    const { status } = await post(body, headers(body));
    expect([0, 400, 401, 403, 413, 431]).toContain(status);
  });

  it('of 30 MB is not kept, and the App lives', async () => {
    const body = `{"x": "${'x'.repeat(30_000_000)}"}`;
    const { status } = await post(body, headersOf(`sha256=${'0'.repeat(64)}`));
    expect([0, 400, 413]).toContain(status);
  });

  changeNothing();
});

async function signed(body: string, more: Readonly<Record<string, string>> = {}): Promise<Sent> {
  return post(body, headersOf(sign(body), more));
}

describe('a delivery that is signed, by somebody who may not', () => {
  it.each<[string, () => Said]>([
    ['an edit', () => ({ changes: { action: 'edited' } })],
    ['a deletion', () => ({ changes: { action: 'deleted' } })],
    ['a transfer', () => ({ changes: { action: 'transferred' } })],
    ['a comment of a bot', () => ({ by: { login: 'evil[bot]', id: 7, type: 'Bot' } })],
    ['a comment of an organisation', () => ({ by: { login: 'acme', id: 7, type: 'Organization' } })],
    ['a person that a bot sent', () => ({ changes: { sender: { login: 'evil[bot]', id: 7, type: 'Bot' } } })],
    ['a person that another person sent', () => ({ changes: { sender: { login: 'mallory', id: 7, type: 'User' } } })],
    [
      'an App in the name of a person',
      () => ({
        changes: { comment: { id: 1, body: TASK, user: { login: 'robin', id: 1, type: 'User' }, performed_via_github_app: { id: 9 } } },
      }),
    ],
    ['a quote', () => ({ body: `> ${TASK}` })],
    ['a fence', () => ({ body: `\`\`\`\n${TASK}\n\`\`\`` })],
    ['an HTML comment', () => ({ body: `Hello <!--\n${TASK}\n-->` })],
    ['a details element', () => ({ body: `<details>\n${TASK}\n</details>` })],
    ['a line behind a separator that is no line end', () => ({ body: `> as they said:\u2028${TASK}` })],
    ['a table', () => ({ body: `| a |\n|---|\n| ${TASK} |` })],
    ['an indented line', () => ({ body: `    ${TASK}` })],
    ['no installation', () => ({ changes: { installation: undefined } })],
    ['keys of prototypes', () => ({ changes: { issue: { number: '__proto__' }, __proto__: { action: 'created' } } })],
    [
      'a comment whose number is text',
      () => ({ changes: { comment: { id: '1 OR 1', body: TASK, user: { login: 'robin', id: 1, type: 'User' } } } }),
    ],
  ])('of %s starts nothing', async (_what, said) => {
    await signed(payload(said()));
  });

  it('of a repository of another installation is given up, and nothing is posted anywhere', async () => {
    await signed(payload({ changes: { repository: { name: 'secret', owner: { login: 'others' } } } }));
    await signed(payload({ changes: { installation: { id: 424_242 }, repository: { name: 'else', owner: { login: 'others' } } } }));
  });

  it.each(['{', 'null', '[]', '"text"', '{"action": {"__proto__": null}}', `{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}`])(
    'that is no comment (%#) does nothing, and the App lives',
    async (body) => {
      await signed(body);
    },
  );

  it('of an event whose name is hostile does nothing', async () => {
    for (const name of ['__proto__', 'constructor', 'toString', 'installation', 'issues', '../../x', 'error'])
      await signed(payload(), { 'x-github-event': name });
  });

  changeNothing();
});

describe('a delivery that is signed', () => {
  it('and replayed, by the same and by another delivery id, is carried out once', async () => {
    const body = payload({ body: '/workflow help' });
    const before = scene.ours(issue).length;
    for (const id of ['one', 'one', 'two', 'three']) await signed(body, { 'x-github-delivery': id });
    await scene.reply(issue, await scene.robin.say(issue, '/workflow status'));
    expect(
      scene
        .ours(issue)
        .slice(before)
        .filter((text) => text.includes('/workflow migrate <task>')),
    ).toHaveLength(1);
  });

  it('that calls a stranger an owner, is refused by the permission that GitHub tells now', async () => {
    const casey = [...scene.hub.state.accounts.values()].find(({ login }) => login === 'casey');
    const before = scene.claude.counts.snapshot().requests;
    const by = { login: 'casey', id: casey?.id ?? 0, type: 'User' };
    const id = await scene.casey.say(issue, 'Hello.');
    const { body } = await signed(payload({ by, changes: { comment: { id, body: TASK, user: by, author_association: 'OWNER' } } }));
    expect(body).not.toContain(SECRET);
    await scene.until('a refusal', () => scene.ours(issue).some((text) => text.includes('expected write access')));
    expect(scene.claude.counts.snapshot().requests).toBe(before);
  });
});

it('comments that Markdown chokes on hold up nobody: the next honest one is answered', async () => {
  for (const bomb of ['> '.repeat(30_000), '1. '.repeat(20_000), '__a_b'.repeat(13_000)])
    await scene.casey.say(issue, `${bomb}\n\n/workflow help`);
  const said = await scene.robin.say(issue, '/workflow status');
  expect(await scene.reply(issue, said)).toBeDefined();
});

it('nothing but what is meant to be served is served, and no answer holds a secret', async () => {
  const paths = [
    '/',
    '/.env',
    '/probot',
    '/probot/import',
    '/probot/setup',
    '/ping',
    '/runs',
    '/runs/',
    '/runs/__proto__',
    '/runs/..%2f..%2fetc%2fpasswd',
    '/runs/0123456789.json',
    '/api/github/hooks',
    '/debug',
    '/server-status',
    '//runs/0123456789',
    '/api/github/webhooks/../../..',
  ];
  for (const path of paths)
    for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'TRACE', 'OPTIONS']) {
      const response = await fetch(`${scene.appUrl}${path}`, { method: method === 'TRACE' ? 'PATCH' : method, redirect: 'manual' });
      const text = await response.text();
      expect([path, method, response.status]).toEqual([path, method, expect.toSatisfy((status: number) => status >= 400)]);
      for (const secret of [SECRET, scene.world.privateKey.slice(40, 80), 'scripted']) expect(text).not.toContain(secret);
    }
});
