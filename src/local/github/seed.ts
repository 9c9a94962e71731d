import { cp, mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ConvergeError } from '../../domain/errors.ts';
import { branches } from './git.ts';
import type { Site } from './site.ts';
import type { Account, Repository } from './state.ts';
import { findAccount, findRepository, nextId } from './state.ts';

export interface RepositorySeed {
  /** Login of a user that was created. */
  readonly owner: string;
  readonly name: string;
  /** A git repository (bare or not: all its branches come over), or a plain directory (one commit is made of it). */
  readonly from: string;
  readonly defaultBranch?: string;
  readonly private?: boolean;
  /** `owner/name` of the repository that this is a fork of. */
  readonly forkOf?: string;
  /** Whether pushed commits get CI; true unless told. */
  readonly ci?: boolean;
}

/** Seeded commits have a fixed author and date, so that the same directory gives the same commit. */
const SEED_IDENTITY = {
  GIT_AUTHOR_NAME: 'Local GitHub',
  GIT_AUTHOR_EMAIL: 'seed@users.noreply.local',
  GIT_AUTHOR_DATE: '2026-01-01T00:00:00Z',
  GIT_COMMITTER_NAME: 'Local GitHub',
  GIT_COMMITTER_EMAIL: 'seed@users.noreply.local',
  GIT_COMMITTER_DATE: '2026-01-01T00:00:00Z',
};

/** Makes a bare repository below `root` from what is given, and records it. The given directory is only read. */
export async function seedRepository(site: Site, root: string, seed: RepositorySeed): Promise<Repository> {
  const owner = ownerOf(site, seed);
  const directory = resolve(root, seed.owner, `${seed.name}.git`);
  const defaultBranch = seed.defaultBranch ?? 'main';
  await mkdir(join(directory, '..'), { recursive: true });
  if (await isGit(site, seed.from)) await cloneBare(site, resolve(seed.from), directory);
  else await commitDirectory(site, resolve(seed.from), { directory, defaultBranch });
  const known = await branches(site.git, directory);
  const head = known.has(defaultBranch) ? defaultBranch : [...known.keys()][0];
  if (head === undefined) throw new ConvergeError('configuration', `No commit found in ${seed.from}; a repository needs at least one.`);
  await site.git.text(directory, ['symbolic-ref', 'HEAD', `refs/heads/${head}`]);
  const repository: Repository = {
    id: nextId(site.state),
    owner,
    name: seed.name,
    directory,
    defaultBranch: head,
    private: seed.private ?? false,
    parent: parentOf(site, seed),
    ci: seed.ci ?? true,
    roles: new Map(),
    requiredChecks: new Map(),
    lastNumber: 0,
    issues: new Map(),
    createdAt: site.clock(),
    pushedAt: site.clock(),
  };
  site.state.repositories.set(repository.id, repository);
  return repository;
}

function ownerOf(site: Site, seed: RepositorySeed): Account {
  const owner = findAccount(site.state, seed.owner);
  if (!owner) throw new ConvergeError('configuration', `The local GitHub has no account "${seed.owner}"; create the user first.`);
  if (findRepository(site.state, seed.owner, seed.name)) {
    throw new ConvergeError('configuration', `The local GitHub already has ${seed.owner}/${seed.name}; choose another name.`);
  }
  return owner;
}

function parentOf(site: Site, seed: RepositorySeed): Repository | null {
  if (seed.forkOf === undefined) return null;
  const [owner = '', name = ''] = seed.forkOf.split('/');
  const parent = findRepository(site.state, owner, name);
  if (!parent) throw new ConvergeError('configuration', `The local GitHub has no repository "${seed.forkOf}" to fork from.`);
  return parent;
}

/** Whether the directory is itself a repository, bare or with a `.git`; not merely inside of one. */
async function isGit(site: Site, directory: string): Promise<boolean> {
  const found = await stat(directory).catch(() => null);
  if (!found?.isDirectory())
    throw new ConvergeError('configuration', `Expected a directory or a git repository at ${directory}, found none.`);
  const result = await site.git.run(directory, ['rev-parse', '--is-bare-repository', '--show-prefix']);
  if (result.exitCode !== 0) return false;
  const [bare, prefix] = result.stdout.toString('utf8').split('\n');
  if (bare === 'true') return true;
  return prefix === '';
}

async function cloneBare(site: Site, from: string, directory: string): Promise<void> {
  await site.git.text(join(directory, '..'), ['clone', '--quiet', '--bare', '--no-hardlinks', from, directory]);
  await site.git.text(directory, ['remote', 'remove', 'origin']);
}

async function commitDirectory(site: Site, from: string, to: { directory: string; defaultBranch: string }): Promise<void> {
  const place = await mkdtemp(join(tmpdir(), 'converge-local-seed-'));
  try {
    const copy = join(place, 'copy');
    await cp(from, copy, { recursive: true, filter: (path) => !/(^|\/)(node_modules|\.git)$/.test(path) });
    await site.git.text(place, ['init', '--quiet', '--bare', `--initial-branch=${to.defaultBranch}`, to.directory]);
    const environment = { ...SEED_IDENTITY, GIT_DIR: to.directory, GIT_WORK_TREE: copy, GIT_INDEX_FILE: join(place, 'index') };
    await site.git.text(copy, ['add', '--all', '--force'], { environment });
    await site.git.text(copy, ['commit', '--quiet', '--allow-empty', '--no-verify', '-m', 'Initial commit'], { environment });
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}
