import { simpleGit } from 'simple-git';
import { ConvergeError, messageOf } from '../domain/errors.ts';
import { parseRemote, remoteEnvironment } from './environment.ts';
import type { RemoteAddress } from './environment.ts';
import { lastLine } from './spawn.ts';
import type { GitPlace } from './spawn.ts';
import type { Remote } from './workspace.ts';

/** simple-git refuses exactly these parts of our hardening unless they are allowed by name; arguments never hold any of them. */
const ALLOWED = {
  allowUnsafeConfigEnvCount: true,
  allowUnsafeConfigPaths: true,
  allowUnsafeCredentialHelper: true,
  allowUnsafeFsMonitor: true,
  allowUnsafeHooksPath: true,
  allowUnsafeProtocolOverride: true,
};

/** Longest silence of a fetch or push, in milliseconds. */
const SILENCE = 10 * 60_000;

/** Fetch, push and ls-remote of one mirror against its remote; a fresh token for each command. Commands run one after the other. */
export class RemoteGit {
  readonly #place: GitPlace;
  readonly #remote: Remote;
  readonly #address: RemoteAddress;
  #last: Promise<unknown> = Promise.resolve();

  constructor(place: GitPlace, remote: Remote) {
    this.#place = place;
    this.#remote = remote;
    this.#address = parseRemote(remote.url);
  }

  /** Fetches objects and writes them to refs, e.g. `+<commit>:refs/…`. */
  async fetch(refspecs: readonly string[], depth: 1 | 'all'): Promise<void> {
    const fixed = ['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', '--no-recurse-submodules', '--no-auto-maintenance'];
    await this.#run([...fixed, ...(depth === 1 ? ['--depth=1'] : []), '--', this.#address.url, ...refspecs]);
  }

  /** Fetches what is missing below the commits that earlier fetches cut off. */
  async deepen(commits: readonly string[]): Promise<void> {
    const fixed = ['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', '--no-recurse-submodules', '--no-auto-maintenance'];
    await this.#run([...fixed, '--unshallow', '--', this.#address.url, ...commits]);
  }

  /** Commit id of a remote branch; null when there is none. */
  async head(branch: string): Promise<string | null> {
    const ref = `refs/heads/${branch}`;
    const lines = (await this.#run(['ls-remote', '--', this.#address.url, ref])).split('\n').map((line) => line.split('\t'));
    return lines.find(([, name]) => name === ref)?.[0] ?? null;
  }

  /** Pushes without force. Gives null, or what the remote said when it did not take it. */
  push(source: string, branch: string): Promise<string | null> {
    return this.#push([], `${source}:refs/heads/${branch}`, () => this.#remote.mayPush?.());
  }

  /** Deletes a branch that stands on that commit; the server compares. Gives null, or what it said when it did not. */
  delete(branch: string, commit: string): Promise<string | null> {
    return this.#push([`--force-with-lease=refs/heads/${branch}:${commit}`], `:refs/heads/${branch}`);
  }

  async #push(options: readonly string[], refspec: string, may: () => void = () => undefined): Promise<string | null> {
    try {
      await this.#run(['push', '--porcelain', '--no-verify', '--no-recurse-submodules', ...options, '--', this.#address.url, refspec], may);
      return null;
    } catch (error) {
      if (error instanceof ConvergeError && error.retry === 'never' && error.detail !== undefined) return refusal(error.detail);
      throw error;
    }
  }

  async #run(args: string[], may: () => void = () => undefined): Promise<string> {
    const turn = this.#last.then(async () => {
      may();
      return this.#command(args);
    });
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #command(args: string[]): Promise<string> {
    const environment = {
      ...remoteEnvironment(this.#place.searchPath, this.#address, await this.#remote.token()),
      GIT_DIR: this.#place.directory,
    };
    const git = simpleGit({
      baseDir: this.#place.directory,
      unsafe: ALLOWED,
      allowEnvironment: Object.keys(environment),
      timeout: { block: SILENCE },
      // By default a failure that says nothing on standard error counts as success.
      errors: (error, { exitCode, stdOut, stdErr }) => {
        if (exitCode === 0) return error;
        // Node gives no exit code for a process that a signal ended.
        const end = Number.isInteger(exitCode) ? `exit ${exitCode}` : ENDED_BY_SIGNAL;
        return Buffer.concat([...stdErr, Buffer.from('\n'), ...stdOut, Buffer.from(`\n(${end})`)]);
      },
    }).env(environment);
    try {
      return await git.raw(args);
    } catch (error) {
      throw remoteError(args[0] ?? '', messageOf(error));
    }
  }
}

const ENDED_BY_SIGNAL = 'ended by a signal';

const LATER =
  /ended by a signal|died of signal|could not resolve|failed to connect|couldn't connect|connection (?:refused|reset|timed out)|timed out|timeout|early eof|rpc failed|hung up|unexpected disconnect|error: 5\d\d|error: 429|ssl|gnutls|block timeout/iu;

function remoteError(command: string, told: string): ConvergeError {
  const what = command === 'push' ? 'push to' : 'read';
  const text = told.trim();
  const reason = lastLine(/^(?:fatal|remote|error): .*$/gmu.exec(text)?.[0] ?? text);
  if (/authentication failed|could not read username|error: 40[13]/iu.test(text)) {
    return new ConvergeError(
      'git',
      `The repository's git server refused the App's token when Converge tried to ${what} it. Check that the App is installed on the repository with the permission \`contents\`.`,
      { detail: text },
    );
  }
  return new ConvergeError('git', `git could not ${what} the remote repository: ${reason}`, {
    detail: text,
    retry: LATER.test(text) ? 'later' : 'never',
  });
}

/** Why a push was not taken: what the server said, and the reason that git gives for the ref. */
function refusal(text: string): string {
  const remote = [...text.matchAll(/^remote: (.*)$/gmu)].map(([, line]) => line?.trim() ?? '').filter((line) => line !== '');
  const ref = /^!\t\S+\t(.*)$/mu.exec(text)?.[1] ?? /! \[(?:remote )?rejected\].*$/mu.exec(text)?.[0];
  return [...remote, ...(ref === undefined ? [] : [ref])].join('\n').slice(0, 2_000) || lastLine(text);
}
