import { isLoopback, type PagesChoice } from './web/gatekeeper.ts';

/** What the environment says of run pages. */
interface PagesEnvironment {
  readonly RUN_PAGE_TOKEN?: string | undefined;
  readonly RUN_PAGE_SIGN_IN?: 'loopback' | 'github' | undefined;
  readonly CLIENT_ID?: string | undefined;
  readonly CLIENT_SECRET?: string | undefined;
  readonly PUBLIC_URL?: string | undefined;
}

/** Closed unless one way is chosen; what is wrong with the choice is added to the problems. */
export function pagesIn(env: PagesEnvironment, problems: string[]): PagesChoice {
  const { RUN_PAGE_TOKEN: token, RUN_PAGE_SIGN_IN: kind, CLIENT_ID: clientId = '', CLIENT_SECRET: clientSecret = '' } = env;
  if (token !== undefined && kind !== undefined)
    problems.push('RUN_PAGE_TOKEN: found it beside RUN_PAGE_SIGN_IN, expected one way to the pages of runs. Take one out');
  if (kind === 'loopback' && env.PUBLIC_URL !== undefined && !isLoopback(env.PUBLIC_URL))
    problems.push(
      `RUN_PAGE_SIGN_IN: found loopback beside PUBLIC_URL ${env.PUBLIC_URL}, expected no address that others reach: a proxy in front would show the pages to everybody. Choose github, or RUN_PAGE_TOKEN`,
    );
  if (token !== undefined) return { kind: 'token', token };
  if (kind !== 'github') return { kind: kind ?? 'off' };
  const missing = (['CLIENT_ID', 'CLIENT_SECRET', 'PUBLIC_URL'] as const).filter((name) => env[name] === undefined);
  if (missing.length > 0)
    problems.push(
      `RUN_PAGE_SIGN_IN: found github without ${missing.join(', ')}, expected the App’s client id and secret, and where people reach Converge`,
    );
  return { kind, clientId, clientSecret };
}
