import { z } from 'zod';
import { accountNamed, actorOf, holds, mintInstallationToken } from '../auth.ts';
import type { Json, JsonObject } from '../json.ts';
import { iso } from '../json.ts';
import { appJson, installationJson, repositoryJson, userJson } from '../present/people.ts';
import { Problem, notFound } from '../problem.ts';
import type { Answer, Call, Route } from '../router.ts';
import { created, listOf, namedListOf, numberParam, ok, param, readBody } from '../router.ts';
import type { App, Delivery, Installation, PermissionLevel, Repository } from '../state.ts';
import { findRepository } from '../state.ts';
import type { Webhooks } from '../webhooks.ts';
import { headersOf } from '../webhooks.ts';

const TokenRequest = z.strictObject({
  repositories: z.array(z.string()).optional(),
  repository_ids: z.array(z.int()).optional(),
  permissions: z.record(z.string(), z.enum(['read', 'write'])).optional(),
});

/** The App whose JSON Web Token this is; ends in Problem 401 for every other caller. */
function callingApp(call: Call): App {
  if (call.caller.kind === 'app') return call.caller.app;
  throw new Problem(401, 'A JSON web token could not be decoded');
}

function installationsOf(call: Call): readonly Installation[] {
  const app = callingApp(call);
  return [...call.site.state.installations.values()].filter((one) => one.app === app);
}

function installationOf(call: Call): Installation {
  const found = installationsOf(call).find((one) => one.id === numberParam(call, 'id'));
  if (!found) throw notFound();
  return found;
}

function repositoryInstallation(call: Call): Answer {
  const repository = findRepository(call.site.state, param(call, 'owner'), param(call, 'repo'));
  const found = repository && installationsOf(call).find((one) => one.repositoryIds.has(repository.id));
  if (!found) throw notFound();
  return ok(installationJson(call.site, found));
}

/** An installation token, narrowed as asked; ends in Problem 422 for more than is granted. */
function createToken(call: Call): Answer {
  const { site } = call;
  const installation = installationOf(call);
  const asked = readBody(call, 'InstallationToken', TokenRequest);
  const repositories = narrowed(call, installation, asked);
  const granted: Readonly<Record<string, PermissionLevel>> = { metadata: 'read', ...installation.app.permissions };
  const permissions = asked.permissions ?? granted;
  const excess = Object.entries(permissions).find(([name, level]) => !holds(granted, [`${name}:${level}`]));
  if (excess) throw new Problem(422, 'The permissions requested are not granted to this installation.');
  const token = mintInstallationToken(site, installation, { permissions, repositoryIds: new Set(repositories.map((one) => one.id)) });
  const isNarrow = asked.repositories !== undefined || asked.repository_ids !== undefined;
  const listed: JsonObject = isNarrow ? { repositories: repositories.map((one) => repositoryJson(site, one)) } : {};
  return created({ token: token.value, expires_at: iso(token.expiresAt), permissions, repository_selection: 'selected', ...listed });
}

function narrowed(call: Call, installation: Installation, asked: z.infer<typeof TokenRequest>): readonly Repository[] {
  const all = [...call.site.state.repositories.values()].filter((one) => installation.repositoryIds.has(one.id));
  if (asked.repositories === undefined && asked.repository_ids === undefined) return all;
  const wanted = all.filter((one) => asked.repositories?.includes(one.name) || asked.repository_ids?.includes(one.id));
  const count = new Set([...(asked.repositories ?? []), ...(asked.repository_ids ?? [])]).size;
  if (wanted.length !== count) {
    throw new Problem(422, 'There is at least one repository that does not exist or is not accessible to the parent installation.');
  }
  return wanted;
}

function deliveryJson(delivery: Delivery): JsonObject {
  const code = delivery.statusCode ?? 0;
  return {
    id: delivery.id,
    guid: delivery.guid,
    delivered_at: iso(delivery.deliveredAt),
    redelivery: delivery.redelivery,
    duration: (delivery.duration ?? 0) / 1000,
    status: code === 0 ? 'failed to connect to host' : code < 300 ? 'OK' : `Invalid HTTP Response: ${code}`,
    status_code: code,
    event: delivery.event,
    action: delivery.action,
    installation_id: delivery.installationId,
    repository_id: delivery.repositoryId,
    throttled_at: null,
  };
}

