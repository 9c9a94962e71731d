import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Journal } from '../journal/journal.ts';
import type { SecretGuard } from '../secrets/secret-guard.ts';
import { plain, refuse, securityHeaders, send, type Answer } from './answer.ts';
import type { Gatekeeper } from './gatekeeper.ts';
import { SIGN_IN_PATH, type SignIn } from './github-sign-in.ts';
import type { Hook } from './hook.ts';
import type { Metrics } from './metrics.ts';
import { runFacts } from './run-facts.ts';
import { runPage } from './run-page.ts';
import { isSame } from './sealed-cookie.ts';

export interface WebParts {
  readonly hook: Hook;
  readonly hookPath: string;
  readonly journal: Journal;
  /** Who sees the pages of runs. */
  readonly pages: Gatekeeper;
  /** Null unless people sign in at GitHub. */
  readonly signIn: SignIn | null;
  /** Null where no token opens them. */
  readonly metrics: { readonly token: string; readonly of: Metrics } | null;
  /** Lines for the health answer: the switch, and what is missing on this machine. */
  readonly health: () => readonly string[];
  /** GitHub's own pages, to which pages of runs link. */
  readonly siteUrl: string;
  /** What every page and report says of this Converge. */
  readonly caveats: readonly string[];
  /** People come by TLS. */
  readonly secure: boolean;
  /** Looks at all of a run that is shown. */
  readonly secrets: Pick<SecretGuard, 'withhold'>;
}

/** Longest that a request may take to arrive, and its head, in milliseconds. */
const ARRIVAL = { whole: 30_000, head: 10_000 } as const;
const CONNECTIONS = 1_024;

/** Bounds of the server itself: nobody holds a place by sending slowly. */
export function bound(server: Server): Server {
  server.requestTimeout = ARRIVAL.whole;
  server.headersTimeout = ARRIVAL.head;
  server.maxConnections = CONNECTIONS;
  return server;
}

type Route = (request: IncomingMessage, url: URL) => Promise<Answer>;

/** The hook, health, metrics, and the page of a run (and the same as JSON); nothing else is served. */
export function serveWeb(parts: WebParts): (request: IncomingMessage, response: ServerResponse) => void {
  const headers = securityHeaders(parts.secure);
  return (request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    answer(parts, request, response).catch(() => send(response, plain(500, 'Converge could not answer this.')));
  };
}

async function answer(parts: WebParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = URL.parse(request.url ?? '/', 'http://converge');
  const found = url === null ? null : routeOf(parts, url.pathname);
  if (url === null || found === null) return refuse(request, response, plain(404, 'Nothing is here.'));
  const method = request.method ?? '';
  if (!found.methods.includes(method))
    return refuse(request, response, plain(405, `Only ${found.methods.join(' and ')} is taken here.`, { allow: found.methods.join(', ') }));
  if (found.route === 'hook') return parts.hook.handle(request, response);
  const given = await found.route(request, url);
  send(response, { ...given, body: (await parts.secrets.withhold(given.body)).text });
}

interface Found {
  readonly methods: readonly string[];
  readonly route: Route | 'hook';
}

const READ = ['GET', 'HEAD'];

function routeOf(parts: WebParts, path: string): Found | null {
  const { signIn, metrics } = parts;
  if (path === parts.hookPath) return { methods: ['POST'], route: 'hook' };
  if (path === '/healthz') return { methods: READ, route: () => healthOf(parts) };
  if (path === '/metrics' && metrics !== null) return { methods: READ, route: (request) => metricsOf(metrics, request) };
  if (path === SIGN_IN_PATH && signIn !== null) return { methods: ['GET'], route: (request, url) => signIn.back(request, url) };
  const [, run, suffix] = /^\/runs\/([0-9a-f]{10})(\.json)?$/u.exec(path) ?? [];
  if (run === undefined) return null;
  const json = suffix !== undefined;
  return { methods: json ? READ : [...READ, 'POST'], route: (request, url) => runOf(parts, { request, url, run, json }) };
}

async function healthOf({ journal, health }: WebParts): Promise<Answer> {
  await journal.unfinished();
  return plain(200, ['ok', ...health()].join('\n'));
}

async function metricsOf({ token, of }: NonNullable<WebParts['metrics']>, request: IncomingMessage): Promise<Answer> {
  const said = /^Bearer (.+)$/u.exec(request.headers.authorization ?? '')?.[1];
  if (said === undefined || !isSame(said, token))
    return plain(401, 'Expected `Authorization: Bearer` with METRICS_TOKEN.', { 'www-authenticate': 'Bearer' });
  return { ...plain(200, ''), body: await of.text() };
}

async function runOf({ pages, journal, siteUrl, caveats }: WebParts, visit: Parameters<Gatekeeper['admit']>[0]): Promise<Answer> {
  const instead = await pages.admit(visit);
  if (instead !== null) return instead;
  const { run, json } = visit;
  if (json) {
    const facts = await runFacts(journal, run);
    return { status: facts === null ? 404 : 200, type: 'application/json', body: `${JSON.stringify(facts)}\n` };
  }
  const page = await runPage(journal, run, { siteUrl, caveats });
  return page === null ? plain(404, `There is no run ${run} here.`) : { status: 200, type: 'text/html', body: page };
}
