import type { z } from 'zod';
import type { Access, Caller } from './auth.ts';
import { actorOf, authorise, viaApp } from './auth.ts';
import type { Json } from './json.ts';
import { Problem, notFound } from './problem.ts';
import type { Site } from './site.ts';
import type { Account, App, Repository } from './state.ts';
import { findRepository } from './state.ts';

/** One request to the API, parsed. */
export interface Call {
  readonly site: Site;
  readonly caller: Caller;
  readonly method: string;
  /** The path as called, for links to other pages. */
  readonly url: URL;
  readonly accept: string;
  readonly body: unknown;
  readonly params: Readonly<Record<string, string>>;
}

export interface RepositoryCall extends Call {
  readonly repository: Repository;
}

export interface Answer {
  readonly status: number;
  /** Absent: no body (204). */
  readonly json?: Json;
  /** Instead of JSON. */
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One operation; `:name` matches a segment, `*name` the rest with its slashes. */
export interface Route {
  readonly method: string;
  readonly pattern: string;
  /** Counted against the content-creation limits. */
  readonly creates?: boolean;
  answer(call: Call): Answer | Promise<Answer>;
}

export interface RepositoryRoute extends Omit<Route, 'answer'> {
  readonly access: Access;
  answer(call: RepositoryCall): Answer | Promise<Answer>;
}

/** An operation below `/repos/{owner}/{repo}`: the repository is found and the caller's access checked before it answers. */
export function onRepository(route: RepositoryRoute): Route {
  return {
    ...route,
    pattern: `/repos/:owner/:repo${route.pattern}`,
    answer(call) {
      const repository = findRepository(call.site.state, param(call, 'owner'), param(call, 'repo'));
      if (!repository) throw notFound();
      authorise(call.caller, repository, route.access);
      return route.answer({ ...call, repository });
    },
  };
}

/** Finds the operation for a path (without `/api/v3`, still percent-encoded). */
export function createRouter(
  routes: readonly Route[],
): (method: string, path: string) => { route: Route; params: Record<string, string> } | null {
  const table = routes.map((route) => ({ route, expression: expressionOf(route.pattern) }));
  return (method, path) => {
    for (const { route, expression } of table) {
      const match = route.method === method ? expression.exec(path) : null;
      if (match) return { route, params: decodeAll(match.groups ?? {}) };
    }
    return null;
  };
}

function expressionOf(pattern: string): RegExp {
  const source = pattern
    .replaceAll('.', '\\.')
    .replaceAll(/:(\w+)/g, '(?<$1>[^/]+)')
    .replaceAll(/\*(\w+)/g, '(?<$1>.+)');
  return new RegExp(`^${source}/?$`);
}

function decodeAll(groups: Record<string, string>): Record<string, string> {
  try {
    return Object.fromEntries(Object.entries(groups).map(([name, value]) => [name, decodeURIComponent(value)]));
  } catch {
    throw new Problem(400, 'Bad Request');
  }
}

export function param(call: Call, name: string): string {
  const value = call.params[name];
  if (value === undefined) throw notFound();
  return value;
}

/** A path parameter that is a number; anything else is not found. */
export function numberParam(call: Call, name: string): number {
  const value = param(call, name);
  if (!/^\d{1,15}$/.test(value)) throw notFound();
  return Number(value);
}

export function query(call: Call, name: string): string | null {
  return call.url.searchParams.get(name);
}

/** The request's body by its schema; ends in GitHub's 422 that names the field. */
export function readBody<T>(call: Call, resource: string, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(call.body ?? {});
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues.map((issue) => {
    const field = issue.path.map(String).join('.');
    const missing = issue.code === 'invalid_type' && /received undefined/.test(issue.message);
    const message = issue.code === 'unrecognized_keys' ? `${issue.keys.join(', ')} is not a permitted key.` : issue.message;
    return { resource, field, code: missing ? 'missing_field' : issue.code === 'invalid_type' ? 'invalid' : 'custom', message };
  });
  throw new Problem(422, 'Validation Failed', { errors });
}

/** Who writes, and through which App. */
export function writerOf(call: Call): { author: Account; viaApp: App | null } {
  return { author: actorOf(call.caller), viaApp: viaApp(call.caller) };
}

export function ok(json: Json): Answer {
  return { status: 200, json };
}

export function created(json: Json): Answer {
  return { status: 201, json };
}

export const EMPTY: Answer = { status: 204 };

const DEFAULT_PAGE = 30;
const MAX_PAGE = 100;

/** One page of `items` by `per_page` and `page`, and the Link header that names the others. */
export function pageOf<T>(call: Call, items: readonly T[]): { items: readonly T[]; headers: Readonly<Record<string, string>> } {
  const size = Math.min(positive(query(call, 'per_page'), DEFAULT_PAGE), MAX_PAGE);
  const page = positive(query(call, 'page'), 1);
  const last = Math.max(1, Math.ceil(items.length / size));
  const link = (relation: string, target: number): string => {
    const url = new URL(call.url);
    url.searchParams.set('page', String(target));
    return `<${url.href}>; rel="${relation}"`;
  };
  const links = [
    ...(page > 1 ? [link('prev', page - 1)] : []),
    ...(page < last ? [link('next', page + 1), link('last', last)] : []),
    ...(page > 1 ? [link('first', 1)] : []),
  ];
  const headers: Record<string, string> = links.length > 0 ? { link: links.join(', ') } : {};
  return { items: items.slice((page - 1) * size, page * size), headers };
}

function positive(text: string | null, fallback: number): number {
  const value = Number(text ?? fallback);
  return Number.isInteger(value) && value > 0 ? value : fallback;
}

/** A page of `items` as the answer. */
export async function listOf<T>(call: Call, items: readonly T[], show: (item: T) => Json | Promise<Json>): Promise<Answer> {
  const page = pageOf(call, items);
  return { status: 200, json: await Promise.all(page.items.map(async (item) => show(item))), headers: page.headers };
}

/** A page of `items` below a key, with the total beside, as the Checks API tells lists. */
export function namedListOf<T>(call: Call, items: readonly T[], naming: { key: string; show: (item: T) => Json }): Answer {
  const page = pageOf(call, items);
  return { status: 200, json: { total_count: items.length, [naming.key]: page.items.map(naming.show) }, headers: page.headers };
}
