import { z } from 'zod';
import { GITHUB, githubOf, type GitHubConfig } from './config/github.ts';
import { JOURNAL, WORKER_JOURNAL } from './config/journal.ts';
import { LIMITS, limitsOf, type LimitsConfig } from './config/limits.ts';
import { readVariables, refusal, type Mistake } from './config/mistakes.ts';
import { OPERATOR, operatorOf, type OperatorConfig } from './config/operator.ts';
import { SANDBOX, sandboxOf, type SandboxConfig } from './config/sandbox.ts';
import { SPENDERS, spendersOf, type SpendersConfig } from './config/spenders.ts';
import { oneOf, required, webAddress } from './config/values.ts';
import { WEB, webOf, type WebConfig } from './config/web.ts';

/** Everything that the operator decides. Read once, from the environment, by `readConfig` alone. */
export interface Config extends GitHubConfig, WebConfig, SpendersConfig, Common {
  /** Postgres, for more than one machine; null for one process with its journal in the data directory. */
  readonly databaseUrl: string | null;
}

/** A worker's: no key of the App, no secret of its webhook. `limits.concurrency` is the number of its slots. */
export interface WorkerConfig extends Common {
  readonly databaseUrl: string;
}

/** What Apps and workers have in common. */
interface Common extends OperatorConfig {
  readonly dataDirectory: string;
  readonly model: { readonly apiKey: string; readonly baseUrl: string };
  readonly sandbox: SandboxConfig;
  readonly limits: LimitsConfig;
  readonly log: { readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'; readonly format: 'pretty' | 'json' };
}

const MODEL_AND_LOG = {
  ANTHROPIC_API_KEY: required('the key for Claude', 'It is made at platform.claude.com'),
  ANTHROPIC_BASE_URL: webAddress('https://api.anthropic.com').default('https://api.anthropic.com'),
  LOG_LEVEL: oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal']).default('info'),
  LOG_FORMAT: oneOf(['pretty', 'json']).default('pretty'),
};

const COMMON = { ...LIMITS, ...SANDBOX, ...OPERATOR, ...MODEL_AND_LOG };
const Environment = z.object({ ...GITHUB, ...SPENDERS, ...WEB, ...JOURNAL, ...COMMON });
const WorkerEnvironment = z.object({ ...WORKER_JOURNAL, ...COMMON });

/**
 * The one reader of the environment. Ends in a ConvergeError of kind `configuration` that names every variable that is missing or wrong at once,
 * what was found (never a secret's value), what is expected, and what to do.
 */
export function readConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  const mistakes: Mistake[] = [];
  const env = readVariables(Environment, environment, mistakes);
  const config = {
    ...githubOf(env, mistakes),
    ...spendersOf(env, mistakes),
    ...webOf(env, mistakes),
    ...commonOf(env, mistakes),
    databaseUrl: env.DATABASE_URL ?? null,
  };
  if (mistakes.length > 0) throw refusal('Converge', mistakes);
  return Object.freeze(config);
}

/** As `readConfig`, for a worker. */
export function readWorkerConfig(environment: NodeJS.ProcessEnv = process.env): WorkerConfig {
  const mistakes: Mistake[] = [];
  const env = readVariables(WorkerEnvironment, environment, mistakes);
  const config = { ...commonOf(env, mistakes), databaseUrl: env.DATABASE_URL };
  if (mistakes.length > 0) throw refusal('The worker', mistakes);
  return Object.freeze(config);
}

function commonOf(env: z.infer<typeof WorkerEnvironment> | z.infer<typeof Environment>, mistakes: Mistake[]): Common {
  const operator = operatorOf(env, mistakes);
  return {
    ...operator,
    dataDirectory: env.DATA_DIR,
    model: { apiKey: env.ANTHROPIC_API_KEY, baseUrl: env.ANTHROPIC_BASE_URL },
    sandbox: sandboxOf(env, operator.policy, mistakes),
    limits: limitsOf(env),
    log: { level: env.LOG_LEVEL, format: env.LOG_FORMAT },
  };
}

/** Where the journal is, for programs that only look at it or turn the switch; a broken environment of the rest is no matter to them. */
export function journalPlace(environment: NodeJS.ProcessEnv = process.env): {
  readonly databaseUrl: string | null;
  readonly dataDirectory: string;
} {
  const mistakes: Mistake[] = [];
  const { DATABASE_URL, DATA_DIR } = readVariables(z.object(JOURNAL), environment, mistakes);
  if (mistakes.length > 0) throw refusal('This program', mistakes);
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
