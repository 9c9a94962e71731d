import { RequestError } from '@octokit/request-error';
import { z } from 'zod';

import { ConvergeError } from '../domain/errors.ts';

/** What GitHub answered instead of doing what was asked. */
export class GitHubRefusal extends ConvergeError {
  /** HTTP status; null when no answer came. */
  readonly status: number | null;
  /** True when GitHub may have done it all the same: no answer, or 5xx. */
  readonly mayBeDone: boolean;

  constructor(facts: { readonly message: string; readonly status: number | null; readonly limited: boolean; readonly cause: unknown }) {
    const mayBeDone = facts.status === null || facts.status >= 500;
    super('github', facts.message, { cause: facts.cause, retry: mayBeDone || facts.limited ? 'later' : 'never' });
    this.name = 'GitHubRefusal';
    this.status = facts.status;
    this.mayBeDone = mayBeDone;
  }
}

/** True for a refusal with one of these statuses. */
export function isRefusal(thrown: unknown, ...statuses: readonly number[]): thrown is GitHubRefusal {
  return thrown instanceof GitHubRefusal && thrown.status !== null && statuses.includes(thrown.status);
}

const Body = z.object({
  message: z.string().catch(''),
  errors: z
    .array(z.union([z.string(), z.object({ message: z.string().optional(), field: z.string().optional(), code: z.string().optional() })]))
    .catch([]),
});

/** What GitHub's answer says in words, with the details of a 422. */
export function answerOf(error: RequestError): string {
  const body = Body.safeParse(error.response?.data);
  if (!body.success) return error.message;
  const details = body.data.errors.map((one) =>
    typeof one === 'string' ? one : (one.message ?? [one.field, one.code].filter(Boolean).join(' ')),
  );
  return [body.data.message, ...details].filter((part) => part !== '').join('; ') || error.message;
}

/** The codes of a 422's details, as in `abuse`. */
export function codesOf(error: RequestError): readonly string[] {
  const body = Body.safeParse(error.response?.data);
  return body.success ? body.data.errors.flatMap((one) => (typeof one === 'string' ? [] : (one.code ?? []))) : [];
}

export function headerOf(error: RequestError, name: string): string | undefined {
  const value = error.response?.headers[name];
  return value === undefined ? undefined : String(value);
}

/** Turns what Octokit threw into words for people: what was asked, what GitHub answered, what to do. */
export function refusalOf(thrown: unknown, limited: boolean): unknown {
  if (!(thrown instanceof RequestError)) return thrown;
  const status = thrown.response === undefined ? null : thrown.status;
  const asked = `${thrown.request.method} ${new URL(thrown.request.url).pathname}`;
  const found = status === null ? `gave no answer to ${asked} (${thrown.message})` : `answered ${status} to ${asked}: ${answerOf(thrown)}`;
  const message = `GitHub ${found.replace(/\.?$/u, '.')} ${limited ? LIMITED : advice(status, thrown)}`;
  return new GitHubRefusal({ message, status, limited, cause: thrown });
}

const LIMITED = 'This is a rate limit that lasted longer than Converge waits. Try again later; fewer runs at once keep below it.';

function advice(status: number | null, error: RequestError): string {
  if (status === null) return 'Expected an answer. Check the network between Converge and GitHub, then try again.';
  if (status === 401)
    return 'Expected the App to be known. Check that APP_ID and PRIVATE_KEY belong together and that the clock of this machine is right.';
  if (status === 403) return forbidden(error);
  if (status === 404)
    return 'Expected it to exist and to be visible. Check that it was not deleted, and that the App is installed on this repository.';
  if (status === 409) return 'Expected no conflict. Look at the present state on GitHub, then try again.';
  if (status === 422) return 'Expected GitHub to accept what was sent. Its answer names what it refuses.';
  if (status >= 500) return 'This is a fault on the side of GitHub. Try again later; https://www.githubstatus.com tells of outages.';
  return 'Expected success.';
}

function forbidden(error: RequestError): string {
  // GitHub names the permission that would have been enough, as in `issues=write`.
  const accepted = headerOf(error, 'x-accepted-github-permissions')?.replaceAll('=', ': ');
  const permission = accepted === undefined ? 'the permissions that app.yml lists' : `the permission ${accepted}`;
  return `Expected the App to have ${permission}. Accept it in the settings of the App's installation, then try again.`;
}
