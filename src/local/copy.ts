import { access, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { simpleGit, type SimpleGit } from 'simple-git';
import { inheritedEnvironment } from '../config.ts';
import { CONFIGURATION_PATH } from '../control/migrate.ts';
import { ConvergeError, messageOf } from '../domain/errors.ts';

export interface Copy {
  /** A repository of its own; the given one was only read. */
  readonly directory: string;
  /** Branch that was checked out there: what the migration starts from. */
  readonly base: string;
  /** Holds the configuration on top of the base, so that the result does not carry it. */
  readonly defaultBranch: string;
  /** Uncommitted files that the copy does not have. */
  readonly uncommitted: readonly string[];
  /** Dependencies that are installed there, for checks to read. */
  readonly readOnly: readonly { readonly from: string; readonly at: string }[];
}

const CONFIGURATION_BRANCH = 'converge-configuration';
const INSTALLED = ['node_modules', '.venv', 'vendor'];

/**
 * Copies a repository for a try: its commits, not its uncommitted files. Where its own configuration does not enable Converge, a configuration is laid over
 * the copy, on a branch of its own. Ends in a ConvergeError of kind `git` for a path that is no repository or has no commit.
 */
export async function copyRepository(path: string, directory: string): Promise<Copy> {
  const from = resolve(path);
  const given = gitIn(from);
  const base = await currentBranch(given, from);
  const { files } = await given.status(['--ignore-submodules=all']);
  const copy = join(directory, 'copy');
  await mkdir(copy, { recursive: true });
  await gitIn(directory).clone(from, copy, ['--no-hardlinks', '--quiet', '--branch', base]);
  await layConfiguration(copy);
  return {
    directory: copy,
    base,
    defaultBranch: CONFIGURATION_BRANCH,
    uncommitted: files.map((file) => file.path),
    readOnly: await installed(from),
  };
}

function gitIn(directory: string): SimpleGit {
  try {
    // Its own user's repository on its own user's machine: git as the user has it.
    return simpleGit(directory).env({ ...inheritedEnvironment(), LC_ALL: 'C' });
  } catch (error) {
    throw new ConvergeError('git', `Found no directory at ${directory}, expected a git repository. Give the path of one.`, {
      cause: error,
    });
  }
}

async function currentBranch(git: SimpleGit, path: string): Promise<string> {
  try {
    const branch = (await git.revparse(['--abbrev-ref', 'HEAD'])).trim();
    if (branch !== 'HEAD') return branch;
  } catch (error) {
    throw new ConvergeError(
      'git',
      `Found no git repository with a commit at ${path}, expected one (${messageOf(error).split('\n', 1)[0] ?? ''}). Give the path of one.`,
      { cause: error },
    );
  }
  throw new ConvergeError(
    'git',
    `Found a detached HEAD at ${path}, expected a branch that the migration can start from. Check one out there.`,
  );
}

async function layConfiguration(copy: string): Promise<void> {
  const git = gitIn(copy);
  await git.checkoutLocalBranch(CONFIGURATION_BRANCH);
  const file = join(copy, CONFIGURATION_PATH);
  const there = await access(file).then(
    () => true,
    () => false,
  );
  if (there) return;
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, 'enabled: true\n');
  await git.addConfig('user.name', 'Converge').addConfig('user.email', 'converge@users.noreply.local').add(['--force', CONFIGURATION_PATH]);
  await git.commit('Configuration for a try', ['--no-verify', '--no-gpg-sign']);
}

async function installed(from: string): Promise<Copy['readOnly']> {
  const found = await Promise.all(
    INSTALLED.map((at) =>
      access(join(from, at)).then(
        () => [{ from: join(from, at), at }],
        () => [],
      ),
    ),
  );
  return found.flat();
}
