import { createAppAuth } from '@octokit/auth-app';
import { RequestError } from '@octokit/request-error';
import type { Octokit } from '@octokit/rest';

import { GitHubRefusal, isRefusal } from './refusal.ts';

// What goes wrong is thrown.
const QUIET = { warn: () => undefined };

type AppAuth = ReturnType<typeof createAppAuth>;

export interface RepositoryPlace {
  readonly owner: string;
  readonly repo: string;
  /** As it was when the run or the comment began; an App that was installed anew has another. */
  readonly installation: number;
}

export interface InstallationsOptions {
  readonly appId: number;
  readonly privateKey: string;
  /** A client that acts as the App itself. */
  readonly app: Octokit;
}

/**
 * Authentication as the installation that sees a repository now: the one that is told, until GitHub refuses it a token; then the one that GitHub names for the
 * repository, so that a run outlives its App being installed anew. Tokens are shared by the repositories of an installation.
 */
export function installations({ appId, privateKey, app }: InstallationsOptions): (place: RepositoryPlace) => () => InstallationAuth {
  const auths = new Map<number, AppAuth>();
  const newest = new Map<string, number>();
  const authOf = (installationId: number): AppAuth => {
    const auth = auths.get(installationId) ?? createAppAuth({ appId, privateKey, installationId, request: app.request, log: QUIET });
    auths.set(installationId, auth);
    return auth;
  };
  return (place) => {
    const name = `${place.owner}/${place.repo}`.toLowerCase();
    const asInstallation = async <Result>(act: (auth: AppAuth) => Promise<Result>): Promise<Result> => {
      const known = newest.get(name) ?? place.installation;
      try {
        return await act(authOf(known));
      } catch (thrown) {
        if (!isOfTheToken(thrown)) throw thrown;
        const now = await installationOf(app, place);
        if (now === null || (now === known && !isStale(thrown))) throw thrown;
        auths.delete(known);
        newest.set(name, now);
        return act(authOf(now));
      }
    };
    return () => strategyOf(asInstallation);
  };
}

interface InstallationAuth {
  (asked: Parameters<AppAuth>[0]): Promise<unknown>;
  readonly hook: AppAuth['hook'];
}

/** In the shape that Octokit takes for `authStrategy`. */
function strategyOf(asInstallation: <Result>(act: (auth: AppAuth) => Promise<Result>) => Promise<Result>): InstallationAuth {
  const auth = (asked: Parameters<AppAuth>[0]): Promise<unknown> => asInstallation((current) => current(asked));
  const hook: AppAuth['hook'] = (request, route, parameters) => {
    // Tokens are minted inside of other requests, by the App itself and with its own authorization: those decide.
    const url = typeof route === 'string' ? route : route.url;
    if (url.endsWith('/access_tokens')) return typeof route === 'string' ? request(route, parameters) : request(route);
    return asInstallation((current) => current.hook(request, route, parameters));
  };
  return Object.assign(auth, { hook });
}

/** GitHub gives this installation no token (removed: 404, suspended: 403), or does not take the one that it gave before. */
function isOfTheToken(thrown: unknown): boolean {
  const error = requestErrorOf(thrown);
  if (error === null || !mints(error)) return isStale(thrown);
  return error.status === 403 || error.status === 404;
}

/** 401 to a request that carried a token: it was revoked with its installation, or ended early. */
function isStale(thrown: unknown): boolean {
  const error = requestErrorOf(thrown);
  return error !== null && error.status === 401 && !mints(error);
}

function mints({ request }: RequestError): boolean {
  return request.url.endsWith('/access_tokens');
}

function requestErrorOf(thrown: unknown): RequestError | null {
  const error = thrown instanceof GitHubRefusal ? thrown.cause : thrown;
  return error instanceof RequestError ? error : null;
}

/** Null where the App is not installed. */
async function installationOf(app: Octokit, { owner, repo }: RepositoryPlace): Promise<number | null> {
  try {
    return (await app.rest.apps.getRepoInstallation({ owner, repo })).data.id;
  } catch (thrown) {
    if (isRefusal(thrown, 404)) return null;
    throw thrown;
  }
}
