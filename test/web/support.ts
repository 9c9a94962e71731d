import { createHmac, generateKeyPairSync } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createNodeMiddleware, Probot } from 'probot';
import { onTestFinished } from 'vitest';
import { converge } from '../../src/app.ts';
import type { Config } from '../../src/config.ts';
import { readConfig } from '../../src/config.ts';
import type { SwitchedOff } from '../../src/domain/switched-off.ts';
import type { Hub } from '../../src/github/hub.ts';
import { openSqliteJournal } from '../../src/journal/sqlite.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { openWeb } from '../../src/open-web.ts';
import { STARTED, temporaryDirectory } from '../journal/support.ts';
import { hubWith } from '../control/support.ts';
import { guardOf } from '../secrets/support.ts';

export const SECRET = 'the secret of the webhook';
export const HOOK = '/api/github/webhooks';
/** A run that the journal knows. */
export const RUN = '0123456789';

const { privateKey: KEY } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
});
const ENVIRONMENT = {
  APP_ID: '7',
  PRIVATE_KEY: KEY,
  WEBHOOK_SECRET: SECRET,
  ALLOWED_OWNERS: 'octo',
  ANTHROPIC_API_KEY: 'k',
  SANDBOX: 'none',
};

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Asking {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
}

export interface Served {
  readonly url: string;
  readonly port: number;
  readonly journal: Journal;
  /** Payloads that came through, parsed. */
  readonly recorded: readonly unknown[];
  readonly ask: (path: string, asking?: Asking) => Promise<Reply>;
}

export interface Serving {
  readonly environment?: Record<string, string>;
  readonly record?: (payload: unknown) => Promise<void>;
  readonly permission?: Hub['permission'];
  readonly change?: (config: Config) => Config;
  readonly off?: () => SwitchedOff | null;
}

/** The App's own server with its Probot, on a real journal with one run; only what is recorded is the test's. */
export async function serve({
  environment = {},
  record,
  permission,
  change = (config) => config,
  off = () => null,
}: Serving = {}): Promise<Served> {
  const config = change(readConfig({ ...ENVIRONMENT, ...environment }));
  const journal = await openSqliteJournal({ directory: temporaryDirectory() });
  await journal.start({ run: RUN, trigger: '1001', event: STARTED });
  const recorded: unknown[] = [];
  let recording = 0;
  const app = converge(async (payload) => {
    recording += 1;
    recorded.push(payload);
    await record?.(payload);
    recording -= 1;
  });
  const probot = new Probot({ appId: 7, privateKey: KEY, secret: SECRET, logLevel: 'fatal' });
  await probot.ready();
  const webhooks = await createNodeMiddleware(app, { probot, webhooksPath: HOOK });
  const hub = hubWith({ permission: permission ?? (() => Promise.resolve('none')) });
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const web = openWeb({
    secrets: guardOf(),
    config,
    journal,
    hubOf: () => hub,
    webhooks,
    hookPath: HOOK,
    recording: () => recording,
    off,
    log,
  });
  await new Promise<void>((resolve) => web.server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    web.server.closeAllConnections();
    await new Promise<void>((resolve) => web.server.close(() => resolve()));
    web.close();
    await journal.close();
  });
  const { port } = web.server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, journal, recorded, ask: (path, asking) => askAt(port, path, asking) };
}

/** One request, its path as it is. */
function askAt(port: number, path: string, { method = 'GET', headers = {}, body }: Asking = {}): Promise<Reply> {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  const request = httpRequest({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
    const pieces: Buffer[] = [];
    response.on('data', (piece: Buffer) => pieces.push(piece));
    response.on('end', () =>
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(pieces).toString('utf8') }),
    );
  });
  request.on('error', reject);
  request.end(body);
  return promise;
}

export function signature(body: string | Buffer, secret = SECRET): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
}

/** A delivery as GitHub makes it. */
export function delivery(body: string | Buffer, headers: Record<string, string> = {}): Asking {
  const own = { 'content-type': 'application/json', 'x-github-event': 'issue_comment', 'x-github-delivery': crypto.randomUUID() };
  return { method: 'POST', body, headers: { ...own, 'x-hub-signature-256': signature(body), ...headers } };
}

export const COMMENT = JSON.stringify({ action: 'created', comment: { id: 5, body: 'hello ✓' }, installation: { id: 7 } });
