import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { inheritedEnvironment } from '../config.ts';
import { runId } from '../control/run-id.ts';
import { ConvergeError } from '../domain/errors.ts';
import { requireGit } from '../git/spawn.ts';
import { probeConfinement } from '../sandbox/probe.ts';
import { startApp, type AppOptions } from './app-process.ts';
import { startChild, type Child } from './child.ts';
import { freePort } from './free-port.ts';
import { personOn, type Person } from './person.ts';
import { World, type WorldSpec } from './world.ts';

export interface SceneOptions {
  /** Everything is kept below it. */
  readonly directory: string;
  /** The repository: a directory or a git repository; only read. */
  readonly from: string;
  readonly owner: string;
  readonly name: string;
  readonly person: string;
  readonly defaultBranch?: string;
  /** The real Claude; null for the scripted one. */
  readonly model: AppOptions['model'] | null;
  /** Of the scripted Claude. */
  readonly latencyMs: number;
  /** Dollars. */
  readonly budget: number;
  readonly readOnly?: AppOptions['readOnly'];
  /** Whether commands may run without a sandbox where the machine has none: somebody's explicit word, or a repository of our own. */
  readonly mayBeUnconfined: boolean;
  /** Whether pushed commits get CI: the repository's own `npm test`. */
  readonly ci: boolean;
  readonly onLine: (process: 'github' | 'claude' | 'app', line: string) => void;
}

/** A local GitHub, a Claude and the App as processes, with one person and one repository. */
export interface Scene {
  readonly world: World;
  readonly person: Person;
  readonly appUrl: string;
  /** Empty when commands are confined; else why they are not. */
  readonly unconfined: string;
  readonly app: () => Child;
  /** Starts the App again, on the same data; the one before must have ended. */
  restartApp(): Promise<void>;
  /** The run that this comment started. */
  runOf(comment: number): string;
  /** What the run page says; undefined while there is no such run or the App does not answer. */
  facts(run: string): Promise<RunFacts | undefined>;
  /** Requests, writes and pushes of our App, as the local GitHub counted them. */
  counts(): Promise<{ readonly requests: number; readonly writes: number; readonly contentWrites: number; readonly pushes: number }>;
  close(): Promise<void>;
}

const Shards = z.object({
  all: z.number().nullable(),
  accepted: z.array(z.string()),
  leftOver: z.array(z.object({ shard: z.string(), reason: z.string() })),
});

export const RunFacts = z.object({
  run: z.string(),
  stage: z.string(),
  status: z.string(),
  why: z.string().nullable(),
  planHash: z.string().nullable(),
  waitsForApproval: z.boolean(),
  pullRequest: z.object({ number: z.number(), url: z.string() }).nullable(),
  checkRun: z.number().nullable(),
  inventory: z.number().nullable(),
  shards: Shards,
  ledger: z.record(z.string(), z.number()).nullable(),
  agents: z.object({ started: z.number(), running: z.number(), finished: z.number(), failed: z.number(), peak: z.number() }),
  phases: z.array(z.object({ phase: z.string(), started: z.number(), running: z.number(), finished: z.number(), failed: z.number() })),
  tokens: z.object({ input: z.number(), output: z.number(), cacheRead: z.number(), cacheWrite: z.number() }),
  dollars: z.number(),
  seconds: z.number(),
  pushes: z.number(),
  steps: z.record(z.string(), z.unknown()),
  log: z.array(z.string()),
});
export type RunFacts = z.infer<typeof RunFacts>;

/** Ends in a ConvergeError of kind `git` when git is missing; whatever was started is ended again. */
export async function openScene(options: SceneOptions): Promise<Scene> {
  await requireGit(inheritedEnvironment()['PATH']);
  const children: Child[] = [];
  try {
    return await build(options, children);
  } catch (error) {
    await Promise.all(children.map((child) => child.end('SIGKILL')));
    throw error;
  }
}

