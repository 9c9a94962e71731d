import { createServer, setGlobalProxyFromEnv, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openClient } from '../../src/agents/client.ts';
import type { Fault } from '../../src/agents/faults.ts';
import { openTransport } from '../../src/agents/transport.ts';

const LONG = 60_000;

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

async function serve(handler: Handler): Promise<{ readonly url: string; readonly connections: () => number; readonly close: () => void }> {
  let connections = 0;
  const server = createServer(handler);
  server.on('connection', () => (connections += 1));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = (): void => {
    server.close();
    server.closeAllConnections();
  };
  onTestFinished(close);
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { url: `http://127.0.0.1:${address.port}`, connections: () => connections, close };
}

async function textOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces).toString('utf8');
}

test('text and headers go out as they are, and the answer is not to be compressed', async () => {
  const { url } = await serve(async (request, response) => {
    const { method, headers } = request;
    const { 'x-api-key': key, 'content-length': length, 'accept-encoding': encoding } = headers;
    response.setHeader('x-kind', ['a', 'b']);
    response.end(JSON.stringify({ method, path: request.url, key, length, encoding, text: await textOf(request) }));
  });
  const answer = await openTransport(LONG)(`${url}/v1/messages?beta=true`, {
    method: 'POST',
    headers: { 'X-Api-Key': 'k' },
    body: 'Grüße',
  });
  expect(answer.headers.get('x-kind')).toBe('a, b');
  expect(await answer.json()).toEqual({
    method: 'POST',
    path: '/v1/messages?beta=true',
    key: 'k',
    length: '7',
    encoding: 'identity',
    text: 'Grüße',
  });
});

