import { readFileSync } from 'node:fs';
import { isValidAllowedDomainEntry } from '@anthropic-ai/sandbox-runtime/dist/sandbox/domain-pattern.js';
import { z } from 'zod';
import { MICRO, type MicroDollars } from './domain/budget.ts';
import type { MonthLimits } from './domain/allowance.ts';
import { ConvergeError } from './domain/errors.ts';
import { pagesIn } from './config-pages.ts';
import type { PagesChoice } from './web/gatekeeper.ts';
import { NO_POLICY, parseOperatorPolicy, type OperatorPolicy } from './domain/operator-policy.ts';

/** Everything the operator decides. Read once, from the environment, by `readConfig` alone. */
export interface Config {
  readonly appId: number;
  readonly privateKey: string;
  readonly webhookSecret: string;
  /** Root of the REST API, without a slash at the end; GraphQL is found from it. */
  readonly apiUrl: string;
  /** GitHub's own pages, without a slash at the end. */
  readonly siteUrl: string;
  readonly host: string;
  readonly port: number;
  /** Where people reach the run page, for links; null when it is not reachable. */
  readonly publicUrl: string | null;
  /** Who sees the pages of runs. */
  readonly pages: PagesChoice;
  /** Opens /metrics; null where nothing does. */
  readonly metricsToken: string | null;
  readonly dataDirectory: string;
  /** Postgres, for more than one machine; null for one process with its journal in the data directory. */
  readonly databaseUrl: string | null;
  /** Accounts that may spend, in lower case. */
  readonly allowedOwners: ReadonlySet<string>;
  /** Single repositories that may spend, as `owner/repo` in lower case. */
  readonly allowedRepositories: ReadonlySet<string>;
  /** Narrows all that this configuration allows. */
  readonly policy: OperatorPolicy;
  /** Repositories, as `owner/repo` in lower case, whose saved scripts may be run in other repositories. */
  readonly scriptRepositories: ReadonlySet<string>;
  readonly model: { readonly apiKey: string; readonly baseUrl: string };
  readonly sandbox: {
    readonly confinement: 'bubblewrap' | 'none';
    /** Hosts that a setup command may reach; empty for none. */
    readonly setupNetwork: readonly string[];
    readonly parallel: number;
    readonly memoryMegabytes: number;
    /** What one command may write to disk. */
    readonly diskMegabytes: number;
    /** Directories of this machine that checks may read: host path → path in the checkout. */
    readonly readOnly: readonly { readonly from: string; readonly at: string }[];
  };
  /** Most comments, pull requests and reviews an hour for each owner; GitHub's own limit is 500, for all that the App does there. */
  readonly contentsPerHour: number;
  /** Of each run, and of all runs in a calendar month (UTC); what is absent has no limit. */
  readonly limits: MonthLimits & {
    readonly budget: MicroDollars;
    readonly agents: number;
    readonly concurrency: number;
    readonly tokens?: number;
    readonly turns?: number;
    readonly hours?: number;
  };
  /** Waits in milliseconds that differ from production's, by name; see README.md. */
  readonly timings: Readonly<Record<string, number>>;
  /** Why nothing may be spent while this process lives; null when it may. The file `DISABLED` in the data directory says the same while it is there. */
  readonly disabled: string | null;
  readonly log: { readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'; readonly format: 'pretty' | 'json' };
}

const number = (fallback: number): z.ZodType<number> => z.coerce.number().positive().default(fallback);

const whole = z.coerce.number().int().positive().optional();

const token = z.string().min(16, 'expected at least 16 characters, such as `openssl rand -hex 32` gives');

const Environment = z.object({
  APP_ID: z.coerce.number().int().positive(),
  PRIVATE_KEY: z.string().optional(),
  PRIVATE_KEY_PATH: z.string().optional(),
  WEBHOOK_SECRET: z.string().min(1),
  GHE_HOST: z.string().optional(),
  GHE_PROTOCOL: z.enum(['http', 'https']).default('https'),
  HOST: z.string().default('127.0.0.1'),
  PORT: z.coerce.number().int().min(0).max(65_535).default(3000),
  PUBLIC_URL: z.url().optional(),
  METRICS_TOKEN: token.optional(),
  RUN_PAGE_TOKEN: token.optional(),
  RUN_PAGE_SIGN_IN: z.enum(['loopback', 'github']).optional(),
  CLIENT_ID: z.string().optional(),
  CLIENT_SECRET: z.string().optional(),
  DATA_DIR: z.string().default('./data'),
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/u, error: 'expected a Postgres URL, such as postgres://user@host/converge' }).optional(),
  ALLOWED_OWNERS: z.string().default(''),
  ALLOWED_REPOSITORIES: z.string().default(''),
  CONVERGE_POLICY: z.string().optional(),
  SCRIPT_REPOSITORIES: z.string().default(''),
  ANTHROPIC_API_KEY: z.string().min(1),
  ANTHROPIC_BASE_URL: z.url().default('https://api.anthropic.com'),
  SANDBOX: z.enum(['bubblewrap', 'none']).default('bubblewrap'),
  SETUP_NETWORK: z.string().default('deny'),
  SANDBOX_PARALLEL: number(2),
  SANDBOX_MEMORY_MB: number(4096),
  SANDBOX_DISK_MB: number(8192),
  SANDBOX_READ_ONLY: z.string().default('[]'),
  MAX_DOLLARS: number(50),
  MAX_AGENTS: number(1000),
  MAX_CONCURRENCY: number(16),
  GITHUB_CONTENTS_PER_HOUR: z.coerce.number().int().min(10).max(500).default(450),
  MAX_TOKENS: whole,
  MAX_TURNS: whole,
  MAX_HOURS: z.coerce.number().positive().optional(),
  MAX_DOLLARS_PER_REPOSITORY_MONTH: z.coerce.number().positive().optional(),
  MAX_TOKENS_PER_REPOSITORY_MONTH: whole,
  MAX_TURNS_PER_REPOSITORY_MONTH: whole,
  MAX_DOLLARS_PER_MONTH: z.coerce.number().positive().optional(),
  MAX_TOKENS_PER_MONTH: whole,
  MAX_TURNS_PER_MONTH: whole,
  CONVERGE_TIMINGS: z.string().default('{}'),
  CONVERGE_DISABLED: z.string().optional(),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']).default('info'),
  LOG_FORMAT: z.enum(['pretty', 'json']).default('pretty'),
});

