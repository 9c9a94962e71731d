import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFailed } from 'vitest';
import { inheritedEnvironment } from '../../src/config.ts';
import { runId } from '../../src/control/run-id.ts';
import { startApp } from '../../src/local/app-process.ts';
import type { Child } from '../../src/local/child.ts';
import { type LocalClaude, type LocalClaudeOptions, startLocalClaude } from '../../src/local/claude/server.ts';
import { freePort } from '../../src/local/free-port.ts';
import type { LocalGitHub } from '../../src/local/github/server.ts';
import { RunFacts } from '../../src/local/scene.ts';
import { buildWorld, type World } from '../../src/local/world.ts';
import { probeConfinement } from '../../src/sandbox/probe.ts';
import {
  commentsOf,
  forkedPullRequest,
  git,
  HERE,
  newPerson,
  OWNER,
  type Person,
  personWith,
  pushFiles,
  redeliver,
  REPO,
  replyTo,
} from './github.ts';
import { type RepositoryChanges, writeRepository } from './repository.ts';
import { plain, tail, type Until, untilWith } from './waiting.ts';

export const TASK = '/workflow migrate the tests from our own lib/bdd.js to node:test and node:assert/strict';
export const SECRET = 'a secret of the end-to-end tests';
/** Where Node keeps what it compiled: an App is started hundreds of times. */
const COMPILED = join(tmpdir(), 'converge-compile-cache');
const ENDS = new Set(['completed', 'partial', 'failed', 'stopped']);

export interface SceneOptions extends RepositoryChanges {
  /** Whether pushed commits get CI; true unless told. */
  readonly ci?: boolean;
  /** What the operator lets spend; the repository's owner unless told. */
  readonly allowedOwner?: string;
  /** Dollars. */
  readonly budget?: number;
  /** Waits of the App that differ from the local ones, by name. */
  readonly waits?: Readonly<Record<string, number>>;
  /** Of the scripted Claude. */
  readonly latencyMs?: number;
  /** Sees each request to the scripted Claude; the answer waits for it. */
  readonly onRequest?: NonNullable<LocalClaudeOptions['onRequest']>;
  /** Module that is the App and what its environment has on top, asked at each start; production's unless told. */
  readonly program?: () => { readonly entry: string; readonly environment: Readonly<Record<string, string>> };
}

/**
 * A local GitHub and a scripted Claude on loopback in the test's own process, so that a test can look into them and make them fail, and the App as a process of its own,
 * as in production. `robin` administers `acme/tally`, `casey` only reads it.
 */
export interface Scene {
  readonly hub: LocalGitHub;
  readonly world: World;
  readonly claude: LocalClaude;
  readonly robin: Person;
  readonly casey: Person;
  /** Everything that the App printed, line by line. */
  readonly log: readonly string[];
  readonly dataDirectory: string;
  /** Below it, nothing but what the test itself puts there. */
  readonly scratch: string;
  readonly app: () => Child;
  readonly appUrl: string;
  /** SIGKILL, and waits for the end. */
  kill(): Promise<void>;
  /** The App again, on the same data; the one before must have ended. */
  restart(): Promise<void>;
  /** Deliveries that nobody took are sent again, as a person does with GitHub's button. */
  redeliverFailed(): Promise<void>;
  runOf(comment: number): string;
  facts(run: string): Promise<RunFacts | undefined>;
  /** An issue, and the command on it. */
  begin(command?: string): Promise<Begun>;
  /** Waits until the run's plan (another one than `not`) waits for approval. */
  planned(run: string, not?: string | null): Promise<RunFacts & { readonly planHash: string }>;
  /** Waits until the run pauses. */
  paused(run: string): Promise<RunFacts>;
  /** Waits until the run has ended. */
  ended(run: string): Promise<RunFacts>;
  /** Begins, approves the first plan, and waits for the end. */
  through(command?: string): Promise<Begun & { readonly facts: RunFacts }>;
  readonly until: Until;
  /** Bodies of our App's comments on an issue or pull request, oldest first. */
  ours(number: number): readonly string[];
  /** Our App's reply to that comment: its next one there that is no plan. */
  reply(number: number, to: number): Promise<string>;
  /** git in the repository of the local GitHub. */
  git(...args: readonly string[]): Promise<string>;
  /** A commit on a branch, pushed by robin over HTTP. */
  push(branch: string, files: Readonly<Record<string, string>>, message?: string): Promise<string>;
  /** A comment by a bot that may write. */
  botSays(number: number, body: string): Promise<number>;
  /** A pull request from a new person's fork; gives its number. */
  forkPullRequest(login: string): Promise<number>;
  close(): Promise<void>;
}

