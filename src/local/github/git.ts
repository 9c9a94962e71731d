import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ConvergeError } from '../../domain/errors.ts';

/** What `git` is looked up on: the server's own environment is never handed on to git or to hooks. */
const SEARCH_PATH = '/usr/local/bin:/opt/homebrew/bin:/usr/bin:/bin';

interface GitResult {
  readonly exitCode: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

interface GitCall {
  readonly input?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** git, in one bare repository after the other, with an environment that holds nothing of the machine's. */
export interface Git {
  /** Starts git; `directory` is the working directory. */
  start(directory: string, args: readonly string[], environment?: Readonly<Record<string, string>>): ChildProcessWithoutNullStreams;
  /** Runs git to its end, whatever the exit code. */
  run(directory: string, args: readonly string[], call?: GitCall): Promise<GitResult>;
  /** Standard output as text; ends in ConvergeError `git` on any other exit code than 0. */
  text(directory: string, args: readonly string[], call?: GitCall): Promise<string>;
}

/**
 * The pre-receive hook that refuses a push as a whole when the token may not touch workflows and a pushed commit does, also a
 * merge of base commits that do (facts/github.md §6). CONVERGE_LOCAL_WORKFLOWS is set by git-http.ts.
 */
const PRE_RECEIVE = `#!/bin/sh
zero=0000000000000000000000000000000000000000
while read -r old new ref; do
  case "$ref" in refs/pull/*) echo "deny updating a hidden ref" >&2; exit 1;; esac
  if [ "$CONVERGE_LOCAL_WORKFLOWS" != write ] && [ "$new" != "$zero" ]; then
    touched=$(git log -m --name-only --format= "$new" --not --all -- .github/workflows | head -n 1)
    if [ -n "$touched" ]; then
      echo "refusing to allow a GitHub App to create or update workflow \\\`$touched\\\` without \\\`workflows\\\` permission" >&2
      exit 1
    fi
  fi
done
exit 0
`;

const CONFIGURATION = (hooks: string): string => `[core]
\thooksPath = ${hooks}
[safe]
\tdirectory = *
[http]
\treceivepack = true
[uploadpack]
\tallowFilter = true
\tallowAnySHA1InWant = true
[gc]
\tauto = 0
[maintenance]
\tauto = false
[receive]
\tautogc = false
[init]
\tdefaultBranch = main
`;

/** Writes git's configuration and hooks below `root` and gives the git that uses them. */
export async function createGit(root: string): Promise<Git> {
  const settings = resolve(root, '.git-settings');
  const hooks = join(settings, 'hooks');
  await mkdir(hooks, { recursive: true });
  await writeFile(join(hooks, 'pre-receive'), PRE_RECEIVE, { mode: 0o755 });
  await writeFile(join(settings, 'config'), CONFIGURATION(hooks));
  const base = {
    PATH: SEARCH_PATH,
    HOME: settings,
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: join(settings, 'config'),
    GIT_TERMINAL_PROMPT: '0',
  };
  const start: Git['start'] = (directory, args, environment = {}) =>
    spawn('git', args, { cwd: directory, env: { ...base, ...environment }, stdio: ['pipe', 'pipe', 'pipe'] });
  const run: Git['run'] = (directory, args, call = {}) => collect(start(directory, args, call.environment), call.input);
  return {
    start,
    run,
    async text(directory, args, call) {
      const result = await run(directory, args, call);
      if (result.exitCode === 0) return result.stdout.toString('utf8');
      throw new ConvergeError('git', `git ${args[0] ?? ''} ended with ${result.exitCode} in the local GitHub: ${result.stderr.trim()}`, {
        detail: `${directory}: git ${args.join(' ')}`,
      });
    },
  };
}

function collect(child: ChildProcessWithoutNullStreams, input: string | undefined): Promise<GitResult> {
  return new Promise((done, failed) => {
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (bytes: Buffer) => stdout.push(bytes));
    child.stderr.on('data', (bytes: Buffer) => stderr.push(bytes));
    child.on('error', failed);
    child.on('close', (code) =>
      done({ exitCode: code ?? 1, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString('utf8') }),
    );
    // git may end before it read everything; its exit code tells, not the broken pipe.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input ?? '');
  });
}

/** The full id of the commit that `revision` names, or null. Names that git would take for an option are no revision. */
export async function commitOf(git: Git, directory: string, revision: string): Promise<string | null> {
  if (revision === '' || revision.startsWith('-')) return null;
  const result = await git.run(directory, ['rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`]);
  return result.exitCode === 0 ? result.stdout.toString('utf8').trim() : null;
}

/** Every branch (without `refs/heads/`) and its tip. */
export async function branches(git: Git, directory: string): Promise<Map<string, string>> {
  const text = await git.text(directory, ['for-each-ref', '--format=%(objectname) %(refname:lstrip=2)', 'refs/heads']);
  const lines = text.split('\n').filter((line) => line !== '');
  return new Map(lines.map((line) => [line.slice(41), line.slice(0, 40)]));
}

/** The merge base of two commits, or null for unrelated histories. */
export async function mergeBase(git: Git, directory: string, [one, other]: readonly [string, string]): Promise<string | null> {
  const result = await git.run(directory, ['merge-base', one, other]);
  return result.exitCode === 0 ? result.stdout.toString('utf8').trim() : null;
}
