import type { z } from 'zod';
import type { AccountLimits } from '../domain/account.ts';
import type { MonthLimits } from '../domain/allowance.ts';
import { given, HOUR, MICRO, type MicroDollars } from '../domain/budget.ts';
import { amount, whole } from './values.ts';

const NO_LIMIT = 'Leave it out for no limit';

/** Of each run, and of all runs in a calendar month (UTC). */
export const LIMITS = {
  MAX_DOLLARS: amount().default(50),
  MAX_AGENTS: whole().default(1000),
  MAX_CONCURRENCY: whole().default(16),
  MAX_TOKENS: whole(NO_LIMIT).optional(),
  MAX_TURNS: whole(NO_LIMIT).optional(),
  MAX_HOURS: amount(NO_LIMIT).optional(),
  MAX_DOLLARS_PER_REPOSITORY_MONTH: amount(NO_LIMIT).optional(),
  MAX_TOKENS_PER_REPOSITORY_MONTH: whole(NO_LIMIT).optional(),
  MAX_TURNS_PER_REPOSITORY_MONTH: whole(NO_LIMIT).optional(),
  MAX_AGENTS_PER_REPOSITORY_MONTH: whole(NO_LIMIT).optional(),
  MAX_HOURS_PER_REPOSITORY_MONTH: amount(NO_LIMIT).optional(),
  MAX_DOLLARS_PER_MONTH: amount(NO_LIMIT).optional(),
  MAX_TOKENS_PER_MONTH: whole(NO_LIMIT).optional(),
  MAX_TURNS_PER_MONTH: whole(NO_LIMIT).optional(),
  MAX_AGENTS_PER_MONTH: whole(NO_LIMIT).optional(),
  MAX_HOURS_PER_MONTH: amount(NO_LIMIT).optional(),
};

/** What is absent has no limit. */
export type LimitsConfig = MonthLimits & {
  readonly budget: MicroDollars;
  readonly agents: number;
  readonly concurrency: number;
  readonly tokens?: number;
  readonly turns?: number;
  readonly hours?: number;
};

type LimitsEnvironment = z.infer<z.ZodObject<typeof LIMITS>>;

export function limitsOf(env: LimitsEnvironment): LimitsConfig {
  return {
    budget: Math.round(env.MAX_DOLLARS * MICRO),
    agents: env.MAX_AGENTS,
    concurrency: env.MAX_CONCURRENCY,
    ...given({ tokens: env.MAX_TOKENS, turns: env.MAX_TURNS, hours: env.MAX_HOURS }),
    repositoryMonth: monthLimitsOf(env, 'REPOSITORY_MONTH'),
    month: monthLimitsOf(env, 'MONTH'),
  };
}

function monthLimitsOf(env: LimitsEnvironment, of: 'REPOSITORY_MONTH' | 'MONTH'): AccountLimits {
  const times = (value: number | undefined, unit: number): number | undefined =>
    value === undefined ? undefined : Math.round(value * unit);
  return given({
    dollars: times(env[`MAX_DOLLARS_PER_${of}`], MICRO),
    tokens: env[`MAX_TOKENS_PER_${of}`],
    turns: env[`MAX_TURNS_PER_${of}`],
    agents: env[`MAX_AGENTS_PER_${of}`],
    hours: times(env[`MAX_HOURS_PER_${of}`], HOUR),
  });
}
