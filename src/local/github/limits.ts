import { Problem } from './problem.ts';

/** GitHub's caps (facts/github.md §3, §4), in characters or items. */
export const CAPS = {
  body: 65_536,
  title: 256,
  checkText: 65_535,
  annotations: 50,
  actions: 3,
  actionLabel: 20,
  actionDescription: 40,
  actionIdentifier: 20,
  pullCommits: 250,
  pullFiles: 3000,
  statusesPerContext: 1000,
} as const;

/** What may be made to go wrong, once for each time asked. */
export type Fault =
  /** 403 or 429 with `retry-after` in seconds; without it, the way GitHub tells when not. */
  | { kind: 'secondary-limit'; status: 403 | 429; retryAfter?: number }
  /** The secondary limit in its third form: 422 with the code `abuse`. */
  | { kind: 'abuse' }
  /** The primary limit: 403 with `x-ratelimit-remaining: 0`, until `resetAt` (seconds since the epoch). */
  | { kind: 'rate-limit'; resetAt: number }
  /** Any other status: 404, 500, 502, 503 … */
  | { kind: 'status'; status: number; message?: string }
  /** The connection breaks before anything was done, or after all was done and before it was told. */
  | { kind: 'dropped'; done: boolean };

/** Which requests: `path` is tested on the path without `/api/v3` (`/repos/o/r/issues`, `/graphql`, `/o/r.git/git-receive-pack`). */
export interface FaultMatch {
  readonly method: string;
  readonly path: RegExp;
}

/** What happens to the next delivery of an event: never sent, sent twice, or kept until `releaseDeliveries`. */
export type DeliveryFault = 'lose' | 'duplicate' | 'hold';

export interface DeliveryMatch {
  readonly event: string;
  readonly action?: string;
}

/** The knobs by which a test makes the local GitHub misbehave. */
export interface Faults {
  /** The next `times` (1 unless told) matching requests meet this fault. */
  next(match: FaultMatch, fault: Fault, times?: number): void;
  nextDelivery(match: DeliveryMatch, fault: DeliveryFault): void;
  /** Sends what was held, last held first: out of order. */
  releaseDeliveries(): void;
}

export interface ActorCounts {
  /** All requests, to the API and of git. */
  readonly requests: number;
  /** API requests that are not GET. */
  readonly writes: number;
  /** Issues, comments, pull requests and reviews made: what GitHub's content-creation limits count. */
  readonly contentWrites: number;
  readonly pushes: number;
}

export interface ContentLimits {
  readonly perMinute: number;
  readonly perHour: number;
}

/** GitHub's own content-creation limits for each actor. */
export const CONTENT_LIMITS: ContentLimits = { perMinute: 80, perHour: 500 };

interface Waiting<M, F> {
  readonly match: M;
  readonly fault: F;
  times: number;
}

/** Counts of every actor, the content-creation limits, and the faults asked for. */
export class Limits {
  readonly #counts = new Map<string, { requests: number; writes: number; contentWrites: number; pushes: number }>();
  readonly #contents = new Map<string, number[]>();
  readonly #faults: Waiting<FaultMatch, Fault>[] = [];
  readonly #deliveryFaults: Waiting<DeliveryMatch, DeliveryFault>[] = [];
  readonly #limits: ContentLimits;
  readonly #clock: () => number;

  constructor(limits: ContentLimits, clock: () => number) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** By login; an App itself is `app/<slug>`, nobody is the empty string. */
  get counts(): ReadonlyMap<string, ActorCounts> {
    return this.#counts;
  }

  count(actor: string, what: keyof ActorCounts): void {
    const counts = this.#counts.get(actor) ?? { requests: 0, writes: 0, contentWrites: 0, pushes: 0 };
    counts[what] += 1;
    this.#counts.set(actor, counts);
  }

  /** Counts one content-creating request; ends in Problem 403 when the actor makes too many. */
  countContent(actor: string): void {
    const now = this.#clock();
    const recent = (this.#contents.get(actor) ?? []).filter((at) => at > now - 3_600_000);
    const lastMinute = recent.filter((at) => at > now - 60_000);
    if (recent.length >= this.#limits.perHour || lastMinute.length >= this.#limits.perMinute) throw secondaryLimit(403, 60);
    recent.push(now);
    this.#contents.set(actor, recent);
    this.count(actor, 'contentWrites');
  }

  addFault(match: FaultMatch, fault: Fault, times: number): void {
    this.#faults.push({ match, fault, times });
  }

  addDeliveryFault(match: DeliveryMatch, fault: DeliveryFault): void {
    this.#deliveryFaults.push({ match, fault, times: 1 });
  }

  /** The fault that meets this request, used up by being taken. */
  takeFault(method: string, path: string): Fault | null {
    return take(this.#faults, (match) => match.method === method && match.path.test(path));
  }

  takeDeliveryFault(event: string, action: string | null): DeliveryFault | null {
    return take(this.#deliveryFaults, (match) => match.event === event && (match.action === undefined || match.action === action));
  }
}

function take<M, F>(waiting: Waiting<M, F>[], matches: (match: M) => boolean): F | null {
  const index = waiting.findIndex((one) => matches(one.match));
  const found = waiting[index];
  if (!found) return null;
  found.times -= 1;
  if (found.times === 0) waiting.splice(index, 1);
  return found.fault;
}

function secondaryLimit(status: 403 | 429, retryAfter: number | undefined): Problem {
  const message = 'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.';
  return new Problem(status, message, { headers: retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) } });
}

/** The answer of a fault that answers at all. */
export function problemOf(fault: Exclude<Fault, { kind: 'dropped' }>): Problem {
  switch (fault.kind) {
    case 'secondary-limit':
      return secondaryLimit(fault.status, fault.retryAfter);
    case 'abuse':
      return new Problem(422, 'Validation Failed', {
        errors: [{ resource: 'IssueComment', field: 'data', code: 'abuse', message: 'was submitted too quickly' }],
      });
    case 'rate-limit':
      return new Problem(403, 'API rate limit exceeded for installation.', {
        headers: { 'x-ratelimit-limit': '5000', 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(fault.resetAt) },
      });
    case 'status':
      return new Problem(fault.status, fault.message ?? (fault.status === 404 ? 'Not Found' : 'Server Error'));
  }
}