/** What Probot puts in place of a missing secret, and what people type first: anybody could sign with these. */
const KNOWN_SECRETS = new Set(['development', 'secret', 'changeme', 'test']);

/**
 * The one reader of the environment. Ends in a ConvergeError of kind `configuration` that names every variable that is missing or wrong,
 * what was found (never a secret's value), and what is expected.
 */
export function readConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  const problems: string[] = [];
  const env = parse(Environment, environment);
  if (KNOWN_SECRETS.has(env.WEBHOOK_SECRET))
    problems.push('WEBHOOK_SECRET: found a well-known value, expected the secret of the App’s webhook');
  const allowedOwners = namesIn(env.ALLOWED_OWNERS);
  const scriptRepositories = namesIn(env.SCRIPT_REPOSITORIES);
  const allowedRepositories = namesIn(env.ALLOWED_REPOSITORIES);
  demandRepositories('SCRIPT_REPOSITORIES', scriptRepositories, problems);
  demandRepositories('ALLOWED_REPOSITORIES', allowedRepositories, problems);
  if (allowedOwners.size + allowedRepositories.size === 0)
    problems.push(
      'ALLOWED_OWNERS: found none, expected the accounts that may spend, such as `my-org,my-login`, or single repositories in ALLOWED_REPOSITORIES',
    );
  const privateKey = readPrivateKey(env.PRIVATE_KEY, env.PRIVATE_KEY_PATH);
  if (privateKey === null) problems.push('PRIVATE_KEY: found no PEM there nor at PRIVATE_KEY_PATH, expected the App’s private key');
  const common = commonOf(env, problems);
  const pages = pagesIn(env, problems);
  if (problems.length > 0 || privateKey === null || common === null) throw refuse(problems);
  const site = env.GHE_HOST === undefined ? null : `${env.GHE_PROTOCOL}://${env.GHE_HOST}`;
  return Object.freeze({
    appId: env.APP_ID,
    privateKey,
    webhookSecret: env.WEBHOOK_SECRET,
    apiUrl: site === null ? 'https://api.github.com' : `${site}/api/v3`,
    siteUrl: site ?? 'https://github.com',
    host: env.HOST,
    port: env.PORT,
    publicUrl: env.PUBLIC_URL ?? null,
    pages,
    metricsToken: env.METRICS_TOKEN ?? null,
    databaseUrl: env.DATABASE_URL ?? null,
    allowedOwners,
    allowedRepositories,
    scriptRepositories,
    contentsPerHour: env.GITHUB_CONTENTS_PER_HOUR,
    ...common,
  });
}

/** What Apps and workers have in common. */
type Common = Pick<Config, 'dataDirectory' | 'model' | 'sandbox' | 'limits' | 'policy' | 'timings' | 'disabled' | 'log'>;

/** A worker's: no key of the App, no secret of its webhook. `limits.concurrency` is the number of its slots. */
export interface WorkerConfig extends Common {
  readonly databaseUrl: string;
}

