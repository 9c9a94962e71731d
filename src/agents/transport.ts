import { Agent as PlainAgent, request as plainRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import https, { Agent as SecureAgent, request as secureRequest } from 'node:https';
import type { ClientOptions } from '@anthropic-ai/sdk';
import { NOT_CONNECTED } from './faults.ts';

type Fetch = NonNullable<ClientOptions['fetch']>;

/** A connection that nobody used for so long is closed: one that lies longer may be gone without a word. */
const IDLE_MS = 4000;
/** Until a new connection stands, a proxy's tunnel and TLS included. */
const CONNECT_MS = 10_000;
/** Pieces of a body that may wait for their reader before the other side is made to wait. */
const PIECES = 64;
/** Answers that have no body. */
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);

/**
 * A `fetch` for the SDK on `node:http`: half the time and memory of Node's own. It sends text, asks for answers that are not compressed, follows no redirect (a key must not
 * travel on), and goes through the proxy that Node was told to use. `silenceMs`: the longest that the other side may say nothing, before the headers and within a body.
 */
export function openTransport(silenceMs: number): Fetch {
  const { proxyEnv } = https.globalAgent.options;
  const options = { keepAlive: true, timeout: IDLE_MS, ...(proxyEnv === undefined ? {} : { proxyEnv }) };
  const plain = { agent: new PlainAgent(options), request: plainRequest, connected: 'connect' };
  const secure = { agent: new SecureAgent(options), request: secureRequest, connected: 'secureConnect' };

  return async (input, { method = 'GET', headers, body = null, signal = null } = {}) => {
    if (body !== null && typeof body !== 'string') throw new TypeError('The transport sends text only.');
    signal?.throwIfAborted();
    const url = new URL(input instanceof Request ? input.url : input);
    const { agent, request, connected } = url.protocol === 'https:' ? secure : plain;
    const sent = { ...Object.fromEntries(headers instanceof Headers ? headers : new Headers(headers)), 'accept-encoding': 'identity' };
    const asked = request(url, { agent, method, headers: sent, timeout: silenceMs });
    const answered = answerOf(asked, { connected, silenceMs, signal });
    asked.end(body ?? undefined);
    return answered;
  };
}

interface Ends {
  /** The event of a socket that says that all stands, TLS included. */
  readonly connected: string;
  readonly silenceMs: number;
  readonly signal: AbortSignal | null;
}

/**
 * Rejects, or breaks the answer's body off, when the connection fails, nothing is heard for too long, or the signal aborts. Rejects by itself: while a proxy's tunnel is made, a
 * request that is destroyed says nothing.
 */
function answerOf(asked: ClientRequest, { connected, silenceMs, signal }: Ends): Promise<Response> {
  const { promise, resolve, reject } = Promise.withResolvers<Response>();
  let open: ClientRequest | IncomingMessage = asked;
  let stands = false;
  const fail = (why: Error): void => {
    clearTimeout(late);
    reject(why);
    open.destroy(why);
  };
  const broken = (why: Error): void => fail(stands ? why : notConnected(why));
  const late = setTimeout(() => broken(new Error(`no connection within ${CONNECT_MS / 1000} s`)), CONNECT_MS);
  whenConnected(asked, connected, () => {
    stands = true;
    clearTimeout(late);
  });
  asked.on('error', broken);
  asked.on('timeout', () => broken(new Error(`timed out: nothing was heard for ${silenceMs / 1000} s`)));
  signal?.addEventListener('abort', () => fail(reasonOf(signal)), { once: true });
  asked.on('response', (incoming) => {
    open = incoming;
    try {
      resolve(responseOf(incoming));
    } catch (error) {
      incoming.destroy();
      reject(error);
    }
  });
  return promise;
}

/** A socket that is used again stands, and so does the one of a proxy's tunnel: it is given when its TLS is made. */
function whenConnected(asked: ClientRequest, connected: string, then: () => void): void {
  asked.once('socket', (socket) => {
    if (socket.connecting) socket.once(connected, then);
    else then();
  });
}

/** What is not connected was never sent. Says nothing of a time-out: the SDK takes errors that do for its own, and drops them. */
function notConnected(why: Error): Error {
  const { message, name } = why;
  const code = 'code' in why && typeof why.code === 'string' ? why.code : name;
  return Object.assign(new Error((message || code).replace(/E?timed? ?out/giu, 'took too long')), { code: NOT_CONNECTED });
}

function reasonOf({ reason }: AbortSignal): Error {
  return reason instanceof Error ? reason : new DOMException('This operation was aborted', 'AbortError');
}

function responseOf(incoming: IncomingMessage): Response {
  const { statusCode: status = 0, rawHeaders } = incoming;
  const headers: [string, string][] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) headers.push([rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '']);
  if (!BODILESS.has(status)) return new Response(bodyOf(incoming), { status, headers });
  incoming.resume();
  return new Response(null, { status, headers });
}

function bodyOf(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        incoming.on('data', (piece: Buffer) => {
          controller.enqueue(piece);
          if ((controller.desiredSize ?? 0) <= 0) incoming.pause();
        });
        incoming.once('end', () => controller.close());
        incoming.once('error', (error) => controller.error(error));
      },
      pull: () => void incoming.resume(),
      cancel: () => void incoming.destroy(),
    },
    { highWaterMark: PIECES },
  );
}
