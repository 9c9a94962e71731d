import { RequestError } from '@octokit/request-error';

import { answerOf, codesOf, headerOf } from './refusal.ts';

/** GitHub did nothing because too much was asked. */
export interface RateLimit {
  /** What GitHub's answer asks to wait, in milliseconds; null when it names no time. */
  readonly told: number | null;
}

/**
 * The rate limit in what was thrown, primary or secondary; null when it is none. The secondary one comes as 403, 429 and, for content, as 422
 * with the code `abuse` (facts/github.md §5). Words in a 422 count only as GitHub's own phrase: a branch may be called `abuse`.
 */
export function rateLimitOf(thrown: unknown): RateLimit | null {
  if (!(thrown instanceof RequestError) || thrown.response === undefined) return null;
  const retryAfter = retryAfterOf(thrown);
  const exhausted = headerOf(thrown, 'x-ratelimit-remaining') === '0';
  if (!isLimit(thrown, exhausted || retryAfter !== null)) return null;
  if (retryAfter !== null) return { told: retryAfter };
  const reset = Number(headerOf(thrown, 'x-ratelimit-reset') ?? Number.NaN) * 1000;
  // A second more, since GitHub counts in whole ones.
  return { told: exhausted && Number.isFinite(reset) ? Math.max(reset - Date.now(), 0) + 1000 : null };
}

function isLimit(error: RequestError, saysWhen: boolean): boolean {
  switch (error.status) {
    case 429:
      return true;
    case 403:
      return saysWhen || /secondary rate limit|rate limit exceeded|abuse detection/iu.test(answerOf(error));
    case 422:
      return /submitted too quickly/iu.test(answerOf(error)) || codesOf(error).includes('abuse');
    default:
      return false;
  }
}

/** Seconds, or a date: HTTP allows both. */
function retryAfterOf(error: RequestError): number | null {
  const text = headerOf(error, 'retry-after');
  if (text === undefined) return null;
  const seconds = Number(text);
  if (Number.isFinite(seconds)) return Math.max(seconds, 0) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? null : Math.max(date - Date.now(), 0);
}