const WorkerEnvironment = Environment.omit({ APP_ID: true, PRIVATE_KEY: true, PRIVATE_KEY_PATH: true, WEBHOOK_SECRET: true });

/** As `readConfig`, for a worker. */
export function readWorkerConfig(environment: NodeJS.ProcessEnv = process.env): WorkerConfig {
  const problems: string[] = [];
  const env = parse(WorkerEnvironment, environment);
  const { DATABASE_URL: databaseUrl } = env;
  if (databaseUrl === undefined)
    problems.push("DATABASE_URL: found none, expected the App's: a worker gets its work from there, such as postgres://user@host/converge");
  const common = commonOf(env, problems);
  if (databaseUrl === undefined || common === null) throw refuse(problems);
  return Object.freeze({ ...common, databaseUrl });
}

function parse<Env>(schema: z.ZodType<Env>, environment: NodeJS.ProcessEnv): Env {
  const parsed = schema.safeParse(Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== '')));
  if (parsed.success) return parsed.data;
  throw refuse(parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`));
}

function commonOf(env: z.infer<typeof WorkerEnvironment>, problems: string[]): Common | null {
  const timings = z.record(z.string(), z.number().nonnegative()).safeParse(jsonOf(env.CONVERGE_TIMINGS));
  if (!timings.success) problems.push('CONVERGE_TIMINGS: expected a JSON object of milliseconds by name');
  const readOnly = z.array(z.strictObject({ from: z.string(), at: z.string() })).safeParse(jsonOf(env.SANDBOX_READ_ONLY));
  if (!readOnly.success) problems.push('SANDBOX_READ_ONLY: expected a JSON list of {"from": host path, "at": path in the checkout}');
  const setupNetwork = hostsIn(env.SETUP_NETWORK, problems);
  const policy = policyIn(env.CONVERGE_POLICY, problems);
  if (policy.sandbox === 'bubblewrap' && env.SANDBOX === 'none')
    problems.push('SANDBOX: found none, expected bubblewrap: the policy of CONVERGE_POLICY says `sandbox: bubblewrap`');
  const disabled = disabledIn(env.CONVERGE_DISABLED);
  if (disabled === undefined)
    problems.push(
      `CONVERGE_DISABLED: found ${env.CONVERGE_DISABLED ?? ''}, expected why nothing may be spent, or 1; without the variable Converge is switched on`,
    );
  if (!timings.success || !readOnly.success || disabled === undefined) return null;
  return {
    dataDirectory: env.DATA_DIR,
    model: { apiKey: env.ANTHROPIC_API_KEY, baseUrl: env.ANTHROPIC_BASE_URL },
    sandbox: {
      confinement: env.SANDBOX,
      setupNetwork: policy.setup_network === 'deny' ? [] : setupNetwork,
      parallel: env.SANDBOX_PARALLEL,
      memoryMegabytes: env.SANDBOX_MEMORY_MB,
      diskMegabytes: env.SANDBOX_DISK_MB,
      readOnly: readOnly.data,
    },
    limits: limitsOf(env),
    policy,
    timings: timings.data,
    disabled,
    log: { level: env.LOG_LEVEL, format: env.LOG_FORMAT },
  };
}

/** Undefined for a word that says the opposite: whoever reads the environment must not have to guess what it means. */
function disabledIn(text: string | undefined): string | null | undefined {
  if (text === undefined) return null;
  if (/^(?:0|false|no|off)$/iu.test(text.trim())) return undefined;
  return /^(?:1|true|yes|on)$/iu.test(text.trim()) ? '' : text;
}

function demandRepositories(variable: string, names: ReadonlySet<string>, problems: string[]): void {
  const unnamed = [...names].filter((name) => !/^[\w.-]+\/[\w.-]+$/u.test(name));
  if (unnamed.length > 0)
    problems.push(`${variable}: found ${unnamed.join(', ')}, expected repositories as \`owner/repo\`, separated by commas`);
}

/** One that cannot be read is a problem, never no policy. */
function policyIn(path: string | undefined, problems: string[]): OperatorPolicy {
  if (path === undefined) return NO_POLICY;
  const source = readFile(path);
  if (source === undefined) {
    problems.push(`CONVERGE_POLICY: found no readable file ${path}, expected the operator's policy in YAML`);
    return NO_POLICY;
  }
  const parsed = parseOperatorPolicy(source);
  if ('policy' in parsed) return parsed.policy;
  for (const { key, found, expected } of parsed.errors)
    problems.push(`CONVERGE_POLICY, ${path}, ${key}: found ${found}, expected ${expected}`);
  return NO_POLICY;
}