async function build(options: SceneOptions, children: Child[]): Promise<Scene> {
  const probed = await probeFor(options);
  const confinement = probed.kind === 'bubblewrap' ? 'bubblewrap' : 'none';
  const start = (name: 'github' | 'claude', entry: string): Child => {
    const child = startChild({ entry, onLine: (line) => options.onLine(name, line) });
    children.push(child);
    return child;
  };
  const port = await freePort();
  const appUrl = `http://127.0.0.1:${port}`;
  const webhookSecret = randomBytes(24).toString('hex');
  const github = start('github', './github-process.ts');
  const world = await github.ask('build', await worldSpec(options, { appUrl, webhookSecret, confinement }), World);
  const model = options.model ?? {
    apiKey: 'scripted',
    baseUrl: await scriptedUrl(start('claude', './claude-process.ts'), options.latencyMs),
  };
  const launch = async (): Promise<Child> => {
    const { owner, budget, directory, readOnly = [] } = options;
    const dataDirectory = join(directory, 'data');
    const child = startApp({
      world,
      owner,
      webhookSecret,
      port,
      dataDirectory,
      model,
      confinement,
      budget,
      readOnly,
      onLine: (line) => options.onLine('app', line),
    });
    await healthy(appUrl, child);
    children.push(child);
    return child;
  };
  let app = await launch();
  return {
    world,
    person: personOn({ apiUrl: world.apiUrl, token: world.personToken, owner: options.owner, repo: options.name }),
    appUrl,
    unconfined: probed.kind === 'missing' ? probed.why : '',
    app: () => app,
    restartApp: async () => {
      await app.ended;
      app = await launch();
    },
    runOf: (comment) => runIdOf(options, comment),
    facts: (run) => factsOf(appUrl, run),
    counts: async () => (await github.ask('counts', null, z.record(z.string(), Counts)))[`${world.slug}[bot]`] ?? NOTHING_COUNTED,
    close: async () => {
      await app.end();
      await Promise.all(children.map((child) => child.end()));
    },
  };
}

async function probeFor({ mayBeUnconfined }: SceneOptions): ReturnType<typeof probeConfinement> {
  const probed = await probeConfinement(inheritedEnvironment()['PATH']);
  if (probed.kind === 'missing' && !mayBeUnconfined) {
    throw new ConvergeError(
      'sandbox',
      `The repository's commands cannot be confined: ${probed.why} To run them all the same, without a sandbox, say --unconfined.`,
    );
  }
  return probed;
}

async function worldSpec(
  options: SceneOptions,
  app: { appUrl: string; webhookSecret: string; confinement: 'bubblewrap' | 'none' },
): Promise<WorldSpec> {
  const { directory, owner, name, person, from, defaultBranch, ci } = options;
  const root = join(directory, 'github');
  await mkdir(root, { recursive: true });
  const { webhookSecret, confinement } = app;
  const webhookUrl = `${app.appUrl}/api/github/webhooks`;
  return {
    root,
    owner,
    name,
    person,
    from,
    ci,
    webhookUrl,
    webhookSecret,
    confinement,
    ...(defaultBranch === undefined ? {} : { defaultBranch }),
  };
}

async function scriptedUrl(child: Child, latencyMs: number): Promise<string> {
  return (await child.ask('start', { latencyMs }, z.object({ url: z.string() }))).url;
}

function runIdOf({ owner, name }: SceneOptions, comment: number): string {
  return runId({ owner, repo: name, comment });
}

const NOTHING_COUNTED = { requests: 0, writes: 0, contentWrites: 0, pushes: 0 };
const Counts = z.object({ requests: z.number(), writes: z.number(), contentWrites: z.number(), pushes: z.number() });

async function factsOf(appUrl: string, run: string): Promise<RunFacts | undefined> {
  const response = await fetch(`${appUrl}/runs/${run}.json`).catch(() => null);
  return response?.ok === true ? RunFacts.parse(await response.json()) : undefined;
}

/** Waits until the App answers; an App that ended instead is an error that its own lines explain. */
async function healthy(appUrl: string, child: Child): Promise<void> {
  let over = false;
  void child.ended.then(() => (over = true));
  for (;;) {
    if (over) throw new Error('The App ended before it listened; its last lines say why.');
    const response = await fetch(`${appUrl}/healthz`).catch(() => null);
    if (response?.ok === true) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
