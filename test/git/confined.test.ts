import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { plumbingEnvironment, remoteEnvironment } from '../../src/git/environment.ts';
import { Origin, git, scratch, serve } from './origin.ts';

const TOKEN = 'ghs_0123456789abcdefTOKEN';

/** Argument lists of all processes of the machine, now. */
function argumentLists(): string {
  const read = (pid: string): string => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    } catch {
      return '';
    }
  };
  return readdirSync('/proc')
    .filter((name) => /^\d+$/u.test(name))
    .map(read)
    .join('\n');
}

/** Sets variables of this process for the time of the test. */
function pollute(variables: Record<string, string>): void {
  for (const [name, value] of Object.entries(variables)) {
    const before = process.env[name];
    process.env[name] = value;
    onTestFinished(() => {
      if (before === undefined) delete process.env[name];
      else process.env[name] = before;
    });
  }
}

/** Files below a directory, with their bytes. */
function texts(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'));
}

test('while git talks to the remote, the token is in no argument list of any process, and afterwards in no file', async () => {
  const origin = new Origin({ 'a.txt': 'a' });
  const { url } = await serve(origin, TOKEN);
  const seen: string[] = [];
  const authorized: boolean[] = [];
  // Looks at all processes in the middle of each exchange, then hands it on.
  const relay = createServer((request, response) => {
    seen.push(argumentLists());
    authorized.push((request.headers.authorization ?? '').length > 0);
    const body: Buffer[] = [];
    request.on('data', (piece: Buffer) => body.push(piece));
    request.on('end', () => {
      const { host: _host, 'transfer-encoding': _encoding, connection: _connection, ...headers } = request.headers;
      const target = `${new URL(url).origin}${request.url ?? ''}`;
      const sent = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
      const forward = async (): Promise<void> => {
        const method = request.method ?? 'GET';
        const answer = await fetch(target, { method, headers: sent, ...(method === 'POST' ? { body: Buffer.concat(body) } : {}) });
        response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
        response.end(Buffer.from(await answer.arrayBuffer()));
      };
      void forward();
    });
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void relay.close());
  const directory = join(scratch(), 'mirror.git');
  const through = `http://127.0.0.1:${(relay.address() as AddressInfo).port}/origin.git`;
  const mirror = await origin.mirror({ directory, url: through, token: TOKEN });
  const { commit } = await mirror.pin({ run: 'r1', commit: origin.head() });
  expect(await mirror.push({ commit, branch: 'converge/r1' })).toMatchObject({ kind: 'pushed' });
  expect(seen.length).toBeGreaterThan(2);
  expect(authorized).not.toContain(false);
  const encoded = Buffer.from(`x-access-token:${TOKEN}`).toString('base64');
  for (const secret of [TOKEN, encoded]) {
    for (const lists of seen) {
      expect(lists).toContain('git');
      expect(lists.includes(secret)).toBe(false);
    }
    expect(texts(directory).filter((text) => text.includes(secret))).toEqual([]);
  }
});

test("nothing of the environment, the user's configuration or the mirror's hooks takes part", async () => {
  const origin = new Origin({ 'a.txt': 'a', '.gitattributes': '* filter=evil diff=evil merge=evil\n' });
  const ran = join(scratch(), 'ran');
  const home = scratch();
  const command = `sh -c 'touch ${ran}'`;
  writeFileSync(
    join(home, '.gitconfig'),
    [
      `[core]\n\thooksPath = ${home}/hooks\n\tfsmonitor = ${command}\n\tsshCommand = ${command}\n\taskPass = ${home}/ask\n\tpager = ${command}`,
      `[credential]\n\thelper = "!${command}"`,
      `[filter "evil"]\n\tclean = ${command}\n\tsmudge = ${command}\n\trequired = true`,
      `[diff]\n\texternal = ${command}\n[diff "evil"]\n\ttextconv = ${command}\n\tcommand = ${command}`,
      `[merge "evil"]\n\tdriver = ${command}`,
      `[uploadpack]\n\tpackObjectsHook = ${command}`,
      `[url "ext::${command}"]\n\tinsteadOf = http`,
      '',
    ].join('\n'),
  );
  pollute({
    HOME: home,
    XDG_CONFIG_HOME: home,
    GIT_CONFIG_GLOBAL: join(home, '.gitconfig'),
    GIT_CONFIG_PARAMETERS: `'core.fsmonitor=${command}'`,
    GIT_SSH_COMMAND: command,
    GIT_ASKPASS: join(home, 'ask'),
    GIT_EXTERNAL_DIFF: command,
    GIT_PAGER: command,
    GIT_EDITOR: command,
    GIT_PROXY_COMMAND: command,
    GIT_TRACE: join(home, 'trace'),
    GIT_TRACE_CURL: join(home, 'trace-curl'),
    GIT_EXEC_PATH: home,
    GIT_TEMPLATE_DIR: home,
    GIT_DIR: join(home, 'elsewhere'),
    GIT_ALLOW_PROTOCOL: 'ext:file:http',
    HTTP_PROXY: 'http://127.0.0.1:1',
    http_proxy: 'http://127.0.0.1:1',
  });
  const { url } = await serve(origin, TOKEN);
  const directory = join(scratch(), 'mirror.git');
  const mirror = await origin.mirror({ directory, url, token: TOKEN });
  const hooks = ['pre-push', 'reference-transaction', 'post-update', 'pre-auto-gc', 'fsmonitor-watchman', 'proc-receive'];
  mkdirSync(join(directory, 'hooks'), { recursive: true });
  for (const hook of hooks) writeFileSync(join(directory, 'hooks', hook), `#!/bin/sh\ntouch ${ran}\n`, { mode: 0o755 });
  const { tree, commit } = await mirror.pin({ run: 'r1', commit: origin.head() });
  const edited = await mirror.layer(tree, [[{ path: 'a.txt', mode: '100644', content: { utf8: 'b' } }]]);
  expect(await mirror.diff(tree, edited)).toHaveLength(1);
  await mirror.push({ commit, branch: 'converge/r1' });
  expect(existsSync(ran)).toBe(false);
  expect(existsSync(join(home, 'trace'))).toBe(false);
  expect(existsSync(join(home, 'elsewhere'))).toBe(false);
});

test('a submodule and an address of another kind in the tree are fetched from nowhere', async () => {
  const origin = new Origin({ 'a.txt': 'a' });
  const other = new Origin({ 'secret.txt': 's' });
  git(origin.clone, ['update-index', '--add', '--cacheinfo', `160000,${other.head()},sub`]);
  writeFileSync(join(origin.clone, '.gitmodules'), `[submodule "sub"]\n\tpath = sub\n\turl = ${other.bare}\n\tupdate = none\n`);
  git(origin.clone, ['add', '.gitmodules']);
  git(origin.clone, ['commit', '--quiet', '-m', 'sub']);
  git(origin.clone, ['push', '--quiet', 'origin', 'HEAD:refs/heads/main']);
  const { url, requests } = await serve(origin, TOKEN);
  const mirror = await origin.mirror({ url, token: TOKEN });
  const { tree } = await mirror.pin({ run: 'r1', commit: origin.head() });
  expect((await mirror.workspace(tree).read('sub')).kind).toBe('submodule');
  expect(requests.every((request) => request.includes('/origin.git/'))).toBe(true);
  const target = scratch();
  await mirror.materialise(tree, target);
  expect(readdirSync(target).toSorted()).toEqual(['.gitmodules', 'a.txt']);
});

test('git is given what is fixed and nothing else; a token stands in one variable, bound to one origin', () => {
  const fixed = plumbingEnvironment('/usr/bin');
  expect(Object.keys(fixed).filter((name) => !name.startsWith('GIT_'))).toEqual(['PATH', 'HOME', 'LC_ALL']);
  expect(fixed).toMatchObject({
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ALLOW_PROTOCOL: 'none',
  });
  const address = { url: 'https://git.example.org/x.git', scheme: 'https', origin: 'https://git.example.org' } as const;
  const remote = remoteEnvironment('/usr/bin', address, TOKEN);
  expect(remote['GIT_ALLOW_PROTOCOL']).toBe('https');
  const encoded = Buffer.from(`x-access-token:${TOKEN}`).toString('base64');
  const holders = Object.entries(remote).filter(([, value]) => value.includes(encoded) || value.includes(TOKEN));
  expect(holders).toHaveLength(1);
  const key = holders[0]?.[0].replace('VALUE', 'KEY') ?? '';
  expect(remote[key]).toBe('http.https://git.example.org/.extraHeader');
});
