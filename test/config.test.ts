import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { PRODUCTION_TIMINGS as AGENTS } from '../src/agents/timings.ts';
import { readConfig, readWorkerConfig } from '../src/config.ts';
import { PRODUCTION_TIMINGS as GITHUB } from '../src/github/timings.ts';
import { PRODUCTION_WAITS, waitsFrom } from '../src/waits.ts';

const { privateKey: KEY } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
});
const GOOD = { APP_ID: '7', PRIVATE_KEY: KEY, WEBHOOK_SECRET: 'a long secret', ALLOWED_OWNERS: 'Acme, robin', ANTHROPIC_API_KEY: 'k' };

function problem(changes: NodeJS.ProcessEnv): string {
  try {
    readConfig({ ...GOOD, ...changes });
  } catch (error) {
    return error instanceof Error ? error.message : '';
  }
  return 'nothing';
}

test('a complete environment: owners in lower case, production defaults', () => {
  expect(readConfig(GOOD)).toMatchObject({
    appId: 7,
    apiUrl: 'https://api.github.com',
    host: '127.0.0.1',
    port: 3000,
    publicUrl: null,
    allowedOwners: new Set(['acme', 'robin']),
    sandbox: { confinement: 'bubblewrap', setupNetwork: [] },
    limits: { budget: 50_000_000, agents: 1000, concurrency: 16 },
    contentsPerHour: 450,
    timings: {},
  });
});

test('repositories of scripts, in lower case', () => {
  expect(readConfig({ ...GOOD, SCRIPT_REPOSITORIES: 'Acme/Recipes, robin/x' }).scriptRepositories).toEqual(
    new Set(['acme/recipes', 'robin/x']),
  );
  expect(readConfig(GOOD).scriptRepositories).toEqual(new Set());
});

test('limits of a run, and of all runs in a month: none where none is set', () => {
  expect(readConfig(GOOD).limits).toEqual({ budget: 50_000_000, agents: 1000, concurrency: 16, repositoryMonth: {}, month: {} });
  const environment = {
    ...GOOD,
    MAX_TOKENS: '9000',
    MAX_TURNS: '70',
    MAX_HOURS: '1.5',
    MAX_DOLLARS_PER_REPOSITORY_MONTH: '20.5',
    MAX_TOKENS_PER_MONTH: '8',
    MAX_TURNS_PER_REPOSITORY_MONTH: '11',
    MAX_TURNS_PER_MONTH: '12',
    MAX_AGENTS_PER_REPOSITORY_MONTH: '13',
    MAX_HOURS_PER_REPOSITORY_MONTH: '0.5',
    MAX_AGENTS_PER_MONTH: '14',
    MAX_HOURS_PER_MONTH: '300',
  };
  expect(readConfig(environment).limits).toMatchObject({
    tokens: 9000,
    turns: 70,
    hours: 1.5,
    repositoryMonth: { dollars: 20_500_000, turns: 11, agents: 13, hours: 1_800_000 },
    month: { tokens: 8, turns: 12, agents: 14, hours: 300 * 3_600_000 },
  });
  expect(problem({ MAX_TURNS: '0' })).toContain('MAX_TURNS: ');
  expect(problem({ MAX_AGENTS_PER_MONTH: '1.5' })).toContain('MAX_AGENTS_PER_MONTH: ');
});

test('hosts that setup may reach: none, or a list; never the whole network', () => {
  const hosts = (value: string): readonly string[] => readConfig({ ...GOOD, SETUP_NETWORK: value }).sandbox.setupNetwork;
  expect(readConfig(GOOD).sandbox.setupNetwork).toEqual([]);
  expect(hosts('deny')).toEqual([]);
  expect(hosts('registry.example.org, *.Example.org:443 nexus.corp:8081')).toEqual([
    'registry.example.org',
    '*.example.org:443',
    'nexus.corp:8081',
  ]);
  for (const wrong of [
    'allow',
    '*',
    '*.com',
    'https://registry.example.org',
    'registry.example.org/x',
    'deny, nexus',
    '10.0.0.1',
    'nexus:8081',
    'x.y:99999',
  ])
    expect(problem({ SETUP_NETWORK: wrong })).toMatch(/SETUP_NETWORK: found .*, expected `deny`, or the hosts/u);
});

