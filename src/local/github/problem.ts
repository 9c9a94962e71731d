import type { JsonObject } from './json.ts';

const DOCUMENTATION = 'https://docs.github.com/rest';

/** An answer of GitHub that refuses; thrown by whoever finds the reason, written by the router. */
export class Problem extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: JsonObject;

  constructor(
    status: number,
    message: string,
    more: { errors?: JsonObject[] | string[]; headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(message);
    this.name = 'Problem';
    this.status = status;
    this.headers = more.headers ?? {};
    this.body = {
      message,
      ...(more.errors === undefined ? {} : { errors: more.errors }),
      documentation_url: DOCUMENTATION,
      status: String(status),
    };
  }
}

export function notFound(): Problem {
  return new Problem(404, 'Not Found');
}

/** The 422 of a field whose value cannot be, in the shape of GitHub's older operations. */
export function invalid(field: { resource: string; field: string; code: string; message?: string }): Problem {
  return new Problem(422, 'Validation Failed', { errors: [field] });
}

/** The 422 of GitHub's newer operations: reasons are sentences. */
export function unprocessable(...reasons: string[]): Problem {
  return new Problem(422, 'Unprocessable Entity', { errors: reasons });
}
