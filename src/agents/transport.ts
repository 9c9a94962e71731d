import { Agent as PlainAgent, request as plainRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import https, { Agent as SecureAgent, request as secureRequest } from 'node:https';
import type { ClientOptions } from '@anthropic-ai/sdk';

type Fetch = NonNullable<ClientOptions['fetch']>;

/** A connection that nobody used for so long is closed: one that lies longer may be gone without a word. */
const IDLE_MS = 4000;
/** Until a new connection stands, TLS included. */
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
    limitConnecting(asked, connected);
    const answered = answerOf(asked, { silenceMs, signal });
    asked.end(body ?? undefined);
    return answered;
  };
}

interface Ends {
  readonly silenceMs: number;
  readonly signal: AbortSignal | null;
}

/** Rejects, or breaks the answer's body off, when the connection fails, nothing is heard for too long, or the signal aborts. */
function answerOf(asked: ClientRequest, { silenceMs, signal }: Ends): Promise<Response> {
  const { promise, resolve, reject } = Promise.withResolvers<Response>();
  let open: ClientRequest | IncomingMessage = asked;
  asked.on('error', reject);
  asked.on('timeout', () => open.destroy(new Error(`timed out: nothing was heard for ${silenceMs / 1000} s`)));
  signal?.addEventListener('abort', () => open.destroy(reasonOf(signal)), { once: true });
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

/** What is not connected was never sent, and faults.ts knows it by this code. */
function limitConnecting(asked: ClientRequest, connected: string): void {
  asked.once('socket', (socket) => {
    if (!socket.connecting) return;
    const late = (): void =>
      void asked.destroy(Object.assign(new Error(`no connection within ${CONNECT_MS / 1000} s`), { code: 'ENOTCONN' }));
    const timer = setTimeout(late, CONNECT_MS);
    const clear = (): void => clearTimeout(timer);
    socket.once(connected, clear);
    socket.once('close', clear);
  });
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