test('pages of runs and metrics are closed unless the operator chooses a way', () => {
  expect(readConfig(GOOD)).toMatchObject({ pages: { kind: 'off' }, metricsToken: null, siteUrl: 'https://github.com' });
  const long = 'x'.repeat(16);
  expect(readConfig({ ...GOOD, RUN_PAGE_TOKEN: long, METRICS_TOKEN: long })).toMatchObject({
    pages: { kind: 'token', token: long },
    metricsToken: long,
  });
  const github = { RUN_PAGE_SIGN_IN: 'github', CLIENT_ID: 'a', CLIENT_SECRET: 'b', PUBLIC_URL: 'https://converge.example.com' };
  expect(readConfig({ ...GOOD, ...github }).pages).toEqual({ kind: 'github', clientId: 'a', clientSecret: 'b' });
  expect(readConfig({ ...GOOD, RUN_PAGE_SIGN_IN: 'loopback' }).pages).toEqual({ kind: 'loopback' });
  for (const own of ['http://127.0.0.1:3000', 'http://localhost:3000', 'http://[::1]:3000/'])
    expect(readConfig({ ...GOOD, RUN_PAGE_SIGN_IN: 'loopback', PUBLIC_URL: own }).pages).toEqual({ kind: 'loopback' });
  for (const others of ['https://converge.example.com', 'http://127.0.0.1.example.com', 'http://localhost@example.com'])
    expect(problem({ RUN_PAGE_SIGN_IN: 'loopback', PUBLIC_URL: others })).toContain(`found loopback beside PUBLIC_URL ${others}`);
  expect(problem({ RUN_PAGE_TOKEN: 'short' })).toContain('RUN_PAGE_TOKEN: found 5 characters, expected at least 16 characters');
  expect(problem({ METRICS_TOKEN: 'short' })).toContain('METRICS_TOKEN: found 5 characters, expected at least 16 characters');
  expect(problem({ RUN_PAGE_TOKEN: long, RUN_PAGE_SIGN_IN: 'loopback' })).toContain('expected one way to the pages of runs');
  expect(problem({ ...github, CLIENT_SECRET: '', PUBLIC_URL: '' })).toContain('found github without CLIENT_SECRET, PUBLIC_URL');
});

test('a database, for more than one machine', () => {
  expect(readConfig(GOOD).databaseUrl).toBeNull();
  expect(readConfig({ ...GOOD, DATABASE_URL: 'postgres://me@there/converge' }).databaseUrl).toBe('postgres://me@there/converge');
  expect(problem({ DATABASE_URL: 'mysql://there' })).toContain('DATABASE_URL: found 13 characters, expected the address of a Postgres');
});

test('a worker needs the database and the key of the model, and nothing of the App', () => {
  const worker = readWorkerConfig({ DATABASE_URL: 'postgres://me@there/converge', ANTHROPIC_API_KEY: 'k', MAX_CONCURRENCY: '4' });
  expect(worker).toMatchObject({ databaseUrl: 'postgres://me@there/converge', model: { apiKey: 'k' }, limits: { concurrency: 4 } });
  expect(() => readWorkerConfig({ ANTHROPIC_API_KEY: 'k' })).toThrow(
    /The worker does not start: .*\n  DATABASE_URL: found nothing, expected the address of a Postgres/u,
  );
});

test('another GitHub is named as for Probot', () => {
  expect(readConfig({ ...GOOD, GHE_HOST: 'github.acme.example' }).apiUrl).toBe('https://github.acme.example/api/v3');
});

test('a key is taken as PEM, with escaped line ends, or as base64', () => {
  for (const key of [KEY, KEY.replaceAll('\n', String.raw`\n`), Buffer.from(KEY).toString('base64')])
    expect(readConfig({ ...GOOD, PRIVATE_KEY: key }).privateKey).toBe(KEY);
});

