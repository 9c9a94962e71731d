/** All waits of the talk with GitHub, in milliseconds. */
export interface GitHubTimings {
  /** Between the starts of two writes. */
  readonly writeSpacingMs: number;
  /** Between the starts of two creations of content (comments, pull requests, reviews), which GitHub counts apart. */
  readonly contentSpacingMs: number;
  /** Before each look for an effect whose outcome is unknown: what GitHub has just made is not always listed at once. */
  readonly effectLookupsMs: readonly number[];
  /** Before each repetition of a request that may be repeated, after 5xx or a broken connection. */
  readonly retriesMs: readonly number[];
  /** First wait after a rate limit that names no time; doubles each time. */
  readonly limitWaitMs: number;
  /** Longest wait for one request's rate limits in all; beyond it, the request ends in an error that says when to come back. */
  readonly limitPatienceMs: number;
  readonly ciPollMs: number;
  /** How long a commit without any check is indeterminate. */
  readonly ciGraceMs: number;
  /** Before the second look at finished checks: workflows start workflows. */
  readonly ciSettleMs: number;
  readonly ciDeadlineMs: number;
}

/** facts/github.md §5 (rate limits) and §8 (CI). */
export const PRODUCTION_TIMINGS: GitHubTimings = {
  writeSpacingMs: 1000,
  contentSpacingMs: 3000,
  effectLookupsMs: [0, 5000, 30_000],
  retriesMs: [1000, 4000, 16_000],
  limitWaitMs: 60_000,
  limitPatienceMs: 900_000,
  ciPollMs: 15_000,
  ciGraceMs: 90_000,
  ciSettleMs: 15_000,
  ciDeadlineMs: 3_600_000,
};
