import { APIConnectionError, APIError, APIUserAbortError } from '@anthropic-ai/sdk';
import type { PauseReason } from '../domain/errors.ts';
import { ratesOf, type Rate } from './rates.ts';

/** A response that began and did not end: its usage was never learned. */
export class BrokenStream extends Error {
  constructor(cause: unknown) {
    super('The response broke off before its end.', { cause });
    this.name = 'BrokenStream';
  }
}

interface Refused {
  readonly retryAfterMs: number | null;
  /** What the answer told of limits; nothing when there was none. */
  readonly rates: readonly Rate[];
  readonly what: string;
}

/**
 * What a failed request means.
 * `limit`: too many or too fast; the service says when to come back, or not. `fault`: chance, try again. `pause`: no try can help before a person
 * acts, neither of others with this key nor, of scope `model`, with this model.
 * `rejected`: this request will never be answered. `aborted`: we broke it off.
 * `paid`: the service may have charged for it.
 */
export type Fault =
  | (Refused & { readonly kind: 'limit'; readonly paid: false })
  | (Refused & { readonly kind: 'fault'; readonly paid: boolean })
  | { readonly kind: 'pause'; readonly reason: PauseReason; readonly scope: 'key' | 'model'; readonly paid: false; readonly what: string }
  | { readonly kind: 'rejected'; readonly paid: false; readonly what: string }
  | { readonly kind: 'aborted'; readonly paid: true; readonly what: string };

const SPENDING_CODES = new Set([
  'enforced_spend_limit_reached',
  'contract_spend_limit_reached',
  'linked_organization_spend_limit_reached',
  'linked_organization_billing_unavailable',
]);

// A limit that the owner of the account set himself, and an empty account, come as 400 without a code: only the words tell (Claude API errors page).
const SPENDING_WORDS = /specified (workspace )?API usage limits|credit balance is too low/i;

const unheard = { retryAfterMs: null, rates: [] } as const;

/** Sorts what the SDK rejected with, and `BrokenStream` (facts/claude.md §11). */
export function faultOf(error: unknown): Fault {
  if (error instanceof BrokenStream) return { kind: 'fault', ...unheard, paid: true, what: `${error.message} ${textOf(error.cause)}` };
  if (error instanceof APIUserAbortError) return { kind: 'aborted', paid: true, what: 'broken off' };
  if (error instanceof APIConnectionError)
    return { kind: 'fault', ...unheard, paid: !neverSent(error), what: `no connection: ${deepest(error)}` };
  if (error instanceof APIError) return answeredFault(error);
  return { kind: 'fault', ...unheard, paid: true, what: textOf(error) };
}

function answeredFault(error: APIError): Fault {
  const what = `${error.status ?? 'stream'} ${error.errorCode ?? error.type ?? ''}: ${error.apiMessage ?? error.message}`;
  const status = error.status ?? 0;
  if (status === 402 || SPENDING_CODES.has(error.errorCode ?? '') || (status === 400 && SPENDING_WORDS.test(error.apiMessage ?? ''))) {
    return { kind: 'pause', reason: 'spending-limit', scope: 'key', paid: false, what };
  }
  // 404 is a model that this key cannot use: as little the agent's fault as a wrong key.
  if (status === 401 || status === 403 || status === 404 || error.errorCode === 'organization_on_hold') {
    return { kind: 'pause', reason: 'authentication', scope: status === 404 ? 'model' : 'key', paid: false, what };
  }
  const headers: Headers | undefined = error.headers;
  const heard = { retryAfterMs: retryAfterOf(headers), rates: headers === undefined ? [] : ratesOf(headers), what };
  if (status === 429 || status === 529) return { kind: 'limit', ...heard, paid: false };
  // Who gave up waiting never learned whether the answer was made.
  if (status === 408 || status === 504) return { kind: 'fault', ...heard, paid: true };
  if (status === 409 || status >= 500) return { kind: 'fault', ...heard, paid: false };
  if (status >= 400) return { kind: 'rejected', paid: false, what };
  return { kind: 'fault', ...unheard, paid: true, what };
}

function retryAfterOf(headers: Headers | undefined): number | null {
  const milliseconds = Number.parseFloat(headers?.get('retry-after-ms') ?? '');
  if (milliseconds >= 0) return milliseconds;
  const header = headers?.get('retry-after') ?? '';
  const seconds = Number.parseFloat(header);
  if (seconds >= 0) return seconds * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, date - Date.now());
}

/** The code of an error before a connection stood: nothing was sent. */
export const NOT_CONNECTED = 'ENOTCONN';

function neverSent(error: Error): boolean {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && cause.code === NOT_CONNECTED) return true;
  }
  return false;
}

function deepest(error: Error): string {
  let last: Error = error;
  while (last.cause instanceof Error) last = last.cause;
  return last.message || last.name;
}

function textOf(thrown: unknown): string {
  return thrown instanceof Error ? deepest(thrown) : String(thrown);
}