function namesIn(list: string): ReadonlySet<string> {
  const names = list.toLowerCase().split(/[\s,]+/u);
  return new Set(names.filter((name) => name !== ''));
}

/** A name of at least two parts, or `*.` and one, with an optional port; the proxy, which has the last word, takes the same and addresses besides. */
const HOST = /^(?:\*\.(?:[a-z0-9-]+\.)+|(?:[a-z0-9-]+\.)*)[a-z0-9-]*[a-z][a-z0-9-]*(?::[1-9]\d{0,4})?$/u;

function hostsIn(list: string, problems: string[]): readonly string[] {
  const hosts = [...namesIn(list)];
  if (hosts.length === 1 && hosts[0] === 'deny') return [];
  const wrong = hosts.filter((host) => !HOST.test(host) || !isValidAllowedDomainEntry(host));
  if (wrong.length > 0) {
    problems.push(
      `SETUP_NETWORK: found ${wrong.join(', ')}, expected \`deny\`, or the hosts that setup may reach, such as \`registry.example.org, *.example.org:443\`, each with a dot. There is no word for the whole network.`,
    );
  }
  return hosts;
}

function limitsOf(env: z.infer<typeof WorkerEnvironment>): Config['limits'] {
  const dollars = (value: number | undefined): number | undefined => (value === undefined ? undefined : Math.round(value * MICRO));
  return {
    budget: Math.round(env.MAX_DOLLARS * MICRO),
    agents: env.MAX_AGENTS,
    concurrency: env.MAX_CONCURRENCY,
    ...given({ tokens: env.MAX_TOKENS, turns: env.MAX_TURNS, hours: env.MAX_HOURS }),
    repositoryMonth: given({
      dollars: dollars(env.MAX_DOLLARS_PER_REPOSITORY_MONTH),
      tokens: env.MAX_TOKENS_PER_REPOSITORY_MONTH,
      turns: env.MAX_TURNS_PER_REPOSITORY_MONTH,
    }),
    month: given({ dollars: dollars(env.MAX_DOLLARS_PER_MONTH), tokens: env.MAX_TOKENS_PER_MONTH, turns: env.MAX_TURNS_PER_MONTH }),
  };
}

/** Without the keys that have no value. */
function given<Key extends string>(values: Readonly<Record<Key, number | undefined>>): Partial<Record<Key, number>> {
  const kept: Partial<Record<Key, number>> = {};
  for (const key in values) {
    const value = values[key];
    if (value !== undefined) kept[key] = value;
  }
  return kept;
}

function refuse(problems: readonly string[]): ConvergeError {
  return new ConvergeError(
    'configuration',
    `Converge does not start: its environment is not complete.\n${problems.map((problem) => `  ${problem}`).join('\n')}\nSee "Run it for real" in README.md.`,
  );
}

/** Probot's order: PRIVATE_KEY (PEM, with `\n` escaped, or base64), then PRIVATE_KEY_PATH. */
function readPrivateKey(key: string | undefined, path: string | undefined): string | null {
  const text = key ?? (path === undefined ? undefined : readFile(path));
  if (text === undefined) return null;
  const candidates = [text, text.replaceAll(String.raw`\n`, '\n'), Buffer.from(text, 'base64').toString('utf8')];
  return candidates.find((candidate) => /-----BEGIN [A-Z ]*PRIVATE KEY-----\n/u.test(candidate)) ?? null;
}

function readFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Where the journal is, for programs that only look at it or turn the switch; a broken environment of the rest is no matter to them. */
export function journalPlace(environment: NodeJS.ProcessEnv = process.env): {
  readonly databaseUrl: string | null;
  readonly dataDirectory: string;
} {
  const { DATABASE_URL, DATA_DIR } = parse(Environment.pick({ DATABASE_URL: true, DATA_DIR: true }), environment);
  return { databaseUrl: DATABASE_URL ?? null, dataDirectory: DATA_DIR };
}

/** What a process that this one starts inherits: where programs and temporary files are, and nothing else. */
export function inheritedEnvironment(environment: NodeJS.ProcessEnv = process.env): Readonly<Record<string, string>> {
  const names = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'TZ'];
  return Object.fromEntries(names.flatMap((name) => (environment[name] === undefined ? [] : [[name, environment[name]]])));
}

/** The real Claude's key, for `npm run demo -- --real` and `npm run try`; null where there is none. */
export function realModel(
  environment: NodeJS.ProcessEnv = process.env,
): { readonly apiKey: string; readonly baseUrl: string | null } | null {
  const { ANTHROPIC_API_KEY: apiKey = '', ANTHROPIC_BASE_URL: baseUrl = '' } = environment;
  return apiKey === '' ? null : { apiKey, baseUrl: baseUrl === '' ? null : baseUrl };
}
