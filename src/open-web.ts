import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { Config } from './config.ts';
import { convergeMonth } from './domain/allowance.ts';
import { messageOf } from './domain/errors.ts';
import type { Place } from './domain/run.ts';
import { foldRun } from './domain/run-state.ts';
import { SWITCHED_OFF_HEALTH, type SwitchedOff } from './domain/switched-off.ts';
import type { Hub } from './github/hub.ts';
import type { Log } from './house.ts';
import type { Journal } from './journal/journal.ts';
import { probeConfinement } from './sandbox/probe.ts';
import type { SecretGuard } from './secrets/secret-guard.ts';
import { caveatsOf } from './caveats.ts';
import { UNCONFINED } from './sandbox/unconfined.ts';
import { CLOSED, LOOPBACK_ONLY, tokenGatekeeper, type Gatekeeper } from './web/gatekeeper.ts';
import { signInByGitHub, type SignIn } from './web/github-sign-in.ts';
import { openHook, type Webhooks } from './web/hook.ts';
import { openMetrics } from './web/metrics.ts';
import { sealedCookies } from './web/sealed-cookie.ts';
import { bound, serveWeb } from './web/serve.ts';

export interface WebEstate {
  readonly config: Config;
  readonly journal: Journal;
  readonly hubOf: (place: Place) => Hub;
  readonly webhooks: Webhooks;
  readonly hookPath: string;
  /** Webhooks that are being recorded. */
  readonly recording: () => number;
  readonly secrets: SecretGuard;
  /** The operator's switch: null when Converge may spend. */
  readonly off: () => SwitchedOff | null;
  readonly log: Log;
}

export interface Web {
  readonly server: Server;
  close(): void;
}

/** The one server of an App, ready to listen. */
export function openWeb(estate: WebEstate): Web {
  const { config, journal, webhooks, recording, off, log } = estate;
  const hook = openHook({ webhooks, recording, log });
  const metrics =
    config.metricsToken === null
      ? null
      : { token: config.metricsToken, of: openMetrics({ journal, hook, off, month: () => monthOf(estate) }) };
  const sandbox = sandboxHealth(config, log);
  const handler = serveWeb({
    hook,
    hookPath: estate.hookPath,
    secrets: estate.secrets,
    journal,
    ...pagesOf(estate),
    metrics,
    health: () => [...(off() === null ? [] : [SWITCHED_OFF_HEALTH]), ...sandbox()],
    siteUrl: config.siteUrl,
    caveats: caveatsOf(config),
    secure: isSecure(config),
  });
  return { server: bound(createServer(handler)), close: () => metrics?.of.close() };
}

function isSecure({ publicUrl }: Config): boolean {
  return publicUrl?.startsWith('https:') === true;
}

function pagesOf({ config, journal, hubOf }: WebEstate): { readonly pages: Gatekeeper; readonly signIn: SignIn | null } {
  const { pages, siteUrl, apiUrl } = config;
  const publicUrl = config.publicUrl?.replace(/\/$/u, '') ?? '';
  const cookies = (own: string): ReturnType<typeof sealedCookies> =>
    sealedCookies(`${config.webhookSecret} pages ${own}`, isSecure(config));
  switch (pages.kind) {
    case 'off':
      return { pages: CLOSED, signIn: null };
    case 'loopback':
      return { pages: LOOPBACK_ONLY, signIn: null };
    case 'token':
      return { pages: tokenGatekeeper(pages.token, cookies(pages.token)), signIn: null };
    case 'github': {
      const mayRead = async (run: string, login: string): Promise<boolean> => {
        const events = await journal.events(run);
        if (events[0]?.event.type !== 'run.started') return false;
        return (await hubOf(foldRun(events).place).permission(login)) !== 'none';
      };
      const signIn = signInByGitHub({ ...pages, siteUrl, apiUrl, publicUrl, cookies: cookies(pages.clientSecret), mayRead });
      return { pages: signIn, signIn };
    }
  }
}

async function monthOf({ config, journal }: WebEstate): ReturnType<Parameters<typeof openMetrics>[0]['month']> {
  const { name, limits } = convergeMonth(config.limits, new Date());
  return { limits, balance: await journal.balance(name) };
}

/** Tried once at the start, for the operator; each run tries again, and refuses to run commands where it does not hold. */
export function sandboxHealth(
  { sandbox }: { readonly sandbox: Pick<Config['sandbox'], 'confinement'> },
  log: Log,
  probe: () => ReturnType<typeof probeConfinement> = probeConfinement,
): () => readonly string[] {
  if (sandbox.confinement === 'none') {
    log.warn({}, `SANDBOX=none: ${UNCONFINED}`);
    return () => [`sandbox: none, ${UNCONFINED}`];
  }
  let line = 'sandbox: being tried';
  const missing = (why: string): void => {
    line = `sandbox: missing, commands are refused. ${why}`;
    log.error({ why }, 'no sandbox on this machine: commands of repositories are refused');
  };
  const tell = async (): Promise<void> => {
    const probed = await probe();
    if (probed.kind === 'missing') return missing(probed.why);
    const { version, caveats, warnings } = probed;
    line = [`sandbox: bubblewrap ${version}`, ...caveats, ...warnings].join('; ');
    for (const warning of [...caveats, ...warnings]) log.warn({}, warning);
  };
  tell().catch((error: unknown) => missing(`It could not be tried: ${messageOf(error)}`));
  return () => [line];
}
