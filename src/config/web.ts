import type { z } from 'zod';
import { isLoopback, type PagesChoice } from '../web/gatekeeper.ts';
import { needs, type Mistake } from './mistakes.ts';
import { between, oneOf, text, token, webAddress } from './values.ts';

/** Where it listens, and who sees what there. */
export const WEB = {
  HOST: text.default('127.0.0.1'),
  PORT: between(0, 65_535).default(3000),
  PUBLIC_URL: webAddress('https://converge.example.com', 'Leave it out, and nothing links to run pages').optional(),
  METRICS_TOKEN: token.optional(),
  RUN_PAGE_TOKEN: token.optional(),
  RUN_PAGE_SIGN_IN: oneOf(['loopback', 'github'], 'Leave it out, and run pages are closed').optional(),
  CLIENT_ID: text.optional(),
  CLIENT_SECRET: text.optional(),
};

export interface WebConfig {
  readonly host: string;
  readonly port: number;
  /** Where people reach the run page, for links; null when it is not reachable. */
  readonly publicUrl: string | null;
  /** Who sees the pages of runs. */
  readonly pages: PagesChoice;
  /** Opens /metrics; null where nothing does. */
  readonly metricsToken: string | null;
}

export function webOf(env: WebEnvironment, mistakes: Mistake[]): WebConfig {
  return {
    host: env.HOST,
    port: env.PORT,
    publicUrl: env.PUBLIC_URL ?? null,
    pages: pagesIn(env, mistakes),
    metricsToken: env.METRICS_TOKEN ?? null,
  };
}

type WebEnvironment = z.infer<z.ZodObject<typeof WEB>>;

/** Closed unless one way is chosen; what is wrong with the choice is added to the mistakes. */
function pagesIn(env: WebEnvironment, mistakes: Mistake[]): PagesChoice {
  const { RUN_PAGE_TOKEN: token, RUN_PAGE_SIGN_IN: kind, CLIENT_ID: clientId = '', CLIENT_SECRET: clientSecret = '' } = env;
  if (token !== undefined && kind !== undefined)
    mistakes.push({
      variable: 'RUN_PAGE_TOKEN',
      found: 'it beside RUN_PAGE_SIGN_IN',
      expected: needs('one way to the pages of runs', 'Take one out'),
    });
  if (kind === 'loopback' && env.PUBLIC_URL !== undefined && !isLoopback(env.PUBLIC_URL))
    mistakes.push({
      variable: 'RUN_PAGE_SIGN_IN',
      found: `loopback beside PUBLIC_URL ${env.PUBLIC_URL}`,
      expected: needs(
        'no address that others reach, for a proxy in front would show the pages to everybody',
        'Choose github, or RUN_PAGE_TOKEN',
      ),
    });
  const missing =
    kind === 'github' ? (['CLIENT_ID', 'CLIENT_SECRET', 'PUBLIC_URL'] as const).filter((name) => env[name] === undefined) : [];
  if (missing.length > 0)
    mistakes.push({
      variable: 'RUN_PAGE_SIGN_IN',
      found: `github without ${missing.join(', ')}`,
      expected: needs(
        "the App's client id and secret, and where people reach Converge",
        `Set ${missing.join(', ')}, or choose RUN_PAGE_TOKEN`,
      ),
    });
  if (token !== undefined) return { kind: 'token', token };
  return kind === 'github' ? { kind, clientId, clientSecret } : { kind: kind ?? 'off' };
}