test('a large answer arrives whole, however late it is read, and the other side waits meanwhile', async () => {
  const piece = Buffer.alloc(64 * 1024, 'abcdefgh');
  const pieces = 1000;
  let sent = 0;
  const { url } = await serve((_, response) => {
    const write = (): void => {
      while (sent < pieces) {
        sent += 1;
        if (!response.write(piece)) return void response.once('drain', write);
      }
      response.end();
    };
    write();
  });
  const answer = await openTransport(LONG)(url);
  // Both ends live in this process: what could still flow would flow in its next turns.
  for (let still = 0, before = sent; still < 200; still = before === sent ? still + 1 : 0) {
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  expect(sent).toBeLessThan(pieces);
  const bytes = Buffer.from(await answer.arrayBuffer());
  expect(bytes.equals(Buffer.concat(Array.from({ length: pieces }, () => piece)))).toBe(true);
});

test('connections are used again', async () => {
  const server = await serve((_, response) => response.end('ok'));
  const ask = openTransport(LONG);
  for (let n = 0; n < 3; n += 1) expect(await (await ask(server.url)).text()).toBe('ok');
  expect(server.connections()).toBe(1);
});

test('an answer without a body', async () => {
  const { url } = await serve((_, response) => response.writeHead(204).end());
  const answer = await openTransport(LONG)(url);
  expect(answer.status).toBe(204);
  expect(answer.body).toBeNull();
});

test('a key does not travel on: a redirect is an answer', async () => {
  const other = await serve((_, response) => response.end('here'));
  const { url } = await serve((_, response) => response.writeHead(307, { location: other.url }).end());
  expect((await openTransport(LONG)(url, { method: 'POST', body: '{}' })).status).toBe(307);
  expect(other.connections()).toBe(0);
});

test('broken off before the headers, and within the body', async () => {
  const gone = Promise.withResolvers<void>();
  const { url } = await serve((request, response) => {
    if (request.url === '/body') response.write('so far');
    response.on('close', () => request.url === '/body' && gone.resolve());
  });
  const ask = openTransport(LONG);
  const early = new AbortController();
  const asked = ask(`${url}/headers`, { signal: early.signal });
  early.abort();
  await expect(asked).rejects.toMatchObject({ name: 'AbortError' });

  const late = new AbortController();
  const reader = (await ask(`${url}/body`, { signal: late.signal })).body?.getReader();
  expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('so far');
  late.abort();
  await expect(reader?.read()).rejects.toMatchObject({ name: 'AbortError' });
  await gone.promise;
  await expect(ask(url, { signal: late.signal })).rejects.toMatchObject({ name: 'AbortError' });
});

test('who reads no further lets the connection go', async () => {
  const gone = Promise.withResolvers<void>();
  const { url } = await serve((_, response) => {
    response.write('so far');
    response.on('close', () => gone.resolve());
  });
  await (await openTransport(LONG)(url)).body?.cancel();
  await gone.promise;
});

test.for(['headers', 'body'])('silence in the %s ends, and says so', async (where) => {
  const { url } = await serve((_, response) => {
    if (where === 'body') response.write('so far');
  });
  const read = async (): Promise<string> => (await openTransport(100)(url)).text();
  await expect(read()).rejects.toThrow('timed out: nothing was heard for 0.1 s');
});

test('an answer that breaks off is an error, not an end', async () => {
  const { url } = await serve((_, response) => {
    response.writeHead(200, { 'content-length': 100 });
    response.write('so far', () => response.destroy());
  });
  await expect((await openTransport(LONG)(url)).text()).rejects.toMatchObject({ code: 'ECONNRESET' });
});

test('a status that is none is an error of this request alone', async () => {
  const { url } = await serve((request) => {
    request.socket.end('HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n');
  });
  await expect(openTransport(LONG)(url)).rejects.toThrow(RangeError);
});

/** What a request of the model comes to that fails. */
async function fault(baseUrl: string, signal = new AbortController().signal): Promise<Fault> {
  const client = openClient({ apiKey: 'k', baseUrl }, LONG);
  const listener = { signal, heard: () => undefined, began: () => undefined };
  const sent = await client.send({ model: 'm', max_tokens: 1, messages: [] }, listener);
  if (sent.kind === 'answered') throw new Error('it was answered');
  return sent.fault;
}

/** A proxy that Node is told to use, and when it was asked for a tunnel. */
async function tunnels(answer: (socket: Duplex) => void): Promise<{ readonly asked: Promise<void> }> {
  const asked = Promise.withResolvers<void>();
  const proxy = createServer().on('connect', (_, socket) => {
    onTestFinished(() => void socket.destroy());
    answer(socket);
    asked.resolve();
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void proxy.close());
  const address = proxy.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  onTestFinished(setGlobalProxyFromEnv({ HTTPS_PROXY: `http://127.0.0.1:${address.port}` }));
  return { asked: asked.promise };
}

test('what was never connected was never sent, and is not paid for', async () => {
  const { url, close } = await serve(() => undefined);
  close();
  expect(await fault(url)).toMatchObject({ kind: 'fault', paid: false, what: expect.stringContaining('ECONNREFUSED') });
});

test('TLS that cannot be agreed on is not paid for', async () => {
  const { url } = await serve(() => undefined);
  expect(await fault(url.replace('http:', 'https:'))).toMatchObject({ kind: 'fault', paid: false });
});

test.for<[string, string, (socket: Duplex) => void]>([
  ['refuses', '403', (socket) => void socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')],
  ['hangs up', 'ended unexpectedly', (socket) => void socket.end()],
])('a tunnel that the proxy %s is not paid for', async ([, what, answer]) => {
  await tunnels(answer);
  expect(await fault('https://model.invalid')).toMatchObject({ kind: 'fault', paid: false, what: expect.stringContaining(what) });
});

test('a tunnel that the proxy says nothing of was never sent, and the SDK cannot take that for its own time-out', async () => {
  await tunnels(() => undefined);
  const late = { code: 'ENOTCONN', message: expect.not.stringMatching(/timed? ?out/iu) };
  await expect(openTransport(100)('https://model.invalid')).rejects.toMatchObject(late);
});

test('a request is broken off while a proxy makes its tunnel', async () => {
  const { asked } = await tunnels(() => undefined);
  const stop = new AbortController();
  const failed = fault('https://model.invalid', stop.signal);
  await asked;
  stop.abort();
  expect(await failed).toMatchObject({ kind: 'aborted' });
});

test('a tunnel is waited for as long as a connection, however long an answer may take', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const { asked } = await tunnels(() => undefined);
  const failed = fault('https://model.invalid');
  await asked;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(await failed).toMatchObject({ kind: 'fault', paid: false, what: expect.stringContaining('no connection within 10 s') });
});

test('through the proxy that Node was told to use', async () => {
  const proxy = await serve((request, response) => response.end(`asked for ${request.url}`));
  onTestFinished(setGlobalProxyFromEnv({ HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url }));
  const answer = await openTransport(LONG)('http://model.invalid/v1/messages', { method: 'POST', body: '{}' });
  expect(await answer.text()).toBe('asked for http://model.invalid/v1/messages');
});
