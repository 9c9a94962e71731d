import { generateKeyPair } from 'node:crypto';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { mkdir } from 'node:fs/promises';
import { promisify } from 'node:util';
import { ConvergeError } from '../../domain/errors.ts';
import { mintUserToken } from './auth.ts';
import type { CiRunner } from './ci.ts';
import { Ci } from './ci.ts';
import { createGit } from './git.ts';
import type { Pages } from './http.ts';
import { createHandler } from './http.ts';
import type { ActorCounts, ContentLimits, Faults } from './limits.ts';
import { CONTENT_LIMITS, Limits } from './limits.ts';
import { installationJson, repositoryJson } from './present/people.ts';
import { appRoutes } from './routes/apps.ts';
import { checkRoutes } from './routes/checks.ts';
import { commentRoutes } from './routes/comments.ts';
import { contentRoutes } from './routes/contents.ts';
import { issueRoutes } from './routes/issues.ts';
import { pullRoutes } from './routes/pulls.ts';
import { repositoryRoutes } from './routes/repositories.ts';
import { reviewRoutes } from './routes/reviews.ts';
import { statusRoutes } from './routes/statuses.ts';
import type { RepositorySeed } from './seed.ts';
import { seedRepository } from './seed.ts';
import type { Site } from './site.ts';
import type { Account, App, Installation, Permissions, Repository, Role, StateView } from './state.ts';
import { createState, findAccount, findRepository, nextId } from './state.ts';
import { recordHappening } from './timeline.ts';
import { Webhooks } from './webhooks.ts';

export interface LocalGitHubOptions {
  /** Directory for the bare repositories; made when it is not there. */
  readonly root: string;
  /** Absent or 0: any free one. */
  readonly port?: number;
  /** Milliseconds since the epoch; tokens expire by it. */
  readonly clock?: () => number;
  /** Absent: pushed commits get no CI. */
  readonly ci?: CiRunner;
  /** Milliseconds before each answer. */
  readonly latency?: number;
  /** Content-creation limits of each actor; GitHub's own unless told. */
  readonly limits?: ContentLimits;
  readonly pages?: Pages;
}

interface NewApp {
  readonly slug: string;
  readonly name: string;
  readonly webhookUrl: string;
  readonly webhookSecret: string;
  readonly permissions: Permissions;
  readonly events: readonly string[];
}

/** A GitHub on 127.0.0.1, laid out as GitHub Enterprise. What people do goes through its API with their tokens. */
export interface LocalGitHub {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** REST base URL, `<url>/api/v3`; GraphQL is at `<url>/api/graphql`. */
  readonly apiUrl: string;
  readonly state: StateView;
  /** What pages need: a commit's diff, read-only. */
  readonly site: Pick<Site, 'git' | 'url' | 'apiUrl'>;
  readonly faults: Faults;
  /** By login (`converge[bot]`, `alice`); an App as itself is `app/<slug>`, nobody is the empty string. */
  readonly counts: ReadonlyMap<string, ActorCounts>;
  createUser(login: string, facts?: { type?: 'User' | 'Organization' | 'Bot' }): { id: number; token: string };
  createApp(app: NewApp): Promise<{ id: number; privateKey: string; slug: string }>;
  /** Ends in ConvergeError `configuration` for an owner or a parent that is not there, or a name that is. */
  createRepository(seed: RepositorySeed): Promise<{ id: number; directory: string }>;
  /** `repository` is `owner/name`. */
  setPermission(repository: string, login: string, role: Role): void;
  /** Checks that the rules of a branch require. */
  setRequiredChecks(repository: string, branch: string, names: readonly string[]): void;
  /** Installs an App on one more repository; gives the installation's id, one for each App and owner. */
  install(appId: number, repository: string): number;
  /** Removes the App from the account: its tokens end, and installing it again gives another number. */
  uninstall(installation: number): void;
  /** Resolves when no CI run and no webhook delivery is under way. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

const LOCAL_CI = { slug: 'local-ci', name: 'Local CI' };

/** Starts the local GitHub on 127.0.0.1. Ends in the system's error when the port is taken or `root` cannot be written. */
export async function startLocalGitHub(options: LocalGitHubOptions): Promise<LocalGitHub> {
  await mkdir(options.root, { recursive: true });
  const state = createState();
  const clock = options.clock ?? Date.now;
  const limits = new Limits(options.limits ?? CONTENT_LIMITS, clock);
  const git = await createGit(options.root);
  const server = createServer();
  const url = `http://127.0.0.1:${await listen(server, options.port ?? 0)}`;
  const apiUrl = `${url}/api/v3`;
  const webhooks = new Webhooks({ state, limits, clock, url, apiUrl });
  const queues = new Map<number, Promise<unknown>>();
  const site: Site = {
    state,
    git,
    limits,
    url,
    apiUrl,
    clock,
    announce: (announcement) => {
      recordHappening(state, clock(), announcement);
      webhooks.announce(announcement);
    },
    requestCi: (repository, push) => ci?.request(site, repository, push),
    exclusively(repository, work) {
      const before = queues.get(repository.id) ?? Promise.resolve();
      const result = before.then(work, work);
      queues.set(repository.id, result);
      return result;
    },
  };
  const ci = options.ci
    ? new Ci(options.ci, addApp(site, { ...LOCAL_CI, permissions: { checks: 'write' }, events: [], webhook: null, publicKey: null }))
    : null;
  const isBusy = (): boolean => webhooks.busy || (ci?.busy ?? false);
  server.on('request', createHandler({ site, routes: allRoutes(webhooks), pages: options.pages ?? null, latency: options.latency ?? 0 }));
  return {
    url,
    apiUrl,
    state,
    site,
    counts: limits.counts,
    faults: {
      next: (match, fault, times = 1) => limits.addFault(match, fault, times),
      nextDelivery: (match, fault) => limits.addDeliveryFault(match, fault),
      releaseDeliveries: () => webhooks.release(),
    },
    ...administration(site, { root: options.root, webhooks }),
    async settled() {
      do await Promise.all([ci?.settled(), webhooks.settled()]);
      while (isBusy());
    },
    async close() {
      server.closeAllConnections();
      await new Promise<void>((done) => server.close(() => done()));
      await Promise.all([ci?.close(), webhooks.close(), ...queues.values()].map((one) => Promise.resolve(one).catch(() => undefined)));
    },
  };
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((done, failed) => {
    server.once('error', failed);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', failed);
      const address = server.address();
      done(typeof address === 'object' && address ? address.port : port);
    });
  });
}

