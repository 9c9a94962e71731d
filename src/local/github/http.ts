import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../../domain/errors.ts';
import type { Caller } from './auth.ts';
import { identify } from './auth.ts';
import { gitCaller, isGitPath, serveGit } from './git-http.ts';
import { answerGraphql } from './graphql.ts';
import { problemOf } from './limits.ts';
import type { Fault } from './limits.ts';
import { Problem, notFound } from './problem.ts';
import type { Answer, Call, Route } from './router.ts';
import { createRouter } from './router.ts';
import type { Site } from './site.ts';

/** Builds the HTML pages of issues and pull requests; null for a page that there is not. */
export type Pages = (url: URL) => Promise<{ html: string; status: number } | null>;

interface HttpOptions {
  readonly site: Site;
  readonly routes: readonly Route[];
  readonly pages: Pages | null;
  /** Milliseconds before each answer. */
  readonly latency: number;
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

const API = '/api/v3';
const GRAPHQL = '/api/graphql';
const MAX_BODY = 25_000_000;

/** Answers every request: the API, GraphQL, git and pages. Never throws; a client that goes away disturbs nobody. */
export function createHandler(options: HttpOptions): (request: IncomingMessage, response: ServerResponse) => void {
  const find = createRouter(options.routes);
  return (request, response) => {
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    void respond({ ...options, find }, { request, response }).catch((thrown: unknown) =>
      writeProblem(options.site, response, problemFrom(thrown)),
    );
  };
}

type Handling = HttpOptions & { readonly find: ReturnType<typeof createRouter> };

function problemFrom(thrown: unknown): Problem {
  return thrown instanceof Problem ? thrown : new Problem(500, `The local GitHub failed: ${messageOf(thrown)}`);
}

async function respond(handling: Handling, exchange: Exchange): Promise<void> {
  const { site, latency } = handling;
  const { request, response } = exchange;
  const url = new URL(request.url ?? '/', site.url);
  const path = url.pathname === GRAPHQL ? '/graphql' : url.pathname.startsWith(`${API}/`) ? url.pathname.slice(API.length) : url.pathname;
  if (latency > 0) await delay(latency);
  const fault = site.limits.takeFault(request.method ?? 'GET', path);
  if (fault && (await meetFault(fault, exchange))) return;
  if (isGitPath(url.pathname)) {
    site.limits.count(actorName(gitCaller(site, request)), 'requests');
    await serveGit(site, exchange, url);
  } else if (path === url.pathname) await servePage(handling, exchange, url);
  else writeAnswer(site, response, await answerApi(handling, request, { url, path }));
}

/** True when the fault is all that the client gets. */
async function meetFault(fault: Fault, { request, response }: Exchange): Promise<boolean> {
  if (fault.kind !== 'dropped') {
    request.resume();
    throw problemOf(fault);
  }
  if (!fault.done) {
    request.destroy();
    return true;
  }
  // All is done as ever, only the answer never arrives.
  const cut = (): ServerResponse => {
    request.socket.destroy();
    return response;
  };
  Object.assign(response, { writeHead: () => response, write: () => true, end: cut });
  return false;
}

async function servePage({ site, pages }: Handling, { request, response }: Exchange, url: URL): Promise<void> {
  const page = request.method === 'GET' && pages ? await pages(url) : null;
  setDate(site, response);
  response.writeHead(page?.status ?? 404, { 'content-type': page ? 'text/html; charset=utf-8' : 'text/plain; charset=utf-8' });
  response.end(page?.html ?? `Nothing at ${url.pathname}. The API of this local GitHub is at ${API}.\n`);
}

async function answerApi({ site, find }: Handling, request: IncomingMessage, { url, path }: { url: URL; path: string }): Promise<Answer> {
  const method = request.method ?? 'GET';
  // Read before anything is refused, so that the connection can be used again.
  const text = await readText(request);
  const caller = identify(site, request.headers.authorization);
  const actor = actorName(caller);
  site.limits.count(actor, 'requests');
  if (method !== 'GET') site.limits.count(actor, 'writes');
  const accept = request.headers.accept ?? '';
  const call: Call = { site, caller, method, url, accept, body: parseBody(text), params: {} };
  if (path === '/graphql') return answerGraphql(call);
  const found = find(method, path);
  if (!found) throw notFound();
  if (found.route.creates) site.limits.countContent(actor);
  return found.route.answer({ ...call, params: found.params });
}

/** How counts name a caller. */
function actorName(caller: Caller): string {
  switch (caller.kind) {
    case 'anonymous':
      return '';
    case 'app':
      return `app/${caller.app.slug}`;
    case 'user':
    case 'installation':
      return caller.account.login;
  }
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > MAX_BODY) throw new Problem(413, 'Payload too large');
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseBody(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new Problem(400, 'Problems parsing JSON');
  }
}

/** The server's own clock, which clients with another one correct themselves by. */
function setDate(site: Site, response: ServerResponse): void {
  response.setHeader('date', new Date(site.clock()).toUTCString());
}

function writeAnswer(site: Site, response: ServerResponse, answer: Answer): void {
  setDate(site, response);
  const type = answer.text === undefined ? 'application/json; charset=utf-8' : 'text/plain; charset=utf-8';
  const body = answer.text ?? (answer.json === undefined ? '' : JSON.stringify(answer.json));
  response.writeHead(answer.status, {
    'x-github-request-id': `LOCAL:${process.hrtime.bigint().toString(16)}`,
    'x-github-media-type': 'github.v3; format=json',
    'x-github-api-version-selected': '2022-11-28',
    ...(body === '' ? {} : { 'content-type': type }),
    ...answer.headers,
  });
  response.end(body);
}

function writeProblem(site: Site, response: ServerResponse, problem: Problem): void {
  if (response.headersSent) response.end();
  else writeAnswer(site, response, { status: problem.status, json: problem.body, headers: problem.headers });
}
