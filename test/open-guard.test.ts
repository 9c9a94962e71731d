import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { readConfig, readWorkerConfig } from '../src/config.ts';
import { openGuard, warnOfWeak } from '../src/open-guard.ts';

const { privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});

/** Each word stands for a secret of its kind, and is as long as one. */
const ENVIRONMENT = {
  APP_ID: '7',
  PRIVATE_KEY: privateKey,
  WEBHOOK_SECRET: 'webhook-secret-canary',
  ANTHROPIC_API_KEY: 'model-key-canary-value',
  ALLOWED_OWNERS: 'acme',
  DATABASE_URL: 'postgres://converge:database-canary%21@db.internal/converge',
  METRICS_TOKEN: 'metrics-token-canary-of-thirty-two-signs',
  PUBLIC_URL: 'https://converge.example',
  RUN_PAGE_SIGN_IN: 'github',
  CLIENT_ID: 'client',
  CLIENT_SECRET: 'client-secret-canary-value',
};

test('every secret of the configuration, and every token that was minted, is looked for', () => {
  const { guard, minted, weak } = openGuard(readConfig(ENVIRONMENT));
  minted('ghs_minted-canary-token');
  const line = privateKey.split('\n')[5] ?? '';
  const canaries = [
    'webhook-secret-canary',
    'model-key-canary-value',
    'database-canary!',
    'metrics-token-canary-of-thirty-two-signs',
    'client-secret-canary-value',
    'ghs_minted-canary-token',
    line,
    'postgres://converge:database-canary%21@',
  ];
  for (const canary of canaries) expect(guard.withholdOwn(`a ${canary} b`).text).toMatch(/^a ‹secret withheld: [\w -]+› b$/u);
  expect(weak).toEqual([]);
  const pages = openGuard(
    readConfig({ ...ENVIRONMENT, RUN_PAGE_SIGN_IN: undefined, RUN_PAGE_TOKEN: 'page-token-canary-of-thirty-two-signs' }),
  );
  expect(pages.guard.withholdOwn('page-token-canary-of-thirty-two-signs').what).toEqual(['token of the run pages']);
});

test('a worker looks for its own', () => {
  const { guard } = openGuard(readWorkerConfig(ENVIRONMENT));
  expect(guard.withholdOwn('model-key-canary-value and database-canary!').what).toEqual(['key of the model', 'password of the database']);
});

test('a password that is a word is known by its address alone; a secret that is one is told', () => {
  const { guard, weak } = openGuard(
    readConfig({ ...ENVIRONMENT, WEBHOOK_SECRET: 'shortish', DATABASE_URL: 'postgres://converge:postgres@db/converge' }),
  );
  expect(guard.withholdOwn('postgres and converge').what).toEqual([]);
  expect(guard.withholdOwn('postgres://converge:postgres@db/converge').text).toBe('‹secret withheld: password of the database›db/converge');
  expect(weak).toEqual(['secret of the webhook']);
  const told: object[] = [];
  warnOfWeak(weak, { warn: (facts) => told.push(facts) });
  expect(told).toEqual([{ secret: 'secret of the webhook' }]);
});

test.each(['json', 'pretty'] as const)('no secret stands in the log, in %s', async (format) => {
  const program = `
    import { appLog } from './src/app-log.ts';
    import { openOwnSecrets } from './src/secrets/own-secrets.ts';
    import { openSecretGuard } from './src/secrets/secret-guard.ts';
    const own = openOwnSecrets();
    own.add('key of the model', 'model-key-canary-value');
    const log = await appLog({ level: 'info', format: '${format}' }, openSecretGuard(own));
    log.child({ name: 'probot' }).error({ err: new Error('refused model-key-canary-value'), deep: { key: 'model-key-canary-value' } }, 'with model-key-canary-value');
    log.info('after');`;
  const { stdout } = await promisify(execFile)('node', ['--input-type=module', '--eval', program], { cwd: new URL('..', import.meta.url) });
  expect(stdout).toContain('with ‹secret withheld: key of the model›');
  expect(stdout).toContain('after');
  expect(stdout).not.toContain('canary');
});
