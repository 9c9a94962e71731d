import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../../domain/errors.ts';
import { createCheckRun, suiteFor, updateCheckRun } from './checks.ts';
import { CAPS } from './limits.ts';
import type { Site } from './site.ts';
import type { App, CheckConclusion, CheckRun, CheckSuite, Repository } from './state.ts';
import { fullName } from './state.ts';

/** One check of the repository's CI, as the runner found it. */
export interface CiRun {
  readonly name: string;
  readonly conclusion: CheckConclusion;
  /** Output; what is longer than a check run's summary is cut at the front. */
  readonly summary: string;
}

export interface CiRunner {
  /** Runs the repository's own tests on the files in `directory` (no git below it), which is removed afterwards. */
  run(directory: string, repository: CiRepository, signal: AbortSignal): Promise<readonly CiRun[]>;
}

export interface CiRepository {
  readonly owner: string;
  readonly name: string;
  readonly sha: string;
  readonly branch: string;
}

interface Request {
  readonly repository: Repository;
  readonly sha: string;
  readonly branch: string;
  readonly suite: CheckSuite;
  readonly placeholder: CheckRun;
}

/** The name under which CI is seen until the runner tells its own names. */
const PLACEHOLDER = 'ci';

/** CI of all repositories, one commit at a time; a commit that has had CI is not run again. */
export class Ci {
  readonly #runner: CiRunner;
  readonly #app: App;
  readonly #closing = new AbortController();
  readonly #waiting: Request[] = [];
  #working: Promise<void> | null = null;

  constructor(runner: CiRunner, app: App) {
    this.#runner = runner;
    this.#app = app;
  }

  /** Puts a commit into the queue; its check run is there at once, queued. */
  request(site: Site, repository: Repository, push: { sha: string; branch: string }): void {
    const known = [...site.state.checkSuites.values()].some(
      (suite) => suite.repository === repository && suite.app === this.#app && suite.headSha === push.sha,
    );
    if (known || this.#closing.signal.aborted) return;
    const suite = suiteFor(site, repository, { app: this.#app, ...push });
    const placeholder = createCheckRun(site, suite, {
      name: PLACEHOLDER,
      status: 'queued',
      conclusion: null,
      externalId: '',
      detailsUrl: null,
      startedAt: site.clock(),
      completedAt: null,
      output: { title: null, summary: null, text: null },
      annotations: [],
      actions: [],
    });
    this.#waiting.push({ repository, ...push, suite, placeholder });
    this.#working ??= this.#work(site);
  }

  get busy(): boolean {
    return this.#working !== null;
  }

  /** Resolves when the queue is empty. */
  async settled(): Promise<void> {
    while (this.#working) await this.#working;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.settled();
  }

  async #work(site: Site): Promise<void> {
    for (let next = this.#waiting.shift(); next && !this.#closing.signal.aborted; next = this.#waiting.shift()) {
      updateCheckRun(site, next.placeholder, { status: 'in_progress', startedAt: site.clock() });
      report(site, next, await this.#run(site, next));
    }
    this.#working = null;
  }

  async #run(site: Site, { repository, sha, branch }: Request): Promise<readonly CiRun[]> {
    const place = await mkdtemp(join(tmpdir(), 'converge-local-ci-'));
    const directory = join(place, repository.name);
    try {
      await checkOut(site, repository, { sha, directory });
      return await this.#runner.run(directory, { owner: repository.owner.login, name: repository.name, sha, branch }, this.#closing.signal);
    } catch (thrown) {
      const summary = `The local CI could not run on ${fullName(repository)} at ${sha}: ${messageOf(thrown)}`;
      return [{ name: PLACEHOLDER, conclusion: 'failure', summary }];
    } finally {
      await rm(place, { recursive: true, force: true });
    }
  }
}

/** The commit's files without a repository around them: tests that look for git find none, as in the sandbox. */
async function checkOut(site: Site, repository: Repository, { sha, directory }: { sha: string; directory: string }): Promise<void> {
  await mkdir(directory);
  const environment = { GIT_INDEX_FILE: `${directory}.index`, GIT_DIR: repository.directory, GIT_WORK_TREE: directory };
  await site.git.text(directory, ['read-tree', sha], { environment });
  await site.git.text(directory, ['checkout-index', '--all', '--force'], { environment });
}

/** The first result takes the place of the check run that was queued. */
function report(site: Site, request: Request, results: readonly CiRun[]): void {
  const told: readonly CiRun[] =
    results.length > 0 ? results : [{ name: PLACEHOLDER, conclusion: 'skipped', summary: 'The repository has no checks to run.' }];
  // The others first: the suite is complete only with the last one.
  for (const result of told.slice(1)) {
    const { startedAt } = request.placeholder;
    createCheckRun(site, request.suite, {
      ...outcome(site, result),
      externalId: '',
      detailsUrl: null,
      startedAt,
      annotations: [],
      actions: [],
    });
  }
  for (const result of told.slice(0, 1)) updateCheckRun(site, request.placeholder, outcome(site, result));
}

function outcome(
  site: Site,
  { name, conclusion, summary }: CiRun,
): Pick<CheckRun, 'name' | 'status' | 'conclusion' | 'completedAt' | 'output'> {
  const output = { title: `${name}: ${conclusion}`, summary: summary.slice(-CAPS.checkText), text: null };
  return { name, status: 'completed', conclusion, completedAt: site.clock(), output };
}
