import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type { Access, Caller } from './auth.ts';
import { actorOf, authorise, canSee, identify } from './auth.ts';
import { Problem } from './problem.ts';
import { moveBranches } from './pushes.ts';
import type { Site } from './site.ts';
import type { Repository } from './state.ts';
import { findRepository, fullName } from './state.ts';

const READ: Access = { app: ['contents:read'], user: 'read' };
const WRITE: Access = { app: ['contents:write'], user: 'write' };

interface GitRequest {
  readonly repository: Repository;
  readonly service: 'git-upload-pack' | 'git-receive-pack';
  /** What follows the repository in the path: `info/refs`, `git-upload-pack`, `git-receive-pack`. */
  readonly tail: string;
  readonly caller: Caller;
}

/** Whether a path is git's, `/{owner}/{repo}.git/…`. */
export function isGitPath(path: string): boolean {
  return /^\/[^/]+\/[^/]+\.git\//.test(path);
}

/** Who calls git; an unknown or expired token ends in Problem 401. */
export function gitCaller(site: Site, request: IncomingMessage): Caller {
  return identify(site, request.headers.authorization);
}

/**
 * git's smart HTTP by `git http-backend` (CGI). A push is answered only after its events are recorded, so that whoever hears
 * "pushed" finds the pull request already there. Ends in Problem; resolves when the answer is written.
 */
export async function serveGit(
  site: Site,
  { request, response }: { request: IncomingMessage; response: ServerResponse },
  url: URL,
): Promise<void> {
  const git = parse(site, url, gitCaller(site, request));
  if (git.service === 'git-receive-pack' && git.tail === 'git-receive-pack') {
    const sender = actorOf(git.caller);
    const push = await moveBranches(site, git.repository, {
      sender,
      move: () => collect(startBackend(site, git, { request, url }), request),
    });
    if (push.moved > 0) site.limits.count(sender.login, 'pushes');
    writeHead(response, push.result.headers);
    response.end(push.result.body);
    return;
  }
  await stream(startBackend(site, git, { request, url }), { request, response });
}

function parse(site: Site, url: URL, caller: Caller): GitRequest {
  const [, owner = '', name = '', tail = ''] = /^\/([^/]+)\/([^/]+)\.git\/(.+)$/.exec(url.pathname) ?? [];
  const repository = findRepository(site.state, decodeURIComponent(owner), decodeURIComponent(name));
  const service = tail === 'info/refs' ? url.searchParams.get('service') : tail;
  if (service !== 'git-upload-pack' && service !== 'git-receive-pack') throw new Problem(404, 'Not Found');
  // git asks for credentials only when told 401; nobody learns so what exists.
  if (caller.kind === 'anonymous' && (!repository || repository.private || service === 'git-receive-pack')) throw unauthorised();
  if (!repository || !canSee(caller, repository)) throw new Problem(404, 'Repository not found.');
  try {
    authorise(caller, repository, service === 'git-receive-pack' ? WRITE : READ);
  } catch (thrown) {
    if (!(thrown instanceof Problem) || thrown.status !== 403) throw thrown;
    throw new Problem(403, `Permission to ${fullName(repository)}.git denied to ${actorOf(caller).login}.`);
  }
  return { repository, service, tail, caller };
}

function unauthorised(): Problem {
  return new Problem(401, 'Requires authentication', { headers: { 'www-authenticate': 'Basic realm="GitHub"' } });
}

interface CgiAnswer {
  readonly headers: string;
  readonly body: Buffer;
}

type Backend = ReturnType<Site['git']['start']>;

function startBackend(site: Site, git: GitRequest, { request, url }: { request: IncomingMessage; url: URL }): Backend {
  const mayWorkflows = git.caller.kind !== 'installation' || git.caller.permissions['workflows'] === 'write';
  return site.git.start(git.repository.directory, ['http-backend'], {
    GIT_PROJECT_ROOT: git.repository.directory,
    GIT_HTTP_EXPORT_ALL: '1',
    PATH_INFO: `/${git.tail}`,
    QUERY_STRING: url.search.slice(1),
    REQUEST_METHOD: request.method ?? 'GET',
    CONTENT_TYPE: request.headers['content-type'] ?? '',
    GIT_PROTOCOL: [request.headers['git-protocol'] ?? ''].flat().join(''),
    REMOTE_USER: git.caller.kind === 'anonymous' ? '' : actorOf(git.caller).login,
    REMOTE_ADDR: '127.0.0.1',
    CONVERGE_LOCAL_WORKFLOWS: mayWorkflows ? 'write' : 'none',
  });
}

/** Hands the request's body to git. A client that goes away, or a git that refuses before it read all, ends both. */
async function feed(child: Backend, request: IncomingMessage): Promise<void> {
  child.stderr.resume();
  const body = request.headers['content-encoding'] === 'gzip' ? request.pipe(createGunzip()) : request;
  await pipeline(body, child.stdin).catch(() => child.stdin.destroy());
}

/** A push's whole answer: small, and held back until its events are recorded. */
async function collect(child: Backend, request: IncomingMessage): Promise<CgiAnswer> {
  const output: Buffer[] = [];
  child.stdout.on('data', (bytes: Buffer) => output.push(bytes));
  const ended = new Promise<void>((done, failed) => {
    child.on('close', () => done());
    child.on('error', failed);
  });
  await Promise.all([feed(child, request), ended]);
  const all = Buffer.concat(output);
  const split = all.indexOf(END_OF_HEAD);
  if (split < 0) throw new Problem(500, 'git http-backend gave no answer');
  return { headers: all.subarray(0, split).toString('latin1'), body: all.subarray(split + END_OF_HEAD.length) };
}

const END_OF_HEAD = '\r\n\r\n';

/** A fetch's answer as it comes: it may be large. git ends when the client goes away. */
async function stream(child: Backend, { request, response }: { request: IncomingMessage; response: ServerResponse }): Promise<void> {
  response.on('close', () => child.kill());
  const fed = feed(child, request);
  let head = Buffer.alloc(0);
  let inBody = false;
  await pipeline(
    child.stdout,
    async function* bodyOf(source: AsyncIterable<Buffer>) {
      for await (const bytes of source) {
        if (inBody) {
          yield bytes;
          continue;
        }
        head = Buffer.concat([head, bytes]);
        const split = head.indexOf(END_OF_HEAD);
        if (split < 0) continue;
        inBody = true;
        writeHead(response, head.subarray(0, split).toString('latin1'));
        yield head.subarray(split + END_OF_HEAD.length);
      }
    },
    response,
  ).catch(() => response.destroy());
  await fed;
}

function writeHead(response: ServerResponse, headers: string): void {
  for (const line of headers.split('\r\n')) {
    const [name = '', ...value] = line.split(': ');
    if (/^status$/i.test(name)) response.statusCode = Number.parseInt(value.join(': '), 10);
    else response.setHeader(name, value.join(': '));
  }
}
