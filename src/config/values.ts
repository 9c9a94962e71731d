import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { needs } from './mistakes.ts';

/** What variables hold, by form; each says what is expected and what to do. */

const OTHERWISE = 'Leave it out for the default';

export const text = z.string();

export function required(expected: string, todo: string): z.ZodString {
  return z.string({ error: needs(expected, todo) });
}

/** Above 0. */
export function amount(todo = OTHERWISE): z.ZodType<number> {
  return numberWhere((value) => value > 0, needs('a number above 0', todo));
}

/** Whole and above 0. */
export function whole(todo = OTHERWISE): z.ZodType<number> {
  return numberWhere((value) => Number.isInteger(value) && value > 0, needs('a whole number above 0', todo));
}

export function between(least: number, most: number, todo = OTHERWISE): z.ZodType<number> {
  const within = (value: number): boolean => Number.isInteger(value) && value >= least && value <= most;
  return numberWhere(within, needs(`a whole number from ${least} to ${most}`, todo));
}

function numberWhere(holds: (value: number) => boolean, error: string): z.ZodType<number> {
  return z
    .string({ error })
    .transform(Number)
    .refine((value) => Number.isFinite(value) && holds(value), { error });
}

export function oneOf<const Words extends readonly [string, string, ...string[]]>(
  words: Words,
  todo = OTHERWISE,
): z.ZodEnum<z.core.util.ToEnum<Words[number]>> {
  return z.enum(words, { error: needs(`${words.slice(0, -1).join(', ')} or ${words.at(-1)}`, todo) });
}

export function webAddress(example: string, todo = OTHERWISE): z.ZodURL {
  return z.url({ protocol: /^https?$/u, error: needs(`an address such as ${example}`, todo) });
}

/** A secret that somebody makes up. */
export const token = z.string().min(16, { error: needs('at least 16 characters', 'Make one with `openssl rand -hex 32`') });

/** Names by spaces or commas, in lower case. */
export function namesIn(list: string): ReadonlySet<string> {
  const names = list.toLowerCase().split(/[\s,]+/u);
  return new Set(names.filter((name) => name !== ''));
}

export function readFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
