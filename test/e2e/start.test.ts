import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Ended, program } from './program.ts';

/* The App as a process that an operator has not set up well: it does not start, and says what is missing. */

let directory: string;
let environment: Record<string, string>;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'converge-start-'));
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  environment = {
    APP_ID: '7',
    PRIVATE_KEY: privateKey,
    WEBHOOK_SECRET: 'a long secret of the tests',
    ALLOWED_OWNERS: 'acme',
    ANTHROPIC_API_KEY: 'scripted',
    GHE_HOST: '127.0.0.1:9',
    GHE_PROTOCOL: 'http',
    PORT: '0',
    DATA_DIR: join(directory, 'data'),
  };
});

afterAll(() => rm(directory, { recursive: true, force: true }));

/** What the App printed when it ended by itself. */
function start(changes: Readonly<Record<string, string>>): Promise<Ended> {
  return program('main.ts', [], { ...environment, ...changes });
}

it.each([
  ['WEBHOOK_SECRET', '', 'WEBHOOK_SECRET: '],
  ['WEBHOOK_SECRET', 'development', 'WEBHOOK_SECRET: found a well-known value, expected a secret that nobody guesses'],
  ['ALLOWED_OWNERS', '', 'ALLOWED_OWNERS: found nothing there nor in ALLOWED_REPOSITORIES, expected the accounts that may spend'],
  ['PRIVATE_KEY', 'no key', 'PRIVATE_KEY: found no PEM, expected'],
  ['CONVERGE_TIMINGS', '{"ciPolMs": 1}', 'CONVERGE_TIMINGS: found ciPolMs, expected some of: '],
])('%s=%j is told, and nothing starts', async (name, value, words) => {
  const { code, text } = await start({ [name]: value });
  expect(code).toBe(1);
  expect(text).toContain(words);
  expect(text).not.toContain('BEGIN RSA');
});

it('a data directory that cannot be written is told with its path and what to do', async () => {
  const file = join(directory, 'file');
  await writeFile(file, '');
  const { code, text } = await start({ DATA_DIR: join(file, 'data') });
  expect(code).toBe(1);
  expect(text).toMatch(/file\/data cannot be used: .*Expected a directory.*Set DATA_DIR/u);
});
