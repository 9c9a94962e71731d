import { execFile } from 'node:child_process';
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Octokit } from '@octokit/rest';
import { ProbotOctokit } from 'probot';
import type { LocalGitHub, LocalGitHubOptions } from '../../../src/local/github/server.ts';
import { startLocalGitHub } from '../../../src/local/github/server.ts';
import type { Permissions } from '../../../src/local/github/state.ts';

const run = promisify(execFile);

/** Every permission Converge asks for, and none more. */
export const PERMISSIONS: Permissions = {
  contents: 'write',
  pull_requests: 'write',
  issues: 'write',
  checks: 'write',
  statuses: 'read',
  actions: 'read',
};

export const EVENTS = ['issue_comment', 'issues', 'pull_request', 'pull_request_review', 'push', 'check_run', 'check_suite', 'status'];

interface Hook {
  readonly event: string;
  readonly guid: string;
  readonly signed: boolean;
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: {
    action?: string;
    installation?: { id: number };
    sender: { login: string; type: string };
    repository?: { full_name: string };
    [key: string]: unknown;
  };
}

/** What an App hears; `status` is answered to the next deliveries. */
class Receiver {
  readonly hooks: Hook[] = [];
  status = 200;
  readonly #secret: string;
  readonly #server: Server;
  #waiting: (() => void)[] = [];

