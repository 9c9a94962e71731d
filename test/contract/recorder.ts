import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AskedRequest } from './openapi.ts';

export interface Exchange extends AskedRequest {
  readonly status: number;
  /** Undefined for what is no JSON. */
  readonly answer: unknown;
}

export interface Recorder {
  /** REST base URL in place of the server's own. */
  readonly apiUrl: string;
  /** Requests to REST, in order; GraphQL has no OpenAPI. */
  readonly exchanges: readonly Exchange[];
}

/** Stands between a client and the local GitHub, passes all on, and keeps what passed. */
export async function recording<T>(
  target: { readonly url: string; readonly apiUrl: string },
  use: (recorder: Recorder) => Promise<T>,
): Promise<T> {
  const exchanges: Exchange[] = [];
  const own = { url: '' };
  const server = createServer((request, response) => {
    passOn({ request, response }, { target, own, exchanges }).catch(() => response.destroy());
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  own.url = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
  try {
    return await use({ apiUrl: target.apiUrl.replace(target.url, own.url), exchanges });
  } finally {
    server.closeAllConnections();
    await new Promise<void>((done) => server.close(() => done()));
  }
}

interface Between {
  readonly target: { readonly url: string; readonly apiUrl: string };
  readonly own: { readonly url: string };
  readonly exchanges: Exchange[];
}

async function passOn(
  { request, response }: { request: IncomingMessage; response: ServerResponse },
  { target, own, exchanges }: Between,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  const body = Buffer.concat(chunks);
  const url = new URL(request.url ?? '/', target.url);
  const { host: _host, connection: _connection, 'content-length': _length, ...headers } = request.headers;
  const given = Object.entries(headers).map(([name, value]): [string, string] => [name, [value ?? ''].flat().join(', ')]);
  const method = request.method ?? 'GET';
  const answer = await fetch(url, { method, headers: given, ...(body.length > 0 && { body }) });
  const text = await answer.text();
  const root = new URL(target.apiUrl).pathname;
  if (url.pathname.startsWith(`${root}/`)) {
    const json = answer.headers.get('content-type')?.includes('json') === true;
    exchanges.push({
      method,
      path: url.pathname.slice(root.length),
      query: Object.fromEntries(url.searchParams),
      body: body.length > 0 ? JSON.parse(body.toString('utf8')) : undefined,
      status: answer.status,
      answer: json ? JSON.parse(text) : undefined,
    });
  }
  // Further pages are asked for here too.
  const kept = [...answer.headers].filter(
    ([name]) => !['content-length', 'content-encoding', 'transfer-encoding', 'connection'].includes(name),
  );
  response.writeHead(
    answer.status,
    Object.fromEntries(kept.map(([name, value]) => [name, name === 'link' ? value.replaceAll(target.url, own.url) : value])),
  );
  response.end(text);
}
