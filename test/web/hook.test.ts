import { createHmac } from 'node:crypto';
import { connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { HOOK_LIMITS } from '../../src/web/hook.ts';
import { COMMENT, HOOK, SECRET, delivery, serve, signature } from './support.ts';

test('a delivery with the right signature is recorded', async () => {
  const { ask, recorded } = await serve();
  expect(await ask(HOOK, delivery(COMMENT))).toMatchObject({ status: 200 });
  expect(recorded).toMatchObject([{ comment: { body: 'hello ✓' } }]);
});

test('nothing else is: another body, another secret, a cut or absent signature, one by sha1', async () => {
  const { ask, recorded } = await serve();
  const right = signature(COMMENT);
  const sha1 = `sha1=${createHmac('sha1', SECRET).update(COMMENT).digest('hex')}`;
  const wrong = [
    signature(`${COMMENT} `),
    signature(COMMENT, 'another secret'),
    signature(COMMENT, ''),
    right.slice(0, -1),
    `${right}0`,
    right.toUpperCase(),
    right.replace('sha256=', ''),
    sha1,
    'sha256=',
    'é',
    `${right}, ${right}`,
  ];
  for (const said of wrong) {
    const { status } = await ask(HOOK, delivery(COMMENT, { 'x-hub-signature-256': Buffer.from(said).toString('latin1') }));
    expect(status, said).toBe(400);
  }
  const { 'x-hub-signature-256': _unsigned, ...headers } = delivery(COMMENT).headers ?? {};
  expect((await ask(HOOK, { ...delivery(COMMENT), headers })).status).toBe(400);
  expect((await ask(HOOK, { ...delivery(COMMENT), headers: { ...headers, 'x-hub-signature': sha1 } })).status).toBe(400);
  expect(recorded).toEqual([]);
});

test('what is signed is the bytes as they came: no others that read the same', async () => {
  const { ask, recorded } = await serve();
  const broken = Buffer.concat([Buffer.from(COMMENT.slice(0, -1)), Buffer.from([0x2c, 0x22, 0x78, 0x22, 0x3a, 0x22, 0xff, 0x22, 0x7d])]);
  const read = broken.toString('utf8');
  expect((await ask(HOOK, delivery(broken, { 'x-hub-signature-256': signature(broken) }))).status).toBe(400);
  expect((await ask(HOOK, { ...delivery(broken), body: read })).status).toBe(400);
  const byText = { 'x-hub-signature-256': signature(read) };
  expect((await ask(HOOK, delivery(read, byText))).status).toBe(200);
  expect((await ask(HOOK, delivery(broken, byText))).status).toBe(400);
  const marked = Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(COMMENT)]);
  expect((await ask(HOOK, delivery(marked, { 'x-hub-signature-256': signature(COMMENT) }))).status).toBe(400);
  const spaced = JSON.stringify(JSON.parse(COMMENT), null, 1);
  expect((await ask(HOOK, { ...delivery(COMMENT), body: spaced })).status).toBe(400);
  expect(recorded).toHaveLength(1);
});

