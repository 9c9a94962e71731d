import { createAppAuth } from '@octokit/auth-app';
import { RequestError } from '@octokit/request-error';
import { Octokit } from '@octokit/rest';
import { z } from 'zod';

import { graphqlRefusal } from './graphql-refusal.ts';
import { installations, type RepositoryPlace } from './installation-auth.ts';
import { type ContentLimits, isRank, Pace, type Rank, type Write } from './pace.ts';
import { goOn, pause, systemClock } from './pause.ts';
import { rateLimitOf } from './rate-limit.ts';
import { GitHubRefusal, refusalOf } from './refusal.ts';
import type { GitHubTimings } from './timings.ts';

export interface ClientOptions {
  readonly appId: number;
  readonly privateKey: string;
  /** Root of the REST API, without a slash at the end. */
  readonly apiUrl: string;
  readonly timings: GitHubTimings;
  readonly contents: ContentLimits;
  /** Ages in milliseconds of the contents that were made for this owner in the last hour, by whatever process. */
  readonly known: (owner: string) => Promise<readonly number[]>;
  /** Told each token that GitHub gives. */
  readonly minted: (token: string) => void;
  /** Aborts when this process stops: waits then end in `Suspended`. */
  readonly signal: AbortSignal;
}

export interface Clients {
  /** As the App itself. */
  readonly app: Octokit;
  /**
   * As the installation that sees the repository; all that is written for one owner keeps one pace. `confirm` is asked when a write's turn has come, right before it
   * is sent, and rejects when it must not be: it may have waited for long.
   */
  repository(place: RepositoryPlace, confirm?: () => Promise<void>): Octokit;
}

/**
 * The App's clients. Octokit from `@octokit/rest`, and not Probot's: that one's retry plugin repeats a POST whose outcome is unknown (facts/github.md §9).
 * All errors are GitHubRefusals.
 */
export function openClients(options: ClientOptions): Clients {
  const { appId, privateKey } = options;
  const app = createClient(options, { authStrategy: createAppAuth, auth: { appId, privateKey }, pace: openPace(options, '') });
  const authOf = installations({ appId, privateKey, app });
  const paces = new Map<string, Pace>();
  const clients = new Map<string, Octokit>();
  return {
    app,
    repository: (place, confirm) => {
      // An App has one installation for each owner: what is written as one installation is what is written for one owner.
      const owner = place.owner.toLowerCase();
      const name = `${owner}/${place.repo.toLowerCase()}`;
      const pace = paces.get(owner) ?? openPace(options, owner);
      paces.set(owner, pace);
      if (confirm !== undefined) return createClient(options, { authStrategy: authOf(place), pace, confirm });
      const known = clients.get(name) ?? createClient(options, { authStrategy: authOf(place), pace });
      clients.set(name, known);
      return known;
    },
  };
}

function openPace({ timings, contents, known, signal }: ClientOptions, owner: string): Pace {
  return new Pace({
    timings,
    signal,
    limits: contents,
    clock: systemClock,
    known: () => known(owner),
    limitOf: rateLimitOf,
    outlasted: (thrown) => refusalOf(thrown, true),
  });
}

const Minted = z.object({ token: z.string() });

interface Acting {
  readonly authStrategy: unknown;
  readonly auth?: { readonly appId: number; readonly privateKey: string };
  readonly pace: Pace;
  readonly confirm?: () => Promise<void>;
}

