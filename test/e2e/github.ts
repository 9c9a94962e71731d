import { execFile } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createAppAuth } from '@octokit/auth-app';
import { Octokit } from '@octokit/rest';
import { inheritedEnvironment } from '../../src/config.ts';
import type { LocalGitHub } from '../../src/local/github/server.ts';
import type { World } from '../../src/local/world.ts';
import { writeFiles } from './repository.ts';

const run = promisify(execFile);

export const OWNER = 'acme';
export const REPO = 'tally';
export const HERE = { owner: OWNER, repo: REPO } as const;

/** What people do on the local GitHub, and what they see there. */
interface Site {
  readonly hub: LocalGitHub;
  readonly world: World;
}

/** A person with a token of their own. */
export interface Person {
  readonly login: string;
  readonly octokit: Octokit;
  /** Comments, and gives the comment's id. */
  say(number: number, body: string): Promise<number>;
}

export function commentsOf(hub: LocalGitHub, number: number, login: string): readonly { readonly id: number; readonly body: string }[] {
  return [...hub.state.comments.values()]
    .filter((comment) => comment.issueNumber === number && comment.author.login === login)
    .map(({ id, body }) => ({ id, body }));
}

export function replyTo(hub: LocalGitHub, { number, to, bot }: { number: number; to: number; bot: string }): string | undefined {
  return commentsOf(hub, number, bot).find(({ id, body }) => id > to && !body.startsWith('## Plan'))?.body;
}

export function personWith(hub: LocalGitHub, login: string, token: string): Person {
  const octokit = new Octokit({ baseUrl: hub.apiUrl, auth: token });
  return {
    login,
    octokit,
    say: async (number, body) => (await octokit.rest.issues.createComment({ ...HERE, issue_number: number, body })).data.id,
  };
}

export function newPerson(
  hub: LocalGitHub,
  { login, role, type = 'User' }: { login: string; role: 'write' | 'read'; type?: 'User' | 'Bot' },
): Person {
  const person = personWith(hub, login, hub.createUser(login, { type }).token);
  hub.setPermission(`${OWNER}/${REPO}`, login, role);
  return person;
}

export async function forkedPullRequest({ hub, world }: Site, login: string): Promise<number> {
  const { octokit } = newPerson(hub, { login, role: 'read' });
  const { directory } = await hub.createRepository({
    owner: login,
    name: REPO,
    from: world.directory,
    forkOf: `${OWNER}/${REPO}`,
    ci: false,
  });
  const tip = await git(directory, ['rev-parse', 'main']);
  const commit = await git(directory, [
    '-c',
    'user.name=f',
    '-c',
    'user.email=f@f',
    'commit-tree',
    `${tip}^{tree}`,
    '-p',
    tip,
    '-m',
    'Of a fork',
  ]);
  await git(directory, ['update-ref', 'refs/heads/idea', commit]);
  return (await octokit.rest.pulls.create({ ...HERE, title: 'An idea', head: `${login}:idea`, base: 'main' })).data.number;
}

export async function redeliver({ hub, world }: Site): Promise<void> {
  const octokit = new Octokit({
    baseUrl: hub.apiUrl,
    authStrategy: createAppAuth,
    auth: { appId: world.appId, privateKey: world.privateKey },
  });
  const taken = (code: number | null): boolean => code === null || (code >= 200 && code < 300);
  const all = [...hub.state.deliveries.values()];
  const lost = all.filter(({ guid, event }) => event === 'issue_comment' && !all.some((one) => one.guid === guid && taken(one.statusCode)));
  for (const guid of new Set(lost.map((delivery) => delivery.guid))) {
    const { id } = lost.find((delivery) => delivery.guid === guid) ?? { id: 0 };
    await octokit.rest.apps.redeliverWebhookDelivery({ delivery_id: id });
  }
}

export async function git(directory: string, args: readonly string[]): Promise<string> {
  const { stdout } = await run('git', [...args], {
    cwd: directory,
    maxBuffer: 64_000_000,
    env: { ...inheritedEnvironment(), GIT_CONFIG_GLOBAL: '/dev/null' },
  });
  return stdout.replace(/\n$/u, '');
}

export async function pushFiles(
  { hub, world, scratch }: Site & { readonly scratch: string },
  { branch, files, message }: { branch: string; files: Readonly<Record<string, string>>; message: string },
): Promise<string> {
  const directory = await mkdtemp(join(scratch, 'clone-'));
  const header = `http.extraHeader=Authorization: Basic ${Buffer.from(`x-access-token:${world.personToken}`).toString('base64')}`;
  await git(directory, ['clone', '--quiet', '--branch', branch, world.directory, '.']);
  await writeFiles(directory, files);
  await git(directory, ['add', '--all', '--force']);
  await git(directory, [
    '-c',
    'user.name=robin',
    '-c',
    'user.email=robin@users.noreply.local',
    'commit',
    '--quiet',
    '--allow-empty',
    '-m',
    message,
  ]);
  await git(directory, ['-c', header, 'push', '--quiet', `${hub.url}/${OWNER}/${REPO}.git`, `HEAD:refs/heads/${branch}`]);
  return git(directory, ['rev-parse', 'HEAD']);
}
