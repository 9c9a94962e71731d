import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { plain, type Answer } from './answer.ts';
import type { Gatekeeper } from './gatekeeper.ts';
import { isSame, type SealedCookies } from './sealed-cookie.ts';

export interface SignInParts {
  readonly clientId: string;
  readonly clientSecret: string;
  /** GitHub's own pages, without a slash at the end. */
  readonly siteUrl: string;
  readonly apiUrl: string;
  /** Where people reach this Converge, without a slash at the end. */
  readonly publicUrl: string;
  readonly cookies: SealedCookies;
  /** Whether that person may read the repository of the run now; false when there is no such run. */
  readonly mayRead: (run: string, login: string) => Promise<boolean>;
}

export interface SignIn extends Gatekeeper {
  /** GitHub sent the person back. */
  back(request: IncomingMessage, url: URL): Promise<Answer>;
}

export const SIGN_IN_PATH = '/runs/signed-in';

const SESSION = 'converge_person';
const ASKED = 'converge_asked';
/** Seconds that a person stays signed in, and that a sign-in may take. */
const SESSION_SECONDS = 8 * 3600;
const ASKED_SECONDS = 600;
/** How long a permission is believed, in milliseconds: pages reload every ten seconds. */
const BELIEVED = 60_000;
const MOST_BELIEVED = 1_000;
const TIMEOUT = 10_000;

const Token = z.object({ access_token: z.string() });
const User = z.object({ login: z.string() });

/**
 * GitHub's web flow for the App's users (docs.github.com, "Generating a user access token for a GitHub App"), with state and PKCE. The person's token serves to learn
 * who it is and is forgotten; what that person may see is asked of GitHub by the App.
 */
export function signInByGitHub(parts: SignInParts): SignIn {
  const { cookies, siteUrl, clientId, publicUrl } = parts;
  const mayRead = believing(parts.mayRead);
  return {
    admit: async ({ request, run, json }) => {
      const login = cookies.get(request, SESSION)?.['login'];
      if (login !== undefined)
        return (await mayRead(run, login)) ? null : plain(404, `There is no run ${run} here that you may see, ${login}.`);
      if (json)
        return { status: 401, type: 'application/json', body: '{"error":"expected a person who has signed in at the page of the run"}\n' };
      const [state, verifier] = [randomBytes(24).toString('base64url'), randomBytes(32).toString('base64url')];
      const query = new URLSearchParams({
        client_id: clientId,
        redirect_uri: `${publicUrl}${SIGN_IN_PATH}`,
        state,
        code_challenge: createHash('sha256').update(verifier).digest('base64url'),
        code_challenge_method: 'S256',
        allow_signup: 'false',
      });
      const headers = {
        location: `${siteUrl}/login/oauth/authorize?${query.toString()}`,
        'set-cookie': cookies.set(ASKED, { state, verifier, run }, ASKED_SECONDS),
      };
      return plain(302, 'Sign in at GitHub.', headers);
    },
    back: async (request, url) => {
      const asked = cookies.get(request, ASKED);
      const [state, code] = [url.searchParams.get('state'), url.searchParams.get('code')];
      if (asked === null || code === null || state === null || !isSame(state, asked['state'] ?? ''))
        return plain(400, 'This sign-in was not begun here, or too long ago. Open the page of the run again.');
      const login = await loginOf(parts, code, asked['verifier'] ?? '');
      if (login === null) return plain(403, 'GitHub did not confirm this sign-in. Open the page of the run again.');
      const headers = { location: `/runs/${asked['run'] ?? ''}`, 'set-cookie': cookies.set(SESSION, { login }, SESSION_SECONDS) };
      return plain(303, 'Signed in.', headers);
    },
  };
}

async function loginOf(
  { clientId, clientSecret, siteUrl, apiUrl, publicUrl }: SignInParts,
  code: string,
  verifier: string,
): Promise<string | null> {
  const body = {
    client_id: clientId,
    client_secret: clientSecret,
    code,
    redirect_uri: `${publicUrl}${SIGN_IN_PATH}`,
    code_verifier: verifier,
  };
  const token = Token.safeParse(await json(`${siteUrl}/login/oauth/access_token`, { method: 'POST', body: JSON.stringify(body) }));
  if (!token.success) return null;
  const user = User.safeParse(await json(`${apiUrl}/user`, { headers: { authorization: `Bearer ${token.data.access_token}` } }));
  return user.success ? user.data.login : null;
}

/** Undefined when GitHub does not answer with JSON. */
async function json(url: string, init: { method?: string; body?: string; headers?: Record<string, string> }): Promise<unknown> {
  const headers = { accept: 'application/json', 'content-type': 'application/json', 'user-agent': 'converge', ...init.headers };
  const response = await fetch(url, { ...init, headers, redirect: 'error', signal: AbortSignal.timeout(TIMEOUT) }).catch(() => null);
  return response?.ok === true ? response.json().catch(() => undefined) : undefined;
}

/** Remembers answers for a minute. */
function believing(ask: SignInParts['mayRead']): SignInParts['mayRead'] {
  const known = new Map<string, { readonly until: number; readonly answer: Promise<boolean> }>();
  return (run, login) => {
    const key = `${run} ${login}`;
    const there = known.get(key);
    if (there !== undefined && there.until > Date.now()) return there.answer;
    if (known.size >= MOST_BELIEVED) known.clear();
    const answer = ask(run, login);
    known.set(key, { until: Date.now() + BELIEVED, answer });
    answer.catch(() => known.delete(key));
    return answer;
  };
}