test('another method, type or event does nothing', async () => {
  const { ask, recorded } = await serve();
  for (const method of ['GET', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
    expect(await ask(HOOK, { method })).toMatchObject({ status: 405, headers: { allow: 'POST' } });
  }
  expect((await ask(HOOK, delivery(COMMENT, { 'content-type': 'application/x-www-form-urlencoded' }))).status).toBe(415);
  expect((await ask(HOOK, delivery('{', {}))).status).toBe(400);
  expect((await ask(HOOK, delivery(COMMENT, { 'x-github-event': 'issues' }))).status).toBe(200);
  for (const path of [`${HOOK}/`, `${HOOK}/x`, `/x/..${HOOK}/../y`, '/api', `/${HOOK}`])
    expect((await ask(path, delivery(COMMENT))).status, path).toBe(404);
  expect(recorded).toEqual([]);
});

/** A header that looks like a signature: nothing shows before the body is there that it is none. */
const SIGNED = `X-Hub-Signature-256: ${signature('another body')}\r\n`;

test('without what looks like a signature a body is refused before it is read: who sends slowly holds no memory', async () => {
  const { port, recorded } = await serve();
  for (const header of ['', `X-Hub-Signature: ${signature('x')}\r\n`, 'X-Hub-Signature-256: sha256=abc\r\n']) {
    const socket = connect(port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    socket.write(`POST ${HOOK} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${header}Content-Length: 1000\r\n\r\n{`);
    const said = (await socket.setEncoding('utf8').toArray()).join('');
    expect(said, header).toMatch(/^HTTP\/1\.1 400 [^]*X-Hub-Signature-256/u);
    expect(said).toMatch(/^connection: close$/imu);
  }
  expect(recorded).toEqual([]);
});

test('a body that is too large is refused before it is read: by its length, or where the limit is reached', async () => {
  const { port, recorded, ask } = await serve();
  const claimed = await new Promise<string>((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(
        `POST ${HOOK} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${HOOK_LIMITS.bytes + 1}\r\n\r\n`,
      );
    });
    let text = '';
    socket.on('data', (piece: Buffer) => (text += piece.toString('utf8')));
    socket.on('close', () => resolve(text));
  });
  expect(claimed).toMatch(/^HTTP\/1\.1 413 /u);
  expect(claimed).toMatch(/^connection: close$/imu);
  const sent = await new Promise<{ text: string; bytes: number }>((resolve) => {
    let [text, bytes, open] = ['', 0, true];
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(`POST ${HOOK} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${SIGNED}Transfer-Encoding: chunked\r\n\r\n`);
      const piece = Buffer.alloc(65_536, 0x20);
      const more = (): void => {
        if (!open || bytes > 100_000_000) return;
        bytes += piece.length;
        if (socket.write(Buffer.concat([Buffer.from('10000\r\n'), piece, Buffer.from('\r\n')]))) setImmediate(more);
        else socket.once('drain', more);
      };
      more();
    });
    socket.on('data', (piece: Buffer) => (text += piece.toString('utf8')));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      open = false;
      resolve({ text, bytes });
    });
  });
  expect(sent.bytes).toBeLessThan(HOOK_LIMITS.bytes + 20_000_000);
  if (sent.text !== '') expect(sent.text).toMatch(/^HTTP\/1\.1 413 /u);
  expect(recorded).toEqual([]);
  expect((await ask(HOOK, delivery(COMMENT))).status).toBe(200);
});

test('a flood is refused beyond what is recorded at once, told when to come again, and what came first is recorded', async () => {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const { ask, recorded } = await serve({ record: () => gate, environment: { METRICS_TOKEN: 'the token of metrics' } });
  const all = Array.from({ length: HOOK_LIMITS.underWay + 40 }, () => ask(HOOK, delivery(COMMENT)));
  await expect.poll(() => recorded.length, { timeout: 20_000 }).toBe(HOOK_LIMITS.underWay);
  const over = await ask(HOOK, delivery(COMMENT));
  expect(over).toMatchObject({ status: 503, headers: { 'retry-after': '30', connection: 'close' } });
  // Others are answered meanwhile.
  expect((await ask('/healthz')).status).toBe(200);
  open();
  const statuses = (await Promise.all(all)).map(({ status }) => status);
  expect(statuses.filter((status) => status === 200)).toHaveLength(HOOK_LIMITS.underWay);
  expect(statuses.filter((status) => status === 503)).toHaveLength(40);
  expect((await ask(HOOK, delivery(COMMENT))).status).toBe(200);
  const { body } = await ask('/metrics', { headers: { authorization: 'Bearer the token of metrics' } });
  expect(body).toContain('converge_webhooks{state="refused"} 41');
});

test('bodies that arrive slowly hold no place of those that are there', async () => {
  const { port, ask, recorded } = await serve();
  const slow = Array.from({ length: HOOK_LIMITS.underWay + 10 }, () => {
    const socket = connect(port, '127.0.0.1');
    socket.write(`POST ${HOOK} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${SIGNED}Content-Length: 1000\r\n\r\n{`);
    return socket;
  });
  expect((await ask(HOOK, delivery(COMMENT))).status).toBe(200);
  expect(recorded).toHaveLength(1);
  for (const socket of slow) socket.destroy();
});
