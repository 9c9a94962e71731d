import { isUtf8 } from 'node:buffer';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Log } from '../house.ts';
import { bodyOf, plain, refuse } from './answer.ts';

/** Probot's middleware: verifies the signature over the body and answers. */
export type Webhooks = (request: IncomingMessage, response: ServerResponse) => Promise<boolean | void> | boolean | void;

/** What the hook holds at once. What is refused is in GitHub's record of failed deliveries, and is read from there (control/catch-up.ts). */
export const HOOK_LIMITS = {
  /** Of one body: a comment with its issue comes to some hundred kilobytes at most; GitHub's own limit is 25 MB. */
  bytes: 5 * 1_048_576,
  /** Of all bodies that are being read. */
  held: 64 * 1_048_576,
  /** Deliveries that are being verified and recorded. */
  underWay: 64,
} as const;

/** Seconds after which a sender may try again. */
const RETRY_AFTER = '30';

/** What a signature looks like; whether it is one shows when the body is there. */
const SIGNATURE = /^sha256=[0-9a-f]{64}$/u;

interface HookParts {
  readonly webhooks: Webhooks;
  /** Records under way, which may outlive their requests. */
  readonly recording: () => number;
  readonly log: Pick<Log, 'warn'>;
  readonly limits?: { readonly bytes: number; readonly held: number; readonly underWay: number };
}

export interface Hook {
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
  readonly counts: () => Readonly<Record<'taken' | 'refused' | 'tooLarge', number>>;
}

/** Stands before Probot: a body is bounded before it is read, and so is how many are worked on, so that a flood costs a refusal and not the runs. */
export function openHook({ webhooks, recording, log, limits = HOOK_LIMITS }: HookParts): Hook {
  const counts = { taken: 0, refused: 0, tooLarge: 0 };
  let held = 0;
  let underWay = 0;
  let flooded = false;
  const flood = (request: IncomingMessage, response: ServerResponse): void => {
    counts.refused += 1;
    if (!flooded)
      log.warn({ underWay, held }, 'more webhooks come than can be recorded; some are refused and will be read from GitHub later');
    flooded = true;
    refuse(request, response, plain(503, 'Too many deliveries at once. Try again later.', { 'retry-after': RETRY_AFTER }));
  };
  const tooLarge = (request: IncomingMessage, response: ServerResponse): void => {
    counts.tooLarge += 1;
    refuse(request, response, plain(413, `A delivery of at most ${limits.bytes.toLocaleString('en-US')} bytes was expected.`));
  };
  const isFull = (): boolean => Math.max(underWay, recording()) >= limits.underWay;
  const unreadable = (request: IncomingMessage, response: ServerResponse): void => {
    refuse(request, response, plain(400, 'A body in UTF-8, without a byte order mark, was expected.'));
  };
  const unsigned = (request: IncomingMessage, response: ServerResponse): void => {
    refuse(request, response, plain(400, 'A signature in X-Hub-Signature-256 was expected, by the secret of the webhook.'));
  };
  const verify = async (request: IncomingMessage, response: ServerResponse, rawBody: Buffer): Promise<void> => {
    underWay += 1;
    counts.taken += 1;
    try {
      await webhooks(Object.assign(request, { body: {}, rawBody }), response);
      flooded = false;
    } finally {
      underWay -= 1;
    }
  };
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (Number(request.headers['content-length'] ?? 0) > limits.bytes) return tooLarge(request, response);
    if (!SIGNATURE.test(String(request.headers['x-hub-signature-256']))) return unsigned(request, response);
    if (isFull()) return flood(request, response);
    let own = 0;
    let isOver = false;
    try {
      const body = await bodyOf(request, limits.bytes, (bytes) => {
        own += bytes;
        held += bytes;
        isOver = held > limits.held;
        return !isOver;
      });
      if (isOver || isFull()) return flood(request, response);
      if (body !== null && !isExact(body)) return unreadable(request, response);
      if (body !== null) return await verify(request, response, body);
      if (own > limits.bytes) return tooLarge(request, response);
      request.destroy();
    } finally {
      held -= own;
    }
  };
  return { handle, counts: () => counts };
}

/** Whether the bytes are those of the text that is read from them, so that a signature over the text is one over the bytes. */
function isExact(body: Buffer): boolean {
  return isUtf8(body) && !(body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf);
}
