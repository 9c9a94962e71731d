import type { z } from 'zod';
import { ConvergeError } from '../domain/errors.ts';

/** One thing that is wrong with the environment. */
export interface Mistake {
  readonly variable: string;
  /** Never a secret's value. */
  readonly found: string;
  /** What is expected, and in a sentence what to do: made by `needs`. */
  readonly expected: string;
}

/** What is expected of a variable, and what to do where it is not so. */
export function needs(expected: string, todo: string): string {
  return `${expected}. ${todo}.`;
}

/** Of these nothing but the length is told. */
const SECRETS: ReadonlySet<string> = new Set([
  'PRIVATE_KEY',
  'WEBHOOK_SECRET',
  'ANTHROPIC_API_KEY',
  'DATABASE_URL',
  'RUN_PAGE_TOKEN',
  'CLIENT_SECRET',
  'METRICS_TOKEN',
]);

/** What stands in for a wrong value while all else is looked at, where leaving it out would be another mistake. None leaves: the report is thrown. */
const STAND_INS: Readonly<Record<string, string>> = {
  APP_ID: '1',
  WEBHOOK_SECRET: '-',
  ANTHROPIC_API_KEY: '-',
  DATABASE_URL: 'postgres://localhost/converge',
  PUBLIC_URL: 'http://localhost',
  RUN_PAGE_TOKEN: '-'.repeat(16),
};

/** The variables of that schema; what is wrong with one is added to the mistakes, and the others are read all the same. An empty value is none. */
export function readVariables<Env>(schema: z.ZodType<Env>, environment: NodeJS.ProcessEnv, mistakes: Mistake[]): Env {
  const given = new Map(Object.entries(environment).filter(([, value]) => value?.trim() !== ''));
  const read = schema.safeParse(Object.fromEntries(given));
  if (read.success) return read.data;
  for (const { path, message } of read.error.issues) {
    const variable = path.join('.');
    mistakes.push({ variable, found: foundText(variable, given.get(variable)), expected: message });
    given.set(variable, STAND_INS[variable]);
  }
  return schema.parse(Object.fromEntries(given));
}

const SHOWN = 80;

/** What a variable holds, in one line. */
export function foundText(variable: string, value: string | undefined): string {
  if (value === undefined) return 'nothing';
  if (SECRETS.has(variable)) return `${value.length} characters`;
  // A name and password in an address are nobody's business either.
  const flat = value
    .replaceAll(/\s+/gu, ' ')
    .replaceAll(/\/\/[^/\s@]*@/gu, '//…@')
    .trim();
  return flat.length <= SHOWN ? flat : `${flat.slice(0, SHOWN - 1)}…`;
}

/** All of them in one report. `who`: what does not start. */
export function refusal(who: string, mistakes: readonly Mistake[]): ConvergeError {
  const told = mistakes.map(({ variable, found, expected }) => `  ${variable}: found ${found}, expected ${expected}`);
  const many = told.length === 1 ? 'one variable is' : `${told.length} things are`;
  return new ConvergeError(
    'configuration',
    [`${who} does not start: ${many} missing or wrong in its environment.`, ...told, 'See "Run it for real" in README.md.'].join('\n'),
  );
}
