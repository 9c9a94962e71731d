import { RequestError } from '@octokit/request-error';
import { z } from 'zod';

const Refused = z.object({
  errors: z.array(z.object({ type: z.string().optional(), message: z.string().catch('') })).min(1),
});

/** What REST says by status; types of https://docs.github.com/en/graphql (RATE_LIMITED among them). */
const STATUS: Readonly<Record<string, number>> = { RATE_LIMITED: 429, FORBIDDEN: 403, NOT_FOUND: 404, INTERNAL: 500 };

interface Answered {
  readonly url: string;
  readonly headers: Readonly<Record<string, string | number | undefined>>;
  readonly data: unknown;
}

/**
 * GraphQL refuses in the body of a 200. Gives that refusal as the RequestError that REST would have answered with, so that one rule holds for both;
 * null when nothing was refused. Errors without a type are GitHub's own faults when they say so, and else requests that it does not accept.
 */
export function graphqlRefusal({ url, headers, data }: Answered): RequestError | null {
  const refused = Refused.safeParse(data);
  if (!refused.success) return null;
  const { errors } = refused.data;
  const [{ type, message } = { message: '' }] = errors;
  const status = (type === undefined ? undefined : STATUS[type]) ?? (/something went wrong|timed? ?out/iu.test(message) ? 500 : 422);
  const told = errors.map((error) => [error.type, error.message].filter(Boolean).join(': ')).join('; ');
  return new RequestError(told, status, {
    request: { method: 'POST', url, headers: {} },
    response: { url, status, headers: { ...headers }, data: { message: told } },
  });
}
