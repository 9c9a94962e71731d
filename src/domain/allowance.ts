import { runAccount, type Account, type AccountLimits, type Measure, type Shortage } from './account.ts';
import { dollars } from './budget.ts';
import { workedUntil, type Standing } from './standing.ts';

/** What the operator allows in a calendar month (UTC), of all runs together. */
export interface MonthLimits {
  readonly repositoryMonth: AccountLimits;
  /** Of this Converge, whatever the repository. */
  readonly month: AccountLimits;
}

/** What a run's next request may use. */
export interface Allowance {
  readonly accounts: readonly Account[];
  readonly concurrency: number;
  /** Null without a limit of hours. */
  readonly hours: { readonly worked: number; readonly limit: number } | null;
}

export function allowanceOf(
  run: string,
  { standing, operator, now }: { readonly standing: Standing; readonly operator: MonthLimits; readonly now: Date },
): Allowance {
  const { limits, place } = standing;
  const { budget, tokens, turns, hours, concurrency } = limits;
  const month = now.toISOString().slice(0, 7);
  const own: AccountLimits = { dollars: budget, ...(tokens === undefined ? {} : { tokens }), ...(turns === undefined ? {} : { turns }) };
  return {
    accounts: [
      { name: runAccount(run), limits: own },
      { name: `repository/${place.owner}/${place.repo}/${month}`.toLowerCase(), limits: operator.repositoryMonth },
      { name: `installation/${month}`, limits: operator.month },
    ],
    concurrency,
    hours: hours === undefined ? null : { worked: workedUntil(standing, now.toISOString()) / HOUR, limit: hours },
  };
}

const HOUR = 3_600_000;

/** An amount of a measure in words: `$1.50`, `1,200 tokens`, `3 turns`. */
export function amountText(measure: Measure, amount: number): string {
  return measure === 'dollars' ? dollars(amount) : `${amount.toLocaleString('en-US')} ${measure}`;
}

/** Why a run pauses at this limit, what is kept, and what to do: at most some 400 characters. */
export function shortageText({ account, measure, limit, spent }: Shortage, needed: number): string {
  const used = `${amountText(measure, spent)} of ${whose(account)} limit of ${amountText(measure, limit)} are used`;
  const next = measure === 'turns' ? '' : `, and the next request to the model may take ${amountText(measure, needed)}`;
  return `${used}${next}. All work is kept. ${remedy(account, measure)}`;
}

export function hoursText({ limit }: { readonly limit: number }): string {
  return `The run has worked for its limit of ${count(limit, 'hour')}. All work is kept. ${raise('+N hours')}`;
}

export function agentsText(limit: number): string {
  return `The run has started ${count(limit, 'agent')}, which is its limit. All work is kept. ${raise('+N agents')}`;
}

function whose(account: string): string {
  const [kind, ...rest] = account.split('/');
  const month = rest.at(-1) ?? '';
  if (kind === 'repository') return `this repository's ${month}`;
  return kind === 'installation' ? `the ${month}` : "the run's";
}

function remedy(account: string, measure: Measure): string {
  const month = account.startsWith('repository/') ? 'REPOSITORY_MONTH' : 'MONTH';
  return account.startsWith('run/')
    ? raise(measure === 'dollars' ? '+$N' : `+N ${measure}`)
    : `It goes on by itself next month (UTC), or when the operator raises MAX_${measure.toUpperCase()}_PER_${month} and starts Converge again; \`/workflow stop\` ends it.`;
}

function raise(what: string): string {
  return `\`/workflow budget ${what}\` raises the limit and the run goes on, with nothing paid again; \`/workflow stop\` ends it.`;
}

function count(number: number, unit: string): string {
  return `${number.toLocaleString('en-US')} ${unit}${number === 1 ? '' : 's'}`;
}
