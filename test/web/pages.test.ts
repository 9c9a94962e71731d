import { createHash } from 'node:crypto';
import { createServer, IncomingMessage } from 'node:http';
import { connect, Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { sealedCookies } from '../../src/web/sealed-cookie.ts';
import { HOOK, RUN, serve } from './support.ts';
import type { Reply, Served } from './support.ts';

const TOKEN = 'a token for run pages';
const PAGE = `/runs/${RUN}`;

/** What the browser sends back. */
function cookie({ headers }: Reply): string {
  return (headers['set-cookie'] ?? []).map((text) => text.split(';')[0]).join('; ');
}

describe('what is served', () => {
  test('nothing but hook, health, metrics and pages, by their methods; with headers against scripts, frames and guesses', async () => {
    const { ask } = await serve({ environment: { RUN_PAGE_TOKEN: TOKEN } });
    const nothing = [
      '/',
      '/probot',
      '/ping',
      '/setup',
      '/metrics',
      '/runs',
      '/runs/',
      '/runs/signed-in',
      '/runs/xyz',
      `${PAGE}/`,
      `${PAGE}.js`,
      `/runs/../healthz/x`,
      '/%2e%2e/etc/passwd',
      '//evil.example',
      '/healthz/',
    ];
    for (const path of nothing) expect((await ask(path)).status, path).toBe(404);
    for (const method of ['POST', 'PUT', 'DELETE', 'TRACE', 'OPTIONS'])
      expect((await ask('/healthz', { method })).status, method).toBe(405);
    expect((await ask(`${PAGE}.json`, { method: 'POST' })).status).toBe(405);
    for (const path of ['/healthz', '/nothing', PAGE, `${PAGE}?token=${encodeURIComponent(TOKEN)}`, HOOK]) {
      const { headers } = await ask(path);
      expect(headers, path).toMatchObject({
        'content-security-policy': expect.stringMatching(/^default-src 'none'.*frame-ancestors 'none'/u),
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'cache-control': 'no-store',
      });
      expect(headers['content-security-policy']).not.toContain('script');
      expect(headers).not.toHaveProperty('strict-transport-security');
      expect(headers).not.toHaveProperty('access-control-allow-origin');
    }
  });

  test('behind TLS browsers are told to stay there, and cookies go nowhere else', async () => {
    const { ask } = await serve({ environment: { RUN_PAGE_TOKEN: TOKEN, PUBLIC_URL: 'https://converge.example.com' } });
    const signed = await ask(`${PAGE}?token=${encodeURIComponent(TOKEN)}`);
    expect(signed.headers['strict-transport-security']).toBe('max-age=31536000');
    expect(signed.headers['set-cookie']?.[0]).toMatch(/; Path=\/runs; HttpOnly; SameSite=Lax; Max-Age=\d+; Secure$/u);
  });

  test('health says that commands run without a sandbox, and so does every page', async () => {
    const { ask } = await serve({ environment: { RUN_PAGE_TOKEN: TOKEN } });
    expect((await ask('/healthz')).body).toMatch(/^ok\nsandbox: none, commands ran without a sandbox/u);
    expect((await ask(PAGE, { headers: { authorization: `Bearer ${TOKEN}` } })).body).toContain('without a sandbox');
  });

  test('health and metrics say that the operator has switched Converge off, and not why', async () => {
    let off: { readonly reason: string } | null = null;
    const { ask } = await serve({ environment: { METRICS_TOKEN: 'the token of metrics' }, off: () => off });
    const asked = async (): Promise<readonly string[]> => {
      const metrics = await ask('/metrics', { headers: { authorization: 'Bearer the token of metrics' } });
      return [(await ask('/healthz')).body, metrics.body];
    };
    const [on, measuredOn] = await asked();
    expect(on).not.toContain('switched');
    expect(measuredOn).toContain('\nconverge_switched_off 0\n');
    off = { reason: 'a key leaked' };
    const [health, measured] = await asked();
    expect(health).toMatch(/^ok\nswitched off by the operator: nothing is spent/u);
    expect(health).not.toContain('leaked');
    expect(measured).toContain('\nconverge_switched_off 1\n');
  });

  test('a page links to its repository, to where it was asked for, and to its pull request', async () => {
    const { ask, journal } = await serve({ environment: { RUN_PAGE_TOKEN: TOKEN } });
    const page = async (): Promise<string> => (await ask(PAGE, { headers: { authorization: `Bearer ${TOKEN}` } })).body;
    expect(await page()).toContain('<a href="https://github.com/octo/farm">');
    expect(await page()).toMatch(/asked for in <a href="https:\/\/github\.com\/octo\/farm\/issues\/\d+">issue #\d+<\/a>/u);
    await journal.intend(RUN, 'pull-request', { title: 'x' });
    await journal.done(RUN, 'pull-request', { number: 41, url: 'https://github.com/octo/farm/pull/41' });
    expect(await page()).toContain('result: <a href="https://github.com/octo/farm/pull/41">pull request #41</a>');
  });

  test('metrics need their token, and name no repository, person or run', async () => {
    const { ask, journal } = await serve({ environment: { METRICS_TOKEN: 'the token of metrics', MAX_HOURS_PER_MONTH: '1.5' } });
    for (const headers of [
      {},
      { authorization: 'Bearer' },
      { authorization: 'Bearer the token of metric' },
      { authorization: 'Basic the token of metrics' },
    ])
      expect((await ask('/metrics', { headers })).status).toBe(401);
    expect((await ask('/metrics?token=the+token+of+metrics')).status).toBe(401);
    await journal.append(RUN, [{ type: 'shard.left-over', shard: 's1', reason: 'why' }]);
    const { status, body, headers } = await ask('/metrics', { headers: { authorization: 'Bearer the token of metrics' } });
    expect(status).toBe(200);
    expect(headers['content-type']).toContain('text/plain');
    expect(body).toContain('converge_runs_unfinished{status="active"} 1');
    expect(body).toContain('converge_shards_total{ending="left_over"} 1');
    expect(body).toContain('converge_commands_waiting 0');
    for (const measure of ['dollars', 'tokens', 'turns', 'agents', 'hours'])
      expect(body).toContain(`converge_month_${measure}{kind="spent"} 0`);
    expect(body).toContain('converge_month_hours{kind="limit"} 1.5');
    expect(body).not.toMatch(new RegExp(`octo|farm|mona|${RUN}`, 'u'));
  });
});

describe('run pages', () => {
  test('are closed unless the operator opens them', async () => {
    const { ask } = await serve();
    for (const path of [PAGE, `${PAGE}.json`]) {
      expect(await ask(path)).toMatchObject({ status: 403, body: expect.stringContaining('RUN_PAGE_TOKEN') });
    }
  });

  test('on this machine alone: not through a proxy, and not by a name that somebody pointed here', async () => {
    const { ask, port } = await serve({ environment: { RUN_PAGE_SIGN_IN: 'loopback' } });
    expect((await ask(`${PAGE}.json`)).status).toBe(200);
    expect((await ask(PAGE, { headers: { host: `localhost:${port}` } })).status).toBe(200);
    const others = [
      { host: 'evil.example' },
      { host: `127.0.0.1.evil.example:${port}` },
      { 'x-forwarded-for': '10.0.0.1' },
      { forwarded: 'for=10.0.0.1' },
      { 'x-forwarded-host': 'converge.example.com' },
      { via: '1.1 proxy' },
    ];
    for (const headers of [...others, { 'x-forwarded-proto': 'https' }, { 'x-forwarded-port': '443' }, { 'x-real-ip': '10.0.0.1' }])
      expect((await ask(PAGE, { headers })).status, JSON.stringify(headers)).toBe(403);
    // As nginx asks by its defaults: none of these headers, and its own upstream as the host.
    const socket = connect(port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    socket.write(`GET ${PAGE} HTTP/1.0\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`);
    expect((await socket.setEncoding('utf8').toArray()).join('')).toMatch(/^HTTP\/1\.1 403 /u);
  });

  test('by a token: in a header, in a link that is exchanged for a cookie, in a form; nothing else opens them', async () => {
    const { ask } = await serve({ environment: { RUN_PAGE_TOKEN: TOKEN } });
    expect(await ask(`${PAGE}.json`)).toMatchObject({ status: 401, headers: { 'content-type': expect.stringContaining('json') } });
    expect((await ask(`${PAGE}.json`, { headers: { authorization: `Bearer ${TOKEN}` } })).status).toBe(200);
    expect((await ask(`${PAGE}.json?token=${encodeURIComponent(TOKEN)}`)).status).toBe(401);
    const asked = await ask(PAGE);
    expect(asked).toMatchObject({ status: 401, body: expect.stringContaining('<form method="post"') });
    expect(asked.body).not.toContain(TOKEN);
    const link = await ask(`${PAGE}?token=${encodeURIComponent(TOKEN)}`);
    expect(link).toMatchObject({ status: 303, headers: { location: PAGE } });
    expect(JSON.stringify(link)).not.toContain(TOKEN);
    const form = await ask(PAGE, { method: 'POST', body: new URLSearchParams({ token: TOKEN }).toString() });
    expect(form).toMatchObject({ status: 303, headers: { location: PAGE } });
    for (const signed of [link, form]) {
      const page = await ask(PAGE, { headers: { cookie: cookie(signed) } });
      expect(page).toMatchObject({ status: 200, body: expect.stringContaining(RUN) });
      expect(page.body).not.toContain(TOKEN);
      expect((await ask('/runs/9999999999', { headers: { cookie: cookie(signed) } })).status).toBe(404);
    }
    const [name = '', value = ''] = cookie(link).split('=');
    const [text = '', seal = ''] = value.split('.');
    const later = Buffer.from(
      Buffer.from(text, 'base64url')
        .toString()
        .replace(/\d{13}/u, '9999999999999'),
    ).toString('base64url');
    for (const forged of [`${text}.`, `.${seal}`, `${later}.${seal}`, `${text}.${seal.slice(1)}`, '', 'x']) {
      expect((await ask(PAGE, { headers: { cookie: `${name}=${forged}` } })).status, forged).toBe(401);
    }
    expect((await ask(PAGE, { method: 'POST', body: 'token=wrong' })).body).toContain('That is not the token');
    expect((await ask(PAGE, { method: 'POST', body: 'token='.padEnd(10_000, 'x') })).status).toBe(401);
  });

  test('a cookie ends with its time, whatever the browser keeps', () => {
    const cookies = sealedCookies('words', false);
    const asked = (seconds: number): IncomingMessage => {
      const request = new IncomingMessage(new Socket());
      request.headers.cookie = `other=1; ${cookies.set('name', { login: 'casey' }, seconds).split(';')[0] ?? ''}`;
      return request;
    };
    expect(cookies.get(asked(60), 'name')).toEqual({ login: 'casey' });
    expect(cookies.get(asked(-1), 'name')).toBeNull();
    expect(cookies.get(asked(60), 'other')).toBeNull();
  });

  test('a cookie of another token, or another Converge, opens nothing', async () => {
    const one = await serve({ environment: { RUN_PAGE_TOKEN: TOKEN } });
    const other = await serve({ environment: { RUN_PAGE_TOKEN: 'another token for pages' } });
    const own = cookie(await one.ask(`${PAGE}?token=${encodeURIComponent(TOKEN)}`));
    expect((await one.ask(PAGE, { headers: { cookie: own } })).status).toBe(200);
    expect((await other.ask(PAGE, { headers: { cookie: own } })).status).toBe(401);
  });
});

/** GitHub's side of the web flow; `who` is signed in there. */
async function signInServer(who: string) {
  const codes = new Map<string, { challenge: string }>();
  const seen: string[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const url = new URL(request.url ?? '/', 'http://github');
      const json = (status: number, value: unknown): void =>
        void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
      seen.push(url.pathname);
      if (url.pathname === '/api/v3/user') {
        const right = request.headers.authorization === 'Bearer the-persons-token';
        json(right ? 200 : 401, { login: who });
        return;
      }
      const pieces: Buffer[] = [];
      for await (const piece of request) pieces.push(piece as Buffer);
      const body = JSON.parse(Buffer.concat(pieces).toString('utf8')) as Record<string, string>;
      const known = codes.get(body['code'] ?? '');
      codes.delete(body['code'] ?? '');
      const proved =
        createHash('sha256')
          .update(body['code_verifier'] ?? '')
          .digest('base64url') === known?.challenge;
      if (proved && body['client_secret'] === 'client secret') json(200, { access_token: 'the-persons-token', token_type: 'bearer' });
      else json(200, { error: 'bad_verification_code' });
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  /** The person says yes there, and comes back with a code. */
  const approve = (location: string): URL => {
    const asked = new URL(location).searchParams;
    const code = crypto.randomUUID();
    codes.set(code, { challenge: asked.get('code_challenge') ?? '' });
    return new URL(`${asked.get('redirect_uri') ?? ''}?${new URLSearchParams({ code, state: asked.get('state') ?? '' }).toString()}`);
  };
  return { url, approve, seen };
}

describe('run pages by GitHub sign-in', () => {
  async function opened(who: string): Promise<{ served: Served; github: Awaited<ReturnType<typeof signInServer>> }> {
    const github = await signInServer(who);
    const served = await serve({
      environment: {
        RUN_PAGE_SIGN_IN: 'github',
        CLIENT_ID: 'Iv1.abc',
        CLIENT_SECRET: 'client secret',
        PUBLIC_URL: 'https://converge.example.com/',
      },
      permission: (login) => Promise.resolve(login === 'casey' ? 'read' : 'none'),
      change: (config) => ({ ...config, siteUrl: github.url, apiUrl: `${github.url}/api/v3` }),
    });
    return { served, github };
  }

  test('a person who may read the repository signs in and comes to the page that the link named', async () => {
    const { served, github } = await opened('casey');
    const sent = await served.ask(PAGE);
    expect(sent.status).toBe(302);
    const location = sent.headers.location ?? '';
    expect(location.startsWith(`${github.url}/login/oauth/authorize?`)).toBe(true);
    expect(Object.fromEntries(new URL(location).searchParams)).toMatchObject({
      client_id: 'Iv1.abc',
      redirect_uri: 'https://converge.example.com/runs/signed-in',
      code_challenge_method: 'S256',
      code_challenge: expect.stringMatching(/^[\w-]{43}$/u),
    });
    const back = github.approve(location);
    const signed = await served.ask(`${back.pathname}${back.search}`, { headers: { cookie: cookie(sent) } });
    expect(signed).toMatchObject({ status: 303, headers: { location: PAGE } });
    expect(JSON.stringify(signed)).not.toMatch(/the-persons-token|client secret/u);
    const session = { headers: { cookie: cookie(signed) } };
    expect((await served.ask(PAGE, session)).status).toBe(200);
    expect((await served.ask(`${PAGE}.json`, session)).status).toBe(200);
    expect((await served.ask('/runs/9999999999', session)).status).toBe(404);
  });

  test('a person who may not sees nothing of the run, not even whether there is one', async () => {
    const { served, github } = await opened('mallory');
    const sent = await served.ask(PAGE);
    const back = github.approve(sent.headers.location ?? '');
    const signed = await served.ask(`${back.pathname}${back.search}`, { headers: { cookie: cookie(sent) } });
    const session = { headers: { cookie: cookie(signed) } };
    const [there, absent] = [await served.ask(PAGE, session), await served.ask('/runs/9999999999', session)];
    expect([there.status, absent.status]).toEqual([404, 404]);
    expect(there.body.replace(RUN, '')).toBe(absent.body.replace('9999999999', ''));
  });

  test('a sign-in that was begun elsewhere, by another browser, or twice with one code, ends nowhere', async () => {
    const { served, github } = await opened('casey');
    const [mine, theirs] = [await served.ask(PAGE), await served.ask(PAGE)];
    const back = github.approve(mine.headers.location ?? '');
    const path = `${back.pathname}${back.search}`;
    expect((await served.ask(path)).status).toBe(400);
    expect((await served.ask(path, { headers: { cookie: cookie(theirs) } })).status).toBe(400);
    const moved = new URLSearchParams({
      code: back.searchParams.get('code') ?? '',
      state: new URL(theirs.headers.location ?? '').searchParams.get('state') ?? '',
    });
    // The code of one flow in another: the proof of the key is not theirs.
    expect((await served.ask(`/runs/signed-in?${moved.toString()}`, { headers: { cookie: cookie(theirs) } })).status).toBe(403);
    const again = github.approve(mine.headers.location ?? '');
    const once = `${again.pathname}${again.search}`;
    expect((await served.ask(once, { headers: { cookie: cookie(mine) } })).status).toBe(303);
    expect((await served.ask(once, { headers: { cookie: cookie(mine) } })).status).toBe(403);
    expect((await served.ask(`${PAGE}.json`)).status).toBe(401);
    expect((await served.ask('/runs/signed-in?error=access_denied', { headers: { cookie: cookie(mine) } })).status).toBe(400);
  });
});
