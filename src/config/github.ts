import { createPrivateKey } from 'node:crypto';
import type { z } from 'zod';
import { needs, type Mistake } from './mistakes.ts';
import { between, oneOf, readFile, required, text, whole } from './values.ts';

/** The App, and the GitHub that it is registered at. */
export const GITHUB = {
  APP_ID: whole("It is the App's id, and stands on the App's settings page"),
  PRIVATE_KEY: text.optional(),
  PRIVATE_KEY_PATH: text.optional(),
  WEBHOOK_SECRET: required(
    "the secret of the App's webhook",
    "Make one with `openssl rand -hex 32`, and type it into the App's settings too",
  ),
  GHE_HOST: text.optional(),
  GHE_PROTOCOL: oneOf(['http', 'https']).default('https'),
  GITHUB_CONTENTS_PER_HOUR: between(10, 500).default(450),
};

/** What Probot puts in place of a missing secret, and what people type first: anybody could sign with these. */
const KNOWN_SECRETS = new Set(['development', 'secret', 'changeme', 'test']);

export interface GitHubConfig {
  readonly appId: number;
  readonly privateKey: string;
  readonly webhookSecret: string;
  /** Root of the REST API, without a slash at the end; GraphQL is found from it. */
  readonly apiUrl: string;
  /** GitHub's own pages, without a slash at the end. */
  readonly siteUrl: string;
  /** Most comments, pull requests and reviews an hour for each owner; GitHub's own limit is 500, for all that the App does there. */
  readonly contentsPerHour: number;
}

export function githubOf(env: z.infer<z.ZodObject<typeof GITHUB>>, mistakes: Mistake[]): GitHubConfig {
  if (KNOWN_SECRETS.has(env.WEBHOOK_SECRET))
    mistakes.push({
      variable: 'WEBHOOK_SECRET',
      found: 'a well-known value',
      expected: needs('a secret that nobody guesses', "Make one with `openssl rand -hex 32`, and type it into the App's settings too"),
    });
  const site = env.GHE_HOST === undefined ? null : `${env.GHE_PROTOCOL}://${env.GHE_HOST}`;
  return {
    appId: env.APP_ID,
    privateKey: privateKeyIn(env, mistakes),
    webhookSecret: env.WEBHOOK_SECRET,
    apiUrl: site === null ? 'https://api.github.com' : `${site}/api/v3`,
    siteUrl: site ?? 'https://github.com',
    contentsPerHour: env.GITHUB_CONTENTS_PER_HOUR,
  };
}

/** Probot's order: PRIVATE_KEY (PEM, with `\n` escaped, or base64), then PRIVATE_KEY_PATH. */
function privateKeyIn(
  {
    PRIVATE_KEY: key,
    PRIVATE_KEY_PATH: path,
  }: { readonly PRIVATE_KEY?: string | undefined; readonly PRIVATE_KEY_PATH?: string | undefined },
  mistakes: Mistake[],
): string {
  const wrong = (variable: string, found: string): string => {
    const expected = needs(
      "the App's private key as PEM",
      "GitHub generates it on the App's settings page: give the file's text, or its path in PRIVATE_KEY_PATH",
    );
    mistakes.push({ variable, found, expected });
    return '';
  };
  if (key === undefined && path === undefined) return wrong('PRIVATE_KEY', 'nothing there nor in PRIVATE_KEY_PATH');
  const text = key ?? readFile(path ?? '');
  const variable = key === undefined ? 'PRIVATE_KEY_PATH' : 'PRIVATE_KEY';
  // Neither is shown: who mixes the two up has the key itself in the path.
  if (text === undefined) return wrong(variable, 'the name of no file that can be read');
  const candidates = [text, text.replaceAll(String.raw`\n`, '\n'), Buffer.from(text, 'base64').toString('utf8')];
  const pem = candidates.find((candidate) => /-----BEGIN [A-Z ]*PRIVATE KEY-----\n/u.test(candidate));
  if (pem === undefined) return wrong(variable, key === undefined ? 'a file without a PEM' : 'no PEM');
  return isKey(pem) ? pem : wrong(variable, 'a PEM that holds no whole RSA key');
}

function isKey(pem: string): boolean {
  try {
    return createPrivateKey(pem).asymmetricKeyType === 'rsa';
  } catch {
    return false;
  }
}
