import { z } from 'zod';
import { openCi } from './ci.ts';
import { startLocalGitHub, type LocalGitHub } from './github/server.ts';
import { localPages } from './pages/pages.ts';

/** What a local GitHub begins with: one person who may write, one App, one repository. */
export const WorldSpec = z.object({
  root: z.string(),
  port: z.number().int().default(0),
  owner: z.string(),
  name: z.string(),
  person: z.string(),
  /** A directory or a git repository; only read. */
  from: z.string(),
  defaultBranch: z.string().optional(),
  webhookUrl: z.string(),
  webhookSecret: z.string(),
  confinement: z.enum(['bubblewrap', 'none']),
  ci: z.boolean().default(true),
});
export type WorldSpec = z.input<typeof WorldSpec>;

export const World = z.object({
  url: z.string(),
  apiUrl: z.string(),
  personToken: z.string(),
  appId: z.number(),
  privateKey: z.string(),
  slug: z.string(),
  installation: z.number(),
  /** Of the bare repository. */
  directory: z.string(),
});
export type World = z.infer<typeof World>;

/** The permissions and events that app.yml asks for. */
export const APP_PERMISSIONS = {
  metadata: 'read',
  contents: 'write',
  issues: 'write',
  pull_requests: 'write',
  checks: 'write',
  statuses: 'read',
  actions: 'read',
} as const;
export const APP_EVENTS = ['issue_comment'] as const;

function absent(): never {
  throw new Error('A page was asked for before the local GitHub stood.');
}

/** Starts a local GitHub with its world; the pages, git and REST are served at `url`. */
export async function buildWorld(input: WorldSpec): Promise<{ readonly hub: LocalGitHub; readonly world: World }> {
  const spec = WorldSpec.parse(input);
  const runCi = await openCi(spec.confinement);
  const started: { hub: LocalGitHub | null } = { hub: null };
  const hub = await startLocalGitHub({
    root: spec.root,
    port: spec.port,
    ci: { run: (directory, _repository, signal) => runCi(directory, signal) },
    pages: localPages(() => started.hub ?? absent()),
  });
  started.hub = hub;
  const person = hub.createUser(spec.person);
  if (spec.owner !== spec.person) hub.createUser(spec.owner, { type: 'Organization' });
  const app = await hub.createApp({
    slug: 'converge',
    name: 'Converge',
    webhookUrl: spec.webhookUrl,
    webhookSecret: spec.webhookSecret,
    permissions: APP_PERMISSIONS,
    events: APP_EVENTS,
  });
  const full = `${spec.owner}/${spec.name}`;
  const { directory } = await hub.createRepository({
    owner: spec.owner,
    name: spec.name,
    from: spec.from,
    ci: spec.ci,
    ...(spec.defaultBranch === undefined ? {} : { defaultBranch: spec.defaultBranch }),
  });
  hub.setPermission(full, spec.person, 'admin');
  const installation = hub.install(app.id, full);
  return {
    hub,
    world: {
      url: hub.url,
      apiUrl: hub.apiUrl,
      personToken: person.token,
      appId: app.id,
      privateKey: app.privateKey,
      slug: app.slug,
      installation,
      directory,
    },
  };
}
