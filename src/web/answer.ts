import type { IncomingMessage, ServerResponse } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly type: 'text/plain' | 'text/html' | 'application/json';
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** On every answer: no script, no frame, no foreign host, nothing guessed, nothing kept by others. HSTS is the browser's memory of TLS: only where there is one. */
export function securityHeaders(secure: boolean): Readonly<Record<string, string>> {
  return {
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'x-robots-tag': 'noindex, nofollow',
    'cache-control': 'no-store',
    ...(secure ? { 'strict-transport-security': 'max-age=31536000' } : {}),
  };
}

export function send(response: ServerResponse, { status, type, body, headers = {} }: Answer): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(status, { ...headers, 'content-type': `${type}; charset=utf-8`, 'content-length': String(Buffer.byteLength(body)) });
  response.end(body);
}

export function plain(status: number, body: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, type: 'text/plain', body: `${body}\n`, headers };
}

/** Nothing more is read of this request: its connection ends with the answer. */
export function refuse(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  send(response, { ...answer, headers: { ...answer.headers, connection: 'close' } });
  response.once('finish', () => request.destroy());
}

/** Reads a body of at most `most` bytes; null when it has more, or its sender went away. `onBytes` may refuse to hold more. */
export async function bodyOf(
  request: IncomingMessage,
  most: number,
  onBytes: (bytes: number) => boolean = () => true,
): Promise<Buffer | null> {
  const { promise, resolve } = Promise.withResolvers<Buffer | null>();
  const pieces: Buffer[] = [];
  let bytes = 0;
  request.on('data', (piece: Buffer) => {
    bytes += piece.length;
    if (!onBytes(piece.length) || bytes > most) {
      request.pause();
      resolve(null);
    } else pieces.push(piece);
  });
  request.once('end', () => resolve(Buffer.concat(pieces)));
  request.once('close', () => resolve(null));
  request.once('error', () => resolve(null));
  return promise;
}
