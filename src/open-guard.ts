import type { Config, WorkerConfig } from './config.ts';
import type { Log } from './house.ts';
import { openOwnSecrets, type OwnSecrets } from './secrets/own-secrets.ts';
import { openSecretGuard, type SecretGuard } from './secrets/secret-guard.ts';

export interface Guarding {
  readonly guard: SecretGuard;
  /** A token was minted, or came: from now on it is looked for too. */
  readonly minted: (token: string) => void;
  /** Secrets that are too short to be told from ordinary words, and so are not looked for alone. */
  readonly weak: readonly string[];
}

/** The guard of this process: it knows every secret that the configuration holds. */
export function openGuard(config: Config | WorkerConfig): Guarding {
  const own = openOwnSecrets();
  const weak = secretsOf(config).flatMap(([name, secret]) => (own.add(name, secret) ? [] : [name]));
  addDatabase(own, config.databaseUrl);
  return { guard: openSecretGuard(own), minted: (token) => own.addToken('installation token', token), weak };
}

export function warnOfWeak(weak: readonly string[], log: Pick<Log, 'warn'>): void {
  for (const secret of weak)
    log.warn({ secret }, 'this secret is too short to be looked for in what is posted, logged and sent to the model: use a longer one');
}

function secretsOf(config: Config | WorkerConfig): readonly (readonly [name: string, secret: string])[] {
  const model = ['key of the model', config.model.apiKey] as const;
  if (!('privateKey' in config)) return [model];
  const { privateKey, webhookSecret, metricsToken, pages } = config;
  return [
    model,
    ['private key of the App', privateKey],
    ['secret of the webhook', webhookSecret],
    ...(metricsToken === null ? [] : [['token of the metrics', metricsToken] as const]),
    ...(pages.kind === 'token' ? [['token of the run pages', pages.token] as const] : []),
    ...(pages.kind === 'github' ? [['secret of the sign-in', pages.clientSecret] as const] : []),
  ];
}

/** A short password is known by what stands around it in its URL; alone it may be any word. */
function addDatabase(own: OwnSecrets, url: string | null): void {
  const password = url === null ? '' : new URL(url).password;
  if (url === null || password === '') return;
  own.add('password of the database', decodeURIComponent(password));
  own.add('password of the database', url.slice(0, url.lastIndexOf('@') + 1));
}