const Taken = z.enum(['success', 'failure']);

/** Newest first, by cursor and not by page, as only this list of GitHub's is. */
function deliveriesPage(call: Call, newestFirst: readonly Delivery[]): Answer {
  const { url } = call;
  const size = Math.min(Math.max(Number(url.searchParams.get('per_page') ?? 30) || 30, 1), 100);
  const taken = Taken.safeParse(url.searchParams.get('status')).data;
  const asked = newestFirst.filter(({ statusCode }) => taken === undefined || isTaken(statusCode) === (taken === 'success'));
  const cursor = /^v1_(\d+)$/u.exec(url.searchParams.get('cursor') ?? 'v1_0')?.[1];
  if (cursor === undefined) throw new Problem(422, 'Invalid cursor');
  const from = cursor === '0' ? 0 : asked.findIndex(({ id }) => id < Number(cursor));
  const page = from === -1 ? [] : asked.slice(from, from + size);
  const last = page.at(-1);
  const next = new URL(url);
  next.searchParams.set('cursor', `v1_${last?.id ?? 0}`);
  const more = last !== undefined && asked.at(-1) !== last;
  return { status: 200, json: page.map(deliveryJson), headers: more ? { link: `<${next.href}>; rel="next"` } : {} };
}

function isTaken(statusCode: number | null): boolean {
  return statusCode !== null && statusCode >= 200 && statusCode < 300;
}

function deliveryOf(call: Call): Delivery {
  const app = callingApp(call);
  const delivery = call.site.state.deliveries.get(numberParam(call, 'id'));
  if (!delivery || delivery.app !== app) throw notFound();
  return delivery;
}

function fullDelivery(call: Call): Json {
  const delivery = deliveryOf(call);
  const headers = headersOf(delivery, delivery.app.webhook?.secret ?? '');
  const payload: Json = JSON.parse(delivery.payload);
  return {
    ...deliveryJson(delivery),
    url: delivery.app.webhook?.url ?? '',
    request: { headers, payload },
    response: { headers: {}, payload: '' },
  };
}

function accessibleRepositories(call: Call): Answer {
  const { caller, site } = call;
  if (caller.kind !== 'installation') throw new Problem(403, 'You must authenticate with an installation access token.');
  const found = [...site.state.repositories.values()].filter((one) => caller.repositoryIds.has(one.id));
  return namedListOf(call, found, { key: 'repositories', show: (one) => repositoryJson(site, one) });
}

/** What Apps ask as themselves, and who people are. `webhooks` sends a delivery again. */
export function appRoutes(webhooks: Webhooks): readonly Route[] {
  return [
    { method: 'GET', pattern: '/app', answer: (call) => ok(appJson(call.site, callingApp(call))) },
    {
      method: 'GET',
      pattern: '/app/installations',
      answer: (call) => listOf(call, installationsOf(call), (one) => installationJson(call.site, one)),
    },
    { method: 'GET', pattern: '/app/installations/:id', answer: (call) => ok(installationJson(call.site, installationOf(call))) },
    { method: 'POST', pattern: '/app/installations/:id/access_tokens', answer: createToken },
    {
      method: 'GET',
      pattern: '/app/hook/deliveries',
      answer: (call) => {
        const app = callingApp(call);
        const own = [...call.site.state.deliveries.values()].filter((one) => one.app === app);
        return deliveriesPage(call, own.toReversed());
      },
    },
    { method: 'GET', pattern: '/app/hook/deliveries/:id', answer: (call) => ok(fullDelivery(call)) },
    {
      method: 'POST',
      pattern: '/app/hook/deliveries/:id/attempts',
      answer: (call) => {
        webhooks.redeliver(deliveryOf(call));
        return { status: 202, json: {} };
      },
    },
    { method: 'GET', pattern: '/repos/:owner/:repo/installation', answer: repositoryInstallation },
    { method: 'GET', pattern: '/installation/repositories', answer: accessibleRepositories },
    { method: 'GET', pattern: '/user', answer: (call) => ok(userJson(call.site, actorOf(call.caller))) },
    {
      method: 'GET',
      pattern: '/users/:login',
      answer: (call) => ok(userJson(call.site, accountNamed(call.site.state, param(call, 'login')))),
    },
  ];
}
