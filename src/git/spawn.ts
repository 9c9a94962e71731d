import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { ConvergeError } from '../domain/errors.ts';
import { DEFAULT_SEARCH_PATH, plumbingEnvironment } from './environment.ts';

/** A bare repository and where git is looked up. */
export interface GitPlace {
  readonly directory: string;
  readonly searchPath: string;
}

export interface PlumbingOptions {
  readonly input?: string | Buffer;
  readonly signal?: AbortSignal | undefined;
  /** Exit codes that are answers; only 0 unless told. */
  readonly codes?: readonly number[];
  /** Called for each piece of standard output instead of collecting it; `false` ends git and what came so far holds. */
  readonly onOutput?: (piece: Buffer) => boolean;
}

export interface PlumbingResult {
  readonly exitCode: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

const OLDEST = [2, 38] as const;

/** Runs git in `place` with no protocol allowed. Another exit code than `codes` is a ConvergeError of kind `git`. */
export async function plumbing(place: GitPlace, args: readonly string[], options: PlumbingOptions = {}): Promise<PlumbingResult> {
  const { promise, resolve, reject } = Promise.withResolvers<PlumbingResult>();
  const child = spawn('git', args, {
    cwd: place.directory,
    env: { ...plumbingEnvironment(place.searchPath), GIT_DIR: place.directory },
    signal: options.signal,
    stdio: 'pipe',
  });
  child.once('error', (error) => {
    reject(options.signal?.aborted === true ? error : startError(error, place));
  });
  // Without a free file descriptor there is a child without pipes, and the event that says so.
  if (child.pid === undefined) return promise;
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  let cut = false;
  child.stdout.on('data', (piece: Buffer) => {
    if (options.onOutput === undefined) stdout.push(piece);
    else if (!cut && !goesOn(options.onOutput, piece)) {
      cut = true;
      child.kill('SIGKILL');
    }
  });
  // What a reader throws ends the command, not the process.
  const goesOn = (read: (piece: Buffer) => boolean, piece: Buffer): boolean => {
    try {
      return read(piece);
    } catch (error) {
      reject(error);
      return false;
    }
  };
  child.stderr.on('data', (piece: Buffer) => stderr.push(piece));
  // git that ends before it has read all is told by its exit code.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  child.once('close', (code, killed) => {
    const result = { exitCode: cut ? 0 : (code ?? 128), stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString('utf8') };
    if ((cut || killed === null) && (options.codes ?? [0]).includes(result.exitCode)) resolve(result);
    else reject(endError(place, args, { exitCode: code, signal: cut ? null : killed, stderr: result.stderr, retry: 'never' }));
  });
  return promise;
}

/** Standard output of `plumbing` as text, without the newline at its end. */
export async function plumbingText(place: GitPlace, args: readonly string[], options: PlumbingOptions = {}): Promise<string> {
  const { stdout } = await plumbing(place, args, options);
  return stdout.toString('utf8').replace(/\n$/u, '');
}

interface End {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stderr: string;
  /** Whether what git itself complained of is worth another try. */
  readonly retry: 'never' | 'later';
}

/** Why a git ended. A signal says nothing of what git was asked: it may be the one that ends this whole service. */
export function endError(place: GitPlace, args: readonly string[], { exitCode, signal, stderr, retry }: End): ConvergeError {
  const command = args[0] ?? '';
  if (signal !== null) {
    return new ConvergeError('git', `git ${command} was ended by ${signal} before it had done its work.`, { retry: 'later' });
  }
  return new ConvergeError('git', `git ${command} failed: ${lastLine(stderr)}`, {
    retry,
    detail: `git ${args.join(' ')} in ${place.directory}: exit ${exitCode}: ${stderr}`,
  });
}

/** What the machine may have again in a moment: file descriptors, processes, memory. */
const SHORT = new Set(['EMFILE', 'ENFILE', 'EAGAIN', 'ENOMEM']);

/** What a git that could not be started means: no git, no directory, or a machine that has no room for it now. */
export function startError(error: Error, place: GitPlace): ConvergeError {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (code === 'ENOENT' && existsSync(place.directory)) return missingGit(place.searchPath, error);
  return new ConvergeError('git', `git could not be started: ${error.message}`, {
    retry: SHORT.has(code) ? 'later' : 'never',
    detail: `in ${place.directory}`,
    cause: error,
  });
}

function missingGit(searchPath: string, cause: Error): ConvergeError {
  return new ConvergeError(
    'git',
    '`git` was not found on PATH. Install git 2.38 or newer (Debian and Ubuntu: `apt-get install git`) and start Converge again.',
    {
      detail: `looked in ${searchPath}`,
      cause,
    },
  );
}

/** The version of the git that is found, e.g. `2.39.5`. ConvergeError of kind `git` when there is none or it is older than 2.38. */
export async function requireGit(searchPath: string = DEFAULT_SEARCH_PATH): Promise<string> {
  const text = await plumbingText({ directory: '/', searchPath }, ['--version']);
  const [, major = '0', minor = '0', rest = ''] = /(\d+)\.(\d+)(\S*)/u.exec(text) ?? [];
  if (Number(major) < OLDEST[0] || (Number(major) === OLDEST[0] && Number(minor) < OLDEST[1])) {
    throw new ConvergeError(
      'git',
      `git ${major}.${minor}${rest} was found, but Converge needs git ${OLDEST.join('.')} or newer. Install a newer git and start Converge again.`,
    );
  }
  return `${major}.${minor}${rest}`;
}

/** Last line that says something, for a message to people. */
export function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.slice(0, 500) || 'it said nothing';
}