test.each([
  [{ GITHUB_CONTENTS_PER_HOUR: '501' }, 'GITHUB_CONTENTS_PER_HOUR: found 501, expected a whole number from 10 to 500'],
  [{ WEBHOOK_SECRET: '' }, "WEBHOOK_SECRET: found nothing, expected the secret of the App's webhook"],
  [{ WEBHOOK_SECRET: 'development' }, 'WEBHOOK_SECRET: found a well-known value'],
  [{ SCRIPT_REPOSITORIES: 'acme/a, acme' }, 'SCRIPT_REPOSITORIES: found acme, expected repositories as `owner/repo`'],
  [{ ALLOWED_OWNERS: 'acme/a' }, 'ALLOWED_OWNERS: found acme/a, expected accounts. Single repositories stand in ALLOWED_REPOSITORIES'],
  [{ ALLOWED_OWNERS: ' , ' }, 'ALLOWED_OWNERS: found nothing there nor in ALLOWED_REPOSITORIES, expected the accounts that may spend'],
  [{ PRIVATE_KEY: '' }, 'PRIVATE_KEY: found nothing there nor in PRIVATE_KEY_PATH'],
  [{ ANTHROPIC_BASE_URL: 'ftp://mona:hunter2@proxy.acme.example' }, 'ANTHROPIC_BASE_URL: found ftp://…@proxy.acme.example, expected'],
  [{ PRIVATE_KEY: '', PRIVATE_KEY_PATH: '/nowhere/key.pem' }, 'PRIVATE_KEY_PATH: found the name of no file that can be read, expected'],
  [{ PRIVATE_KEY: '', PRIVATE_KEY_PATH: import.meta.filename }, 'PRIVATE_KEY_PATH: found a file without a PEM, expected'],
  [{ APP_ID: 'seven' }, 'APP_ID: found seven, expected a whole number above 0'],
  [{ APP_ID: ' ' }, 'APP_ID: found nothing, expected a whole number above 0'],
  [{ MAX_DOLLARS: 'Infinity' }, 'MAX_DOLLARS: found Infinity, expected a number above 0'],
  [{ PORT: '-1' }, 'PORT: found -1, expected a whole number from 0 to 65535'],
  [{ PUBLIC_URL: 'converge.example.com' }, 'PUBLIC_URL: found converge.example.com, expected an address such as https://'],
  [{ CONVERGE_TIMINGS: '[1]' }, 'CONVERGE_TIMINGS: found [1], expected a JSON object of milliseconds by name'],
  [{ CONVERGE_TIMINGS: '{"ciPolMs":7}' }, 'CONVERGE_TIMINGS: found ciPolMs, expected some of: '],
  [{ SANDBOX_READ_ONLY: '{}' }, 'SANDBOX_READ_ONLY: found {}, expected a JSON list'],
  [{ SANDBOX: 'maybe' }, 'SANDBOX: found maybe, expected bubblewrap or none'],
])('%j is told', (changes, words) => {
  const told = problem(changes);
  expect(told).toContain('Converge does not start: one variable is missing or wrong in its environment.');
  expect(told).toContain(words);
  expect(told).toContain('README.md');
});

test('all mistakes of all kinds are told at once, each with what was found, what is expected and what to do', () => {
  const wrong: NodeJS.ProcessEnv = {
    APP_ID: 'x',
    PRIVATE_KEY: 'x',
    WEBHOOK_SECRET: 'secret',
    ALLOWED_OWNERS: '',
    ALLOWED_REPOSITORIES: '',
    ANTHROPIC_API_KEY: '',
    PORT: 'x',
    MAX_TURNS: 'x',
    SANDBOX: 'x',
    SETUP_NETWORK: 'x',
    SANDBOX_READ_ONLY: 'x',
    RUN_PAGE_TOKEN: 'x',
    RUN_PAGE_SIGN_IN: 'github',
    PUBLIC_URL: 'x',
    CONVERGE_TIMINGS: '{"x":1}',
    CONVERGE_POLICY: '/nowhere',
    CONVERGE_DISABLED: 'no',
    SCRIPT_REPOSITORIES: 'x',
    DATABASE_URL: 'x',
  };
  const lines = problem(wrong).split('\n').slice(1, -1);
  const told = new Set(lines.map((line) => line.trim().split(':')[0]));
  // Of the two for accounts and repositories one is told.
  expect(told).toEqual(new Set(Object.keys(wrong).filter((name) => name !== 'ALLOWED_REPOSITORIES')));
  for (const line of lines) expect(line).toMatch(/^ {2}[A-Z_]+: found .+, expected .+\. [A-Z].+\.$/u);
});

