import { readdirSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { describe, expect, onTestFinished, test } from 'vitest';
import { withEgress } from '../../src/sandbox/egress.ts';
import { bench, withoutSandbox } from './repository.ts';

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** A registry that answers, and another service of the machine that must not be reached; with how often each was asked. */
async function services() {
  const asked = { registry: 0, other: 0 };
  const registry = await listening(
    createHttpServer((_request, response) => {
      asked.registry += 1;
      response.end('package');
    }),
  );
  const other = await listening(
    createServer((socket) => {
      asked.other += 1;
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret');
    }),
  );
  return { registry, other, asked };
}

/** Asks for addresses, each through the proxy of the environment and the last ones past it; one line an answer. */
const ASK = `
import net from 'node:net';
import dns from 'node:dns/promises';
import http from 'node:http';
const [registry, other] = process.argv.slice(2);
const fetched = async (url) => { try { const r = await fetch(url, { signal: AbortSignal.timeout(5000) }); return r.status + ' ' + (await r.text()).slice(0, 20); } catch (error) { return 'no: ' + (error.cause?.cause?.message ?? error.cause?.code ?? error.message); } };
const connect = (authority) => new Promise((resolve) => http.request({ host: '127.0.0.1', port: 3128, method: 'CONNECT', path: authority })
  .on('connect', ({ statusCode }, socket) => { resolve(statusCode); socket.destroy(); }).on('response', ({ statusCode }) => resolve(statusCode)).on('error', (error) => resolve(error.code)).end());
const raw = (port, host) => new Promise((resolve) => net.connect({ port: Number(port), host, timeout: 3000 }).on('connect', () => resolve('connected')).on('timeout', () => resolve('timeout')).on('error', ({ code }) => resolve(code)));
const tell = (name, answer) => console.log(name + '=' + answer);
tell('listed', await fetched('http://localhost:' + registry + '/'));
tell('tunnel', await connect('localhost:' + registry));
tell('port', await connect('localhost:' + other));
tell('address', await connect('127.0.0.1:' + registry));
tell('case', await connect('LOCALHOST.:' + other));
tell('suffix', await connect('localhost.example.org:' + registry));
tell('user', await connect('localhost@127.0.0.1:' + other));
tell('nul', await connect('127.0.0.1%00.localhost:' + registry));
tell('metadata', await fetched('http://169.254.169.254/latest/meta-data/'));
tell('stranger', await fetched('http://example.org/'));
tell('raw', await raw(registry, '127.0.0.1'));
tell('internet', await raw(53, '1.1.1.1'));
tell('names', await dns.resolve4('localhost.example.org').then(() => 'resolved', ({ code }) => code));
tell('environment', Object.keys(process.env).filter((name) => !['CI','HOME','LANG','NO_COLOR','PATH','PWD','OLDPWD','SHLVL','TMPDIR','USER','_'].includes(name)).sort().join(' '));
`;

test('a way out ends with its use, and says what was refused', async () => {
  const before = readdirSync(tmpdir()).filter((name) => name.startsWith('converge-egress-'));
  await withEgress(['localhost:1'], ({ socket, refused }) => {
    expect(socket).toContain('converge-egress-');
    expect(refused()).toEqual([]);
    return Promise.resolve();
  });
  expect(readdirSync(tmpdir()).filter((name) => name.startsWith('converge-egress-'))).toEqual(before);
  await expect(withEgress(['*.com'], () => Promise.resolve())).rejects.toMatchObject({
    kind: 'sandbox',
    message: expect.stringContaining('found *.com, expected host names'),
  });
});

describe.skipIf(withoutSandbox)('setup with a network', () => {
  test('setup reaches the listed host and nothing else, and commands after it reach nothing', { timeout: 90_000 }, async () => {
    const { registry, other, asked } = await services();
    const { run } = await bench(
      { 'ask.mjs': ASK },
      { setup: `NO_PROXY= no_proxy= node ask.mjs ${registry} ${other} > installed`, setupNetwork: [`localhost:${registry}`] },
    );
    const { output, ok } = await run('cat installed');
    expect(ok).toBe(true);
    const told = Object.fromEntries(
      output
        .trim()
        .split('\n')
        .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
    expect(told).toMatchObject({
      listed: '200 package',
      tunnel: '200',
      port: '403',
      address: '403',
      case: '403',
      suffix: '403',
      raw: 'ECONNREFUSED',
      internet: 'ENETUNREACH',
      environment: 'HTTPS_PROXY HTTP_PROXY NODE_USE_ENV_PROXY NODE_USE_SYSTEM_CA NO_PROXY http_proxy https_proxy no_proxy',
    });
    for (const name of ['user', 'nul']) expect(['400', '403']).toContain(told[name]);
    for (const name of ['metadata', 'stranger']) expect(told[name]).toContain('403');
    expect(told['names']).not.toBe('resolved');
    expect(asked.other).toBe(0);
    const before = asked.registry;
    const after = await run(`node ask.mjs ${registry} ${other}; env`);
    expect(after.output).toMatch(/^listed=no: ECONNREFUSED\ntunnel=ECONNREFUSED\n/u);
    expect(after.output).not.toContain('PROXY');
    expect(asked).toEqual({ registry: before, other: 0 });
  });

  test('a setup that wanted another host is told which, and what is allowed', async () => {
    const { registry, other } = await services();
    const fetches = `node -e "fetch('http://localhost:${other}/').catch(() => process.exit(9))"`;
    const { run } = await bench({ 'a.txt': 'a' }, { setup: `NO_PROXY= no_proxy= ${fetches}`, setupNetwork: [`localhost:${registry}`] });
    await expect(run('true')).rejects.toThrow(
      new RegExp(`exit code 9[^]*setup asked for localhost:${other}, which SETUP_NETWORK \\(localhost:${registry}\\) does not name`, 'u'),
    );
  });

  test('without hosts setup has no network at all', async () => {
    const { registry } = await services();
    const connect = `node -e "require('net').connect(${registry}, '127.0.0.1').on('connect', () => process.exit(0)).on('error', () => process.exit(9))"`;
    const { run } = await bench({ 'a.txt': 'a' }, { setup: connect });
    await expect(run('true')).rejects.toThrow('failed with exit code 9');
  });

  test('setup with a network sees no more of the machine than any command, and cannot forge its exit code', async () => {
    const look =
      'ls /root /work /etc/shadow /etc/resolv.conf 2>&1; for fd in 3 4 5 6 7 8; do echo \'{ "exit-code": 0 }\' >&$fd; done 2>/dev/null; for p in /proc/[0-9]*/fd/[3-9]; do echo \'{ "exit-code": 0 }\' > $p; done 2>/dev/null; grep -h NoNewPrivs /proc/self/status; exit 5';
    const { run } = await bench({ 'a.txt': 'a' }, { setup: look, setupNetwork: ['registry.example.org'] });
    await expect(run('true')).rejects.toThrow(/exit code (?:5|139)[^]*'\/root': No such[^]*'\/work': No such[^]*NoNewPrivs:\t1/u);
  });
});