  constructor(secret: string) {
    this.#secret = secret;
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (bytes: Buffer) => chunks.push(bytes));
      request.on('end', () => {
        const body = Buffer.concat(chunks);
        const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, [value ?? ''].flat().join(', ')]));
        const expected = Buffer.from(`sha256=${createHmac('sha256', this.#secret).update(body).digest('hex')}`);
        const given = Buffer.from(headers['x-hub-signature-256'] ?? '');
        const signed = given.length === expected.length && timingSafeEqual(given, expected);
        const payload = JSON.parse(body.toString('utf8'));
        this.hooks.push({ event: headers['x-github-event'] ?? '', guid: headers['x-github-delivery'] ?? '', signed, headers, payload });
        response.writeHead(this.status).end();
        for (const wake of this.#waiting.splice(0)) wake();
      });
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done));
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/`;
  }

  of(event: string, action?: string): readonly Hook[] {
    return this.hooks.filter((hook) => hook.event === event && (action === undefined || hook.payload.action === action));
  }

  /** The `count`th delivery of an event, as soon as it is there; the test's own limit of time ends the waiting. */
  async waitFor(event: string, action?: string, count = 1): Promise<Hook> {
    for (;;) {
      const found = this.of(event, action)[count - 1];
      if (found) return found;
      await new Promise<void>((wake) => this.#waiting.push(wake));
    }
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((done) => this.#server.close(() => done()));
  }
}

export interface Fixture {
  readonly hub: LocalGitHub;
  /** `acme/widgets`, owned by the organisation acme; alice may write, mallory reads. */
  readonly owner: 'acme';
  readonly repo: 'widgets';
  readonly tokens: { readonly alice: string; readonly mallory: string };
  readonly alice: Octokit;
  readonly mallory: Octokit;
  readonly app: { id: number; slug: string; privateKey: string; secret: string; installationId: number };
  /** Octokit as the App itself (JWT). */
  readonly asApp: ProbotOctokit;
  /** Octokit as the installation, minting tokens as Probot does. */
  readonly bot: ProbotOctokit;
  readonly receiver: Receiver;
  /** Moves the server's clock; it stands still otherwise only when told to. */
  readonly advance: (milliseconds: number) => void;
  /** An empty directory of this fixture. */
  readonly scratch: string;
  /** git with a token in `http.extraHeader`; rejects with git's own words. */
  readonly git: (directory: string, args: readonly string[], token?: string) => Promise<string>;
  /** A new installation token, narrowed as asked. */
  readonly mint: (narrowed?: { permissions?: Record<string, string>; repository_ids?: number[] }) => Promise<string>;
  /** A clone of acme/widgets as alice. */
  readonly clone: (token?: string) => Promise<string>;
  /** Writes files on a new branch, pushes it, and gives its commit. */
  readonly pushBranch: (branch: string, files: Readonly<Record<string, string>>, token?: string) => Promise<string>;
}

export interface FixtureOptions extends Partial<Omit<LocalGitHubOptions, 'root' | 'clock'>> {
  readonly files?: Readonly<Record<string, string>>;
  readonly permissions?: Permissions;
  readonly private?: boolean;
}

export const FILES: Readonly<Record<string, string>> = {
  'README.md': '# Widgets\n',
  'src/one.js': Array.from({ length: 30 }, (_, index) => `export const line${index + 1} = ${index + 1};\n`).join(''),
  'src/two.js': 'export const two = 2;\n',
};

export async function writeFiles(directory: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), text);
  }
}

/** An Octokit with a token, without pauses between writes. */
export function octokit(hub: Pick<LocalGitHub, 'apiUrl'>, token?: string): Octokit {
  const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
  return new Octokit({ baseUrl: hub.apiUrl, log: quiet, ...(token === undefined ? {} : { auth: token }) });
}

const GIT = [
  '-c',
  'user.name=Alice',
  '-c',
  'user.email=alice@users.noreply.local',
  '-c',
  'commit.gpgsign=false',
  '-c',
  'init.defaultBranch=main',
];

async function git(directory: string, args: readonly string[], token?: string): Promise<string> {
  const basic =
    token === undefined ? [] : ['-c', `http.extraHeader=Authorization: Basic ${Buffer.from(`x-access-token:${token}`).toString('base64')}`];
  const environment = { PATH: process.env['PATH'] ?? '', HOME: directory, GIT_TERMINAL_PROMPT: '0', GIT_CONFIG_NOSYSTEM: '1' };
  const result = await run('git', [...GIT, ...basic, ...args], { cwd: directory, env: environment });
  return result.stdout.trim();
}

/** A local GitHub with acme/widgets, alice (write), mallory (read) and an installed App that hears everything. */
export async function withLocalGitHub<T>(use: (fixture: Fixture) => Promise<T>, options: FixtureOptions = {}): Promise<T> {
  const root = await mkdtemp(join(tmpdir(), 'converge-local-github-'));
  const { files, permissions, private: isPrivate, ...server } = options;
  let skew = 0;
  const hub = await startLocalGitHub({ ...server, root: join(root, 'repositories'), clock: () => Date.now() + skew });
  const receiver = new Receiver('a secret of the tests');
  try {
    const scratch = join(root, 'scratch');
    await mkdir(scratch);
    await writeFiles(join(root, 'seed'), files ?? FILES);
    hub.createUser('acme', { type: 'Organization' });
    const tokens = { alice: hub.createUser('alice').token, mallory: hub.createUser('mallory').token };
    await hub.createRepository({ owner: 'acme', name: 'widgets', from: join(root, 'seed'), private: isPrivate ?? false });
    hub.setPermission('acme/widgets', 'alice', 'write');
    hub.setPermission('acme/widgets', 'mallory', 'read');
    const secret = 'a secret of the tests';
    const facts = { slug: 'converge', name: 'Converge', permissions: permissions ?? PERMISSIONS, events: EVENTS };
    const created = await hub.createApp({ ...facts, webhookUrl: await receiver.listen(), webhookSecret: secret });
    const app = { ...created, secret, installationId: hub.install(created.id, 'acme/widgets') };
    const credentials = { appId: app.id, privateKey: app.privateKey };
    const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
    const base = { baseUrl: hub.apiUrl, log: quiet, throttle: { enabled: false }, retry: { enabled: false } };
    const asApp = new ProbotOctokit({ ...base, auth: credentials });
    const bot = new ProbotOctokit({ ...base, auth: { ...credentials, installationId: app.installationId } });
    const clone = async (token = tokens.alice): Promise<string> => {
      const directory = await mkdtemp(join(scratch, 'clone-'));
      await git(directory, ['clone', '--quiet', `${hub.url}/acme/widgets.git`, '.'], token);
      return directory;
    };
    const pushBranch: Fixture['pushBranch'] = async (branch, changed, token = tokens.alice) => {
      const directory = await clone(token);
      await git(directory, ['checkout', '--quiet', '-b', branch]);
      await writeFiles(directory, changed);
      await git(directory, ['add', '--all']);
      await git(directory, ['commit', '--quiet', '--allow-empty', '-m', `Work on ${branch}`]);
      await git(directory, ['push', '--quiet', 'origin', branch], token);
      return git(directory, ['rev-parse', 'HEAD']);
    };
    const mint: Fixture['mint'] = async (narrowed = {}) => {
      const answer = await asApp.rest.apps.createInstallationAccessToken({ installation_id: app.installationId, ...narrowed });
      return answer.data.token;
    };
    return await use({
      hub,
      owner: 'acme',
      repo: 'widgets',
      tokens,
      alice: octokit(hub, tokens.alice),
      mallory: octokit(hub, tokens.mallory),
      app,
      asApp,
      bot,
      receiver,
      advance: (milliseconds) => {
        skew += milliseconds;
      },
      scratch,
      git,
      mint,
      clone,
      pushBranch,
    });
  } finally {
    await hub.close();
    await receiver.close();
    await rm(root, { recursive: true, force: true });
  }
}

/** What Octokit rejected with: status, message and GitHub's errors. */
export async function refusal(
  promise: Promise<unknown>,
): Promise<{ status: number; message: string; errors: unknown; headers: Record<string, unknown> }> {
  try {
    await promise;
  } catch (thrown) {
    const error = thrown as {
      status: number;
      response?: { data?: { message?: string; errors?: unknown }; headers: Record<string, unknown> };
    };
    if (typeof error.status !== 'number') throw thrown;
    return {
      status: error.status,
      message: error.response?.data?.message ?? '',
      errors: error.response?.data?.errors,
      headers: error.response?.headers ?? {},
    };
  }
  throw new Error('Expected GitHub to refuse, and it did not');
}