/** Special paths before those whose parameters would match them too. */
function allRoutes(webhooks: Webhooks): Parameters<typeof createHandler>[0]['routes'] {
  return [
    ...appRoutes(webhooks),
    ...commentRoutes,
    ...issueRoutes,
    ...reviewRoutes,
    ...pullRoutes,
    ...checkRoutes,
    ...statusRoutes,
    ...repositoryRoutes,
    ...contentRoutes,
  ];
}

type Administration = Pick<
  LocalGitHub,
  'createUser' | 'createApp' | 'createRepository' | 'setPermission' | 'setRequiredChecks' | 'install' | 'uninstall'
>;

/** What an owner would do on settings pages. */
function administration(site: Site, { root, webhooks }: { root: string; webhooks: Webhooks }): Administration {
  return {
    createUser(login, facts = {}) {
      const account = addAccount(site, login, facts.type ?? 'User');
      return { id: account.id, token: mintUserToken(site.state, account) };
    },
    async createApp(asked) {
      const { publicKey, privateKey } = await appKeys();
      const webhook = { url: asked.webhookUrl, secret: asked.webhookSecret };
      const { slug, name, permissions, events } = asked;
      const app = addApp(site, { slug, name, permissions, events, webhook, publicKey });
      return { id: app.id, privateKey, slug };
    },
    async createRepository(seed) {
      const repository = await seedRepository(site, root, seed);
      return { id: repository.id, directory: repository.directory };
    },
    setPermission(repository, login, role) {
      repositoryNamed(site, repository).roles.set(knownAccount(site, login).id, role);
    },
    setRequiredChecks(repository, branch, names) {
      repositoryNamed(site, repository).requiredChecks.set(branch, names);
    },
    uninstall(installation) {
      site.state.installations.delete(installation);
      for (const [value, token] of site.state.tokens)
        if (token.kind === 'installation' && token.installation.id === installation) site.state.tokens.delete(value);
    },
    install: (appId, repository) => install(site, webhooks, { appId, repository: repositoryNamed(site, repository) }),
  };
}

const keyPair = promisify(generateKeyPair);

interface Keys {
  readonly publicKey: string;
  readonly privateKey: string;
}

let known: Promise<Keys> | null = null;

/** Made once in a process, which takes a tenth of a second or more; an App is known by its id. */
function appKeys(): Promise<Keys> {
  known ??= newKeys();
  return known;
}

/** Keys as GitHub gives them: the private one PKCS#1 in PEM. */
async function newKeys(): Promise<Keys> {
  const { publicKey, privateKey } = await keyPair('rsa', { modulusLength: 2048 });
  return {
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    privateKey: privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
  };
}

function addAccount(site: Site, login: string, type: Account['type']): Account {
  if (findAccount(site.state, login))
    throw new ConvergeError('configuration', `The local GitHub already has an account "${login}"; choose another login.`);
  const account: Account = { id: nextId(site.state), login, type };
  site.state.accounts.set(account.id, account);
  return account;
}

function addApp(site: Site, facts: Omit<App, 'id' | 'bot' | 'createdAt'>): App {
  const bot = addAccount(site, `${facts.slug}[bot]`, 'Bot');
  const app: App = { id: nextId(site.state), ...facts, bot, createdAt: site.clock() };
  site.state.apps.set(app.id, app);
  return app;
}

function repositoryNamed(site: Site, name: string): Repository {
  const [owner = '', repo = ''] = name.split('/');
  const found = findRepository(site.state, owner, repo);
  if (!found)
    throw new ConvergeError('configuration', `The local GitHub has no repository "${name}"; expected owner/name of one that was created.`);
  return found;
}

function knownAccount(site: Site, login: string): Account {
  const account = findAccount(site.state, login);
  if (!account) throw new ConvergeError('configuration', `The local GitHub has no account "${login}"; create the user first.`);
  return account;
}

function install(site: Site, webhooks: Webhooks, { appId, repository }: { appId: number; repository: Repository }): number {
  const app = site.state.apps.get(appId);
  if (!app) throw new ConvergeError('configuration', `The local GitHub has no App ${appId}; create it first.`);
  const known = [...site.state.installations.values()].find((one) => one.app === app && one.account === repository.owner);
  if (known) {
    known.repositoryIds.add(repository.id);
    return known.id;
  }
  const facts = { app, account: repository.owner, repositoryIds: new Set([repository.id]), createdAt: site.clock() };
  const installation: Installation = { id: nextId(site.state), ...facts };
  site.state.installations.set(installation.id, installation);
  const repositories = [repositoryJson(site, repository)];
  webhooks.tellInstallation(installation, { installation: installationJson(site, installation), repositories });
  return installation.id;
}
