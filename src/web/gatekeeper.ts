import type { IncomingMessage } from 'node:http';
import { bodyOf, plain, type Answer } from './answer.ts';
import { isSame, type SealedCookies } from './sealed-cookie.ts';

/** Who may see the pages of runs: the operator's choice. */
export type PagesChoice =
  | { readonly kind: 'off' }
  /** Whoever sits at this machine. */
  | { readonly kind: 'loopback' }
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'github'; readonly clientId: string; readonly clientSecret: string };

export interface Visit {
  readonly request: IncomingMessage;
  readonly url: URL;
  readonly run: string;
  /** A program asks, which fills in no forms. */
  readonly json: boolean;
}

/** Lets somebody see a run's page, or gives what is answered instead. */
export interface Gatekeeper {
  admit(visit: Visit): Promise<Answer | null>;
}

export const CLOSED: Gatekeeper = {
  admit: () =>
    Promise.resolve(
      plain(403, 'Run pages are closed. The operator opens them by RUN_PAGE_TOKEN or RUN_PAGE_SIGN_IN: README.md, "Run it for real".'),
    ),
};

const LOOPBACK_ADDRESS = /^(?:127\.\d+\.\d+\.\d+|::1|::ffff:127\.\d+\.\d+\.\d+)$/u;
const LOOPBACK_HOST = /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?$/iu;
const FORWARDED = /^(?:via|forwarded|x-forwarded-.+|x-real-ip)$/u;

/** Whether only this machine can follow such an address. */
export function isLoopback(url: string): boolean {
  return LOOPBACK_HOST.test(URL.parse(url)?.host ?? '');
}

/** Answers this machine alone: no proxy in front (nginx's defaults ask by HTTP/1.0, with its upstream as the host), and no other site's name that was pointed at 127.0.0.1. */
export const LOOPBACK_ONLY: Gatekeeper = {
  admit: ({ request }) => {
    const own =
      LOOPBACK_ADDRESS.test(request.socket.remoteAddress ?? '') &&
      LOOPBACK_HOST.test(request.headers.host ?? '') &&
      request.httpVersion === '1.1' &&
      !Object.keys(request.headers).some((name) => FORWARDED.test(name));
    return Promise.resolve(own ? null : plain(403, 'Run pages answer on this machine alone.'));
  },
};

const COOKIE = 'converge_pages';
/** Seconds that a browser need not say the token again. */
const REMEMBERED = 30 * 24 * 3600;
const FORM_BYTES = 4_096;

/** Who has the token: in a header, in a link that is exchanged for a cookie at once, or typed into a form. It stands in no address that stays. */
export function tokenGatekeeper(token: string, cookies: SealedCookies): Gatekeeper {
  const remembered = (run: string): Answer => ({
    ...plain(303, 'Signed in.'),
    headers: { location: `/runs/${run}`, 'set-cookie': cookies.set(COOKIE, { by: 'token' }, REMEMBERED) },
  });
  return {
    admit: async ({ request, url, run, json }) => {
      const bearer = /^Bearer (.+)$/u.exec(request.headers.authorization ?? '')?.[1];
      if (bearer !== undefined && isSame(bearer, token)) return null;
      if (cookies.get(request, COOKIE) !== null && request.method !== 'POST') return null;
      if (json) return { status: 401, type: 'application/json', body: '{"error":"expected Authorization: Bearer, with RUN_PAGE_TOKEN"}\n' };
      const said = request.method === 'POST' ? await typed(request) : url.searchParams.get('token');
      if (said !== null && isSame(said, token)) return remembered(run);
      return { status: 401, type: 'text/html', body: form(run, said !== null) };
    },
  };
}

async function typed(request: IncomingMessage): Promise<string | null> {
  const body = await bodyOf(request, FORM_BYTES);
  return body === null ? null : new URLSearchParams(body.toString('utf8')).get('token');
}

function form(run: string, wrong: boolean): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Converge</title>
<style>:root{color-scheme:light dark;font:15px/1.55 system-ui,sans-serif}body{max-width:24rem;margin:4rem auto;padding:0 1rem}input,button{font:inherit;width:100%;box-sizing:border-box;margin:.3rem 0;padding:.4rem}</style>
</head><body><h1>Run ${run}</h1><p>${wrong ? 'That is not the token of this Converge.' : 'The operator has the token for run pages.'}</p>
<form method="post" action="/runs/${run}"><input type="password" name="token" aria-label="Token" autocomplete="current-password" required autofocus><button>Show the run</button></form></body></html>
`;
}
