import { createAppAuth } from '@octokit/auth-app';
import { RequestError } from '@octokit/request-error';
import { Octokit } from '@octokit/rest';

import { graphqlRefusal } from './graphql-refusal.ts';
import { Pace, type Write } from './pace.ts';
import { goOn, pause } from './pause.ts';
import { answerOf, GitHubRefusal, headerOf, refusalOf } from './refusal.ts';
import type { GitHubTimings } from './timings.ts';

export interface ClientOptions {
  readonly appId: number;
  readonly privateKey: string;
  /** Root of the REST API, without a slash at the end. */
  readonly apiUrl: string;
  readonly timings: GitHubTimings;
  /** Aborts when this process stops: waits then end in `Suspended`. */
  readonly signal: AbortSignal;
}

/**
 * Clients of the App's installations, one for each, so that all that is written as one installation keeps one pace. Octokit from `@octokit/rest`, and not
 * Probot's: that one's retry plugin repeats a POST whose outcome is unknown (facts/github.md §9). All errors are GitHubRefusals.
 */
export function installationClients(options: ClientOptions): (installation: number) => Octokit {
  const clients = new Map<number, Octokit>();
  return (installation) => {
    const known = clients.get(installation);
    if (known) return known;
    const octokit = createClient(options, installation);
    clients.set(installation, octokit);
    return octokit;
  };
}

function createClient(options: ClientOptions, installationId: number): Octokit {
  const octokit = new Octokit({
    baseUrl: options.apiUrl,
    authStrategy: createAppAuth,
    auth: { appId: options.appId, privateKey: options.privateKey, installationId },
    // What goes wrong is thrown, and says more than Octokit's own log.
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
  });
  const pace = new Pace(options.timings, options.signal);
  octokit.hook.wrap('request', (request, asked) => {
    // Pinned: without it GitHub chooses (facts/github.md §6).
    asked.headers['x-github-api-version'] = '2022-11-28';
    const attempt = async (): Promise<Awaited<ReturnType<typeof request>>> => {
      const response = await request(asked);
      const refusal = asked.url.endsWith('/graphql') ? graphqlRefusal(response) : null;
      if (refusal !== null) throw refusal;
      return response;
    };
    const kind = kindOf(asked);
    const persist = (): ReturnType<typeof attempt> => persistently(attempt, { repeatable: kind.repeatable, ...options });
    return kind.write === null ? persist() : pace.turn(kind.write, persist);
  });
  return octokit;
}

interface Asked {
  readonly method: string;
  readonly url: string;
}

interface Kind {
  /** Null for what need not keep the pace. */
  readonly write: Write | null;
  /** False when a second request would do it a second time. */
  readonly repeatable: boolean;
}

const CREATES_CONTENT = /\/(?:comments|pulls|reviews|issues)$/u;

function kindOf({ method, url }: Asked): Kind {
  if (method === 'GET' || method === 'HEAD') return { write: null, repeatable: true };
  // Minted inside of other requests' turns: waiting for a turn of its own would wait for ever.
  if (url.endsWith('/access_tokens')) return { write: null, repeatable: true };
  if (method !== 'POST') return { write: 'write', repeatable: true };
  // GitHub keeps one reaction of a kind for each account, and our mutations set a state.
  if (url.endsWith('/reactions') || url.endsWith('/graphql')) return { write: 'write', repeatable: true };
  return { write: CREATES_CONTENT.test(url) ? 'content' : 'write', repeatable: false };
}

interface Persistence {
  readonly repeatable: boolean;
  readonly timings: GitHubTimings;
  readonly signal: AbortSignal;
}

/**
 * Repeats after a rate limit, which means that nothing was done, for as long as `limitPatienceMs`; and, if the request may be repeated, after 5xx and broken connections.
 * Ends in a GitHubRefusal.
 */
async function persistently<Result>(attempt: () => Promise<Result>, { repeatable, timings, signal }: Persistence): Promise<Result> {
  let failures = 0;
  let limits = 0;
  let waited = 0;
  for (;;) {
    goOn(signal);
    try {
      return await attempt();
    } catch (thrown) {
      if (thrown instanceof GitHubRefusal || !(thrown instanceof RequestError)) throw thrown;
      const limit = limitWait(thrown, timings.limitWaitMs * 2 ** limits);
      if (limit !== null) {
        limits += 1;
        waited += limit;
        if (waited > timings.limitPatienceMs) throw refusalOf(thrown, true);
        await pause(limit, signal);
        continue;
      }
      const wait = timings.retriesMs[failures];
      const broken = thrown.response === undefined || thrown.status >= 500;
      if (!broken || !repeatable || wait === undefined) throw refusalOf(thrown, false);
      failures += 1;
      await pause(wait, signal);
    }
  }
}

/** Milliseconds to wait when this is a rate limit, primary or secondary; null when it is not. The secondary one also comes as 422 (facts/github.md §5). */
function limitWait(error: RequestError, fallback: number): number | null {
  if (error.response === undefined) return null;
  const retryAfter = Number(headerOf(error, 'retry-after') ?? Number.NaN);
  const exhausted = headerOf(error, 'x-ratelimit-remaining') === '0';
  const told = /secondary rate limit|rate limit exceeded|abuse|submitted too quickly/iu.test(answerOf(error));
  const limited =
    error.status === 429 || (error.status === 403 && (exhausted || told || Number.isFinite(retryAfter))) || (error.status === 422 && told);
  if (!limited) return null;
  if (Number.isFinite(retryAfter)) return retryAfter * 1000;
  const reset = Number(headerOf(error, 'x-ratelimit-reset') ?? Number.NaN) * 1000;
  return exhausted && Number.isFinite(reset) ? Math.max(reset - Date.now(), 0) + 1000 : fallback;
}