export interface Begun {
  readonly issue: number;
  readonly comment: number;
  readonly run: string;
}

/** For one test: what it leaves is taken away, and the App's last lines are shown when it fails. */
export async function withScene<Result>(options: SceneOptions, use: (scene: Scene) => Promise<Result>): Promise<Result> {
  const scene = await openScene(options);
  onTestFailed(() => console.error(tail(scene.log)));
  try {
    return await use(scene);
  } finally {
    await scene.close();
  }
}

/** For a whole file; whoever opens it closes it. */
export async function openScene(options: SceneOptions): Promise<Scene> {
  const root = await mkdtemp(join(tmpdir(), 'converge-e2e-'));
  const from = join(root, 'repository');
  await writeRepository(from, options);
  const scratch = join(root, 'scratch');
  await mkdir(scratch);
  const port = await freePort();
  const appUrl = `http://127.0.0.1:${port}`;
  const confinement = (await probeConfinement(inheritedEnvironment()['PATH'])).kind === 'bubblewrap' ? 'bubblewrap' : 'none';
  const { hub, world } = await buildWorld({
    root: join(root, 'github'),
    owner: OWNER,
    name: REPO,
    person: 'robin',
    from,
    webhookUrl: `${appUrl}/api/github/webhooks`,
    webhookSecret: SECRET,
    confinement,
    ci: options.ci ?? true,
  });
  const claude = await startLocalClaude({ latencyMs: options.latencyMs ?? 0, onRequest: options.onRequest ?? (() => undefined) });
  const log: string[] = [];
  const dataDirectory = join(root, 'data');
  const launch = (): Child => {
    const { entry, environment = {} } = options.program?.() ?? {};
    return startApp({
      world,
      owner: options.allowedOwner ?? OWNER,
      webhookSecret: SECRET,
      port,
      dataDirectory,
      model: { apiKey: 'scripted', baseUrl: claude.url },
      confinement,
      budget: options.budget ?? 50,
      waits: options.waits ?? {},
      onLine: (line) => log.push(line),
      ...(entry === undefined ? {} : { entry }),
      environment: { NODE_COMPILE_CACHE: COMPILED, ...environment },
    });
  };
  const started = { app: launch() };
  const robin = personWith(hub, 'robin', world.personToken);
  const parts: Parts = { hub, world, claude, log, root, scratch, dataDirectory, appUrl, robin, started, launch };
  const scene = assemble(parts);
  try {
    await healthy(scene);
    return scene;
  } catch (error) {
    await scene.close();
    throw error;
  }
}

interface Parts {
  readonly hub: LocalGitHub;
  readonly world: World;
  readonly claude: LocalClaude;
  readonly log: string[];
  readonly root: string;
  readonly scratch: string;
  readonly dataDirectory: string;
  readonly appUrl: string;
  readonly robin: Person;
  readonly started: { app: Child };
  readonly launch: () => Child;
}