test('a key that is cut is told, and nothing of it is', () => {
  const told = problem({ PRIVATE_KEY: KEY.replace(/\n[^]{40}/u, '\n') });
  expect(told).toContain("PRIVATE_KEY: found a PEM that holds no whole RSA key, expected the App's private key as PEM");
  expect(told).not.toContain(KEY.slice(100, 120));
});

test('no secret is in what is told', () => {
  expect(problem({ WEBHOOK_SECRET: 'changeme', APP_ID: '7', ALLOWED_OWNERS: '' })).not.toContain('changeme');
});

test('the waits of production', () => {
  expect(PRODUCTION_WAITS).toEqual({
    agents: AGENTS,
    github: GITHUB,
    retryWaits: [1000, 10_000],
    bulletinMs: 15_000,
    redriveMs: [10_000, 60_000, 300_000, 900_000],
    catchUpMs: 600_000,
    switchMs: 1000,
  });
  expect(waitsFrom({})).toEqual(PRODUCTION_WAITS);
});

test('waits are changed by name, lists for each entry', () => {
  const waits = waitsFrom({ ciPollMs: 7, retriesMs: 3, bulletinMs: 1 });
  expect(waits.github).toEqual({ ...GITHUB, ciPollMs: 7, retriesMs: [3, 3, 3] });
  expect(waits).toMatchObject({ agents: AGENTS, bulletinMs: 1, retryWaits: [1000, 10_000] });
});

test('single repositories may spend where no account may; nobody at all is refused', () => {
  const config = readConfig({ ...GOOD, ALLOWED_OWNERS: '', ALLOWED_REPOSITORIES: 'Acme/One, robin/two' });
  expect(config.allowedRepositories).toEqual(new Set(['acme/one', 'robin/two']));
  expect(problem({ ALLOWED_OWNERS: '' })).toContain('ALLOWED_OWNERS: found nothing');
  expect(problem({ ALLOWED_REPOSITORIES: 'acme' })).toContain('ALLOWED_REPOSITORIES: found acme, expected repositories as `owner/repo`');
});

test('CONVERGE_DISABLED is a reason, and a word that says the opposite is refused', () => {
  expect(readConfig(GOOD).disabled).toBeNull();
  expect(readConfig({ ...GOOD, CONVERGE_DISABLED: 'a leak' }).disabled).toBe('a leak');
  expect(readConfig({ ...GOOD, CONVERGE_DISABLED: '1' }).disabled).toBe('');
  for (const word of ['0', 'false', 'no', 'off'])
    expect(problem({ CONVERGE_DISABLED: word })).toContain(`CONVERGE_DISABLED: found ${word}`);
});

test('a policy is read from its file; one that is not there, or wrong, refuses the start with its keys', () => {
  const directory = mkdtempSync(join(tmpdir(), 'converge-policy-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, 'policy.yml');
  const withPolicy = (text: string): NodeJS.ProcessEnv => {
    writeFileSync(file, text);
    return { CONVERGE_POLICY: file };
  };
  expect(readConfig({ ...GOOD, ...withPolicy('reviewers: 3\nsetup_network: deny'), SETUP_NETWORK: 'registry.example.org' })).toMatchObject({
    policy: { reviewers: 3, saved_scripts: true },
    sandbox: { setupNetwork: [] },
  });
  expect(problem(withPolicy('reviewers: 99\nmodel: x'))).toMatch(/policy\.yml, reviewers: found 99, expected a whole number from 1 to 8/u);
  expect(problem(withPolicy('reviewers: 99\nmodel: x'))).toMatch(
    /model: found the unknown key model, expected one of repositories, models/u,
  );
  expect(problem(withPolicy('limits: [1]'))).toContain('limits: found a list [1], expected a mapping with dollars');
  expect(problem(withPolicy('reviewers: "'))).toContain('valid YAML');
  expect(problem({ CONVERGE_POLICY: join(directory, 'none.yml') })).toContain('found no readable file');
  expect(problem({ ...withPolicy('sandbox: bubblewrap'), SANDBOX: 'none' })).toContain('SANDBOX: found none, expected bubblewrap');
  expect(readWorkerConfig({ ANTHROPIC_API_KEY: 'k', DATABASE_URL: 'postgres://u@h/d', ...withPolicy('effort: low') }).policy.effort).toBe(
    'low',
  );
});
