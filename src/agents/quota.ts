import type { Usage } from '../domain/budget.ts';
import type { Kind, Rate } from './rates.ts';

/** Requests on their way: sent and not yet begun to be answered, and all that are not ended. */
interface Underway {
  readonly unheard: number;
  readonly all: number;
}

/**
 * What the service said is left of its limits, so that nobody runs into them: the next request waits until what it is likely to take is there again. Times in milliseconds
 * of one clock.
 */
export interface Quota {
  heard(rates: readonly Rate[], now: number): void;
  /** What an answer took, so that the next one's needs are known. */
  used(usage: Usage): void;
  /** Until one more request may be sent; 0 when it may now. At most a minute: then asking tells more than old headers. */
  wait(underway: Underway, now: number): number;
}

const MINUTE = 60_000;
/** Kept back, of each limit: what is left is told in rounded numbers, and other processes may use the key too. */
const MARGIN = 0.02;
/** Weight of the newest answer in the average. */
const NEWEST = 0.2;

interface Known extends Rate {
  readonly at: number;
}

export function openQuota(): Quota {
  const known = new Map<Kind, Known>();
  let average: { readonly input: number; readonly output: number } | null = null;

  const needs = (kind: Kind): number => {
    if (kind === 'requests') return 1;
    const { input, output } = average ?? { input: 0, output: 0 };
    return kind === 'input-tokens' ? input : kind === 'output-tokens' ? output : input + output;
  };
  const waitFor = (rate: Known, underway: Underway, now: number): number => {
    const need = needs(rate.kind);
    const share = rate.limit * MARGIN;
    // What a response is still going to say counts against the limit only as it is said; all else when it is sent.
    const taken = need * (rate.kind === 'output-tokens' ? underway.all : underway.unheard);
    const missing = Math.min(taken + need + share, rate.limit) - restored(rate, now);
    // With nothing left to hear, waiting teaches nothing: a limit below one request's needs must not stop it for ever.
    if (missing <= 0 || (underway.all === 0 && now - rate.at >= MINUTE)) return 0;
    return Math.min(MINUTE, Math.ceil(missing / refill(rate)));
  };

  return {
    heard(rates, now) {
      for (const rate of rates) known.set(rate.kind, { ...rate, at: now });
    },
    used({ input, output, cacheWrite5m, cacheWrite1h }) {
      // What is read from the cache does not count (facts/claude.md §6).
      const now = { input: input + cacheWrite5m + cacheWrite1h, output };
      const before = average ?? now;
      average = {
        input: before.input + (now.input - before.input) * NEWEST,
        output: before.output + (now.output - before.output) * NEWEST,
      };
    },
    wait: (underway, now) => Math.max(0, ...[...known.values()].map((rate) => waitFor(rate, underway, now))),
  };
}

/** What is left now: it comes back evenly until the reset. */
function restored(rate: Known, now: number): number {
  return Math.min(rate.limit, rate.remaining + (now - rate.at) * refill(rate));
}

/** Per millisecond. Limits are by the minute where a response does not tell more. */
function refill({ limit, remaining, resetMs }: Rate): number {
  if (resetMs === 0) return Infinity;
  return resetMs === null || remaining >= limit ? limit / MINUTE : (limit - remaining) / resetMs;
}