function assemble(parts: Parts): Scene {
  const { hub, world, claude, log, root, scratch, dataDirectory, appUrl, robin, started, launch } = parts;
  const until = untilWith(log);
  const scene: Scene = {
    hub,
    world,
    claude,
    robin,
    casey: newPerson(hub, { login: 'casey', role: 'read' }),
    log,
    dataDirectory,
    scratch,
    appUrl,
    until,
    app: () => started.app,
    kill: () => started.app.end('SIGKILL'),
    restart: async () => {
      await started.app.ended;
      started.app = launch();
      await healthy(scene);
    },
    redeliverFailed: () => redeliver(parts),
    runOf: (comment) => runId({ ...HERE, comment }),
    facts: (id) => factsOf(appUrl, id),
    ours: (number) => commentsOf(hub, number, `${world.slug}[bot]`).map(({ body }) => plain(body)),
    reply: (number, to) => until(`a reply to comment ${to}`, () => replyTo(hub, { number, to, bot: `${world.slug}[bot]` })),
    git: (...args) => git(world.directory, args),
    push: (branch, files, message = 'Work by hand') => pushFiles(parts, { branch, files, message }),
    botSays: (number, body) => newPerson(hub, { login: 'dependabot[bot]', role: 'write', type: 'Bot' }).say(number, body),
    forkPullRequest: (login) => forkedPullRequest(parts, login),
    ...storyOf({ robin, until, facts: (id) => factsOf(appUrl, id) }),
    close: async () => {
      await started.app.end();
      await claude.close();
      await hub.close();
      await rm(root, { recursive: true, force: true });
    },
  };
  return scene;
}

interface Teller {
  readonly robin: Person;
  readonly until: Until;
  readonly facts: Scene['facts'];
}

function storyOf({ robin, until, facts }: Teller): Pick<Scene, 'begin' | 'planned' | 'paused' | 'ended' | 'through'> {
  const begin: Scene['begin'] = async (command = TASK) => {
    const { data } = await robin.octokit.rest.issues.create({ ...HERE, title: 'Move the tests to node:test', body: 'As agreed.' });
    const comment = await robin.say(data.number, command);
    return { issue: data.number, comment, run: runId({ ...HERE, comment }) };
  };
  const planned: Scene['planned'] = (id, not = null) =>
    until(`a plan of run ${id} that waits for approval`, async () => {
      const found = await facts(id);
      if (found !== undefined && ENDS.has(found.status))
        throw new Error(`Run ${id} was ${found.status} before it had a plan: ${found.why ?? ''}`);
      const { planHash = null } = found ?? {};
      return found?.waitsForApproval === true && planHash !== null && planHash !== not ? { ...found, planHash } : undefined;
    });
  const reach = (id: string, what: string, isThere: (status: string) => boolean): Promise<RunFacts> =>
    until(
      `${what} of run ${id}`,
      async () => {
        const found = await facts(id);
        if (found === undefined || isThere(found.status)) return found;
        if (ENDS.has(found.status)) throw new Error(`Run ${id} was ${found.status} before: ${found.why ?? ''} ($${found.dollars})`);
        return undefined;
      },
      100_000,
    );
  const ended: Scene['ended'] = (id) => reach(id, 'the end', (status) => ENDS.has(status));
  return {
    begin,
    planned,
    paused: (id) => reach(id, 'a pause', (status) => status === 'paused'),
    ended,
    through: async (command = TASK) => {
      const begun = await begin(command);
      const { planHash } = await planned(begun.run);
      await robin.say(begun.issue, `/workflow approve ${planHash.slice(0, 12)}`);
      return { ...begun, facts: await ended(begun.run) };
    },
  };
}

async function factsOf(appUrl: string, id: string): Promise<RunFacts | undefined> {
  const response = await fetch(`${appUrl}/runs/${id}.json`).catch(() => null);
  return response?.ok === true ? RunFacts.parse(await response.json()) : undefined;
}

async function healthy(scene: Scene): Promise<void> {
  let over = false;
  void scene.app().ended.then(() => (over = true));
  await scene.until('the App to answer', async () => {
    if (over) throw new Error(`The App ended before it listened.\n${tail(scene.log)}`);
    return (await fetch(`${scene.appUrl}/healthz`).catch(() => null))?.ok === true;
  });
}
