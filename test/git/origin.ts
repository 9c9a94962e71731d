import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { openRepository } from '../../src/git/mirror.ts';
import type { Repository } from '../../src/git/workspace.ts';

const SETTINGS = {
  PATH: '/usr/local/bin:/usr/bin:/bin',
  HOME: '/nonexistent',
  LC_ALL: 'C',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_AUTHOR_NAME: 'Ada Person',
  GIT_AUTHOR_EMAIL: 'ada@example.com',
  GIT_COMMITTER_NAME: 'Ada Person',
  GIT_COMMITTER_EMAIL: 'ada@example.com',
};

export const BOT = { name: 'converge[bot]', email: '1+converge[bot]@users.noreply.github.com' };

/** A directory that is gone when the test is over. */
export function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), 'converge-git-'));
  onTestFinished(async () => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** git as a person runs it, in any directory. */
export function git(cwd: string, args: readonly string[], options: { input?: string | Buffer; env?: Record<string, string> } = {}): string {
  return execFileSync('git', args, {
    cwd,
    env: { ...SETTINGS, ...options.env },
    input: options.input ?? '',
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'pipe'],
  }).trimEnd();
}

/** A person's clone with the given files in one commit, and the bare repository that it was pushed to. */
export class Origin {
  readonly bare: string;
  readonly clone: string;

  constructor(files: Readonly<Record<string, string | Buffer>>) {
    const root = scratch();
    this.bare = join(root, 'origin.git');
    this.clone = join(root, 'clone');
    git(root, ['init', '--quiet', '--bare', '--initial-branch=main', this.bare]);
    git(this.bare, ['config', 'http.receivepack', 'true']);
    git(root, ['clone', '--quiet', this.bare, this.clone]);
    git(this.clone, ['checkout', '--quiet', '-B', 'main']);
    this.commit(files, 'first');
  }

  /** Writes files, commits everything, pushes to `branch`; the commit's id. */
  commit(files: Readonly<Record<string, string | Buffer>>, message: string, branch = 'main'): string {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(this.clone, path)), { recursive: true });
      writeFileSync(join(this.clone, path), content);
    }
    git(this.clone, ['add', '-A']);
    git(this.clone, ['commit', '--quiet', '--allow-empty', '-m', message]);
    git(this.clone, ['push', '--quiet', 'origin', `HEAD:refs/heads/${branch}`]);
    return this.head();
  }

  head(): string {
    return git(this.clone, ['rev-parse', 'HEAD']);
  }

  /** Tip of a branch of the bare repository; the empty text when there is none. */
  branch(name: string): string {
    return git(this.bare, ['for-each-ref', '--format=%(objectname)', `refs/heads/${name}`]);
  }

  /** A mirror of it, closed with the test. */
  async mirror(options: { directory?: string; url?: string; token?: string; mayPush?: () => void } = {}): Promise<Repository> {
    const repository = await openRepository({
      directory: options.directory ?? join(scratch(), 'mirror.git'),
      remote: {
        url: options.url ?? this.bare,
        token: async () => options.token,
        ...(options.mayPush === undefined ? {} : { mayPush: options.mayPush }),
      },
      bot: BOT,
    });
    onTestFinished(async () => repository.close());
    return repository;
  }
}

/** Smart HTTP by git's own backend on loopback; asks for the token when one is given and counts what came. */
export async function serve(origin: Origin, token?: string): Promise<{ url: string; requests: string[] }> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method ?? ''} ${request.url ?? ''}`);
    const expected = token === undefined ? undefined : `Basic ${Buffer.from(`x-access-token:${token}`).toString('base64')}`;
    if (request.headers.authorization !== expected) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="test"' }).end();
      return;
    }
    const [path = '', query = ''] = (request.url ?? '').split('?');
    const child = spawn('git', ['http-backend'], {
      env: {
        ...SETTINGS,
        GIT_PROJECT_ROOT: dirname(origin.bare),
        GIT_HTTP_EXPORT_ALL: '1',
        PATH_INFO: path,
        QUERY_STRING: query,
        REQUEST_METHOD: request.method ?? '',
        CONTENT_TYPE: request.headers['content-type'] ?? '',
        HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
        GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
        REMOTE_USER: 'test',
      },
    });
    request.pipe(child.stdin);
    const pieces: Buffer[] = [];
    child.stdout.on('data', (piece: Buffer) => pieces.push(piece));
    child.once('close', () => {
      const all = Buffer.concat(pieces);
      const end = all.indexOf('\r\n\r\n');
      const headers = all
        .toString('latin1', 0, end)
        .split('\r\n')
        .map((line) => line.split(': '));
      const status = Number(headers.find(([name]) => name === 'Status')?.[1]?.slice(0, 3) ?? 200);
      response.writeHead(status, Object.fromEntries(headers.filter(([name]) => name !== 'Status')));
      response.end(all.subarray(end + 4));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => new Promise<void>((resolve) => server.close(() => resolve())));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/origin.git`, requests };
}