function createClient({ apiUrl, timings, minted, signal }: ClientOptions, { pace, confirm, ...acting }: Acting): Octokit {
  const octokit = new Octokit({
    baseUrl: apiUrl,
    ...acting,
    // What goes wrong is thrown, and says more than Octokit's own log.
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
  });
  octokit.hook.wrap('request', (request, asked) => {
    // Pinned: without it GitHub chooses (facts/github.md §6).
    asked.headers['x-github-api-version'] = '2022-11-28';
    const kind = kindOf({ method: asked.method, url: asked.url, rank: asked.request['rank'] });
    const { write } = kind;
    const attempt = async (): Promise<Awaited<ReturnType<typeof request>>> => {
      goOn(signal);
      if (write !== null) await confirm?.();
      const response = await request(asked);
      if (asked.url.endsWith('/access_tokens')) minted(Minted.parse(response.data).token);
      const refusal = asked.url.endsWith('/graphql') ? graphqlRefusal(response) : null;
      if (refusal !== null) throw refusal;
      return response;
    };
    return write === null
      ? repeated(() => patient(attempt, { pace, timings, signal }), { repeatable: kind.repeatable, timings, signal })
      : repeated(() => pace.turn(write, attempt), { repeatable: kind.repeatable, timings, signal });
  });
  return octokit;
}

interface Asked {
  readonly method: string;
  readonly url: string;
  /** What the caller said of its use to people: `ranked`. */
  readonly rank: unknown;
}

interface Kind {
  /** Null for what need not keep the pace. */
  readonly write: Write | null;
  /** False when a second request would do it a second time. */
  readonly repeatable: boolean;
}

/** Parameters of a request that say how useful it is to people, where its address does not. */
export function ranked(rank: Rank): { readonly request: { readonly rank: Rank } } {
  return { request: { rank } };
}

const CREATES_CONTENT = /\/(?:comments|pulls|reviews|issues)$/u;

function kindOf({ method, url, rank }: Asked): Kind {
  if (method === 'GET' || method === 'HEAD') return { write: null, repeatable: true };
  // Minted inside of other requests' turns: waiting for a turn of its own would wait for ever.
  if (url.endsWith('/access_tokens')) return { write: null, repeatable: true };
  const content = method === 'POST' && CREATES_CONTENT.test(url);
  const write = { rank: isRank(rank) ? rank : rankOf(url), content };
  // GitHub keeps one reaction of a kind for each account, and our mutations set a state.
  const repeatable = method !== 'POST' || url.endsWith('/reactions') || url.endsWith('/graphql');
  return { write, repeatable };
}

/** The usefulness of what an address stands for. */
function rankOf(url: string): Rank {
  if (url.endsWith('/reactions')) return 'reply';
  if (url.includes('/check-runs')) return 'check-run';
  if (url.includes('/reviews')) return 'review';
  if (url.includes('/pulls') || url.endsWith('/graphql')) return 'pull-request';
  return 'status';
}

interface Waiting {
  readonly timings: GitHubTimings;
  readonly signal: AbortSignal;
}

/** Repeats a read after a rate limit for as long as `limitPatienceMs`. Writes are held meanwhile: the limit is the whole installation's. */
async function patient<Result>(
  attempt: () => Promise<Result>,
  { pace, timings, signal }: Waiting & { readonly pace: Pace },
): Promise<Result> {
  let waited = 0;
  for (;;) {
    try {
      return await attempt();
    } catch (thrown) {
      const limit = rateLimitOf(thrown);
      if (limit === null) throw thrown;
      const wait = pace.hold(limit, thrown);
      waited += wait;
      if (waited > timings.limitPatienceMs) throw refusalOf(thrown, true);
      await pause(wait, signal);
    }
  }
}

/** Repeats what may be repeated after 5xx and broken connections. Ends in a GitHubRefusal. */
async function repeated<Result>(
  act: () => Promise<Result>,
  { repeatable, timings, signal }: Waiting & { readonly repeatable: boolean },
): Promise<Result> {
  for (let failures = 0; ; failures += 1) {
    try {
      return await act();
    } catch (thrown) {
      if (thrown instanceof GitHubRefusal || !(thrown instanceof RequestError)) throw thrown;
      const wait = timings.retriesMs[failures];
      const broken = thrown.response === undefined || thrown.status >= 500;
      if (!broken || !repeatable || wait === undefined) throw refusalOf(thrown, false);
      await pause(wait, signal);
    }
  }
}
