/** Tokens of one or many model responses, as the Messages API counts them: `input` excludes what was read from or written to the cache. */
export interface Usage {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
  readonly cacheWrite5m: number;
  readonly cacheWrite1h: number;
}

export const NO_USAGE: Usage = { input: 0, output: 0, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 };

export function addUsage(a: Usage, b: Usage): Usage {
  return {
    input: a.input + b.input,
    output: a.output + b.output,
    cacheRead: a.cacheRead + b.cacheRead,
    cacheWrite5m: a.cacheWrite5m + b.cacheWrite5m,
    cacheWrite1h: a.cacheWrite1h + b.cacheWrite1h,
  };
}

/** All that the model read, cached or not, and wrote. */
export function tokensOf({ input, output, cacheRead, cacheWrite5m, cacheWrite1h }: Usage): number {
  return input + output + cacheRead + cacheWrite5m + cacheWrite1h;
}

/** Money is integral micro-dollars everywhere inside, so that sums are exact. */
export type MicroDollars = number;

export const MICRO = 1_000_000;

/** In milliseconds. */
export const HOUR = 3_600_000;

export function dollars(micro: MicroDollars): string {
  const value = micro / MICRO;
  return value !== 0 && Math.abs(value) < 0.01 ? `$${value.toFixed(4)}` : `$${value.toFixed(2)}`;
}

/** What a run may use, pinned at approval. */
export interface Limits {
  readonly budget: MicroDollars;
  /** Of the whole run, as `domain/account.ts` counts them; without a limit when absent, as in records of earlier versions. */
  readonly tokens?: number;
  readonly turns?: number;
  /** Time since the approval in which the run was not paused. */
  readonly hours?: number;
  readonly agents: number;
  readonly concurrency: number;
  /** Verifiers for each review. */
  readonly reviewers: number;
  /** Reviews for each shard. */
  readonly rounds: number;
  readonly turnsPerAgent: number;
  readonly secondsPerAgent: number;
  readonly budgetPerAgent: MicroDollars;
}

/** Without the keys that have no value: a limit that nobody set is none. */
export function given<Key extends string>(values: Readonly<Record<Key, number | undefined>>): Partial<Record<Key, number>> {
  const kept: Partial<Record<Key, number>> = {};
  for (const key in values) {
    const value = values[key];
    if (value !== undefined) kept[key] = value;
  }
  return kept;
}
