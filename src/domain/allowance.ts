import {
  installationAccount,
  MEASURES,
  repositoryAccount,
  runAccount,
  type Account,
  type AccountLimits,
  type Balance,
  type Measure,
  type Shortage,
} from './account.ts';
import type { Raise } from './amendment.ts';
import { dollars, HOUR, type Limits } from './budget.ts';
import type { Place } from './run.ts';
import type { Standing } from './standing.ts';

/** What the operator allows in a calendar month (UTC), of all runs together. */
export interface MonthLimits {
  readonly repositoryMonth: AccountLimits;
  /** Of this Converge, whatever the repository. */
  readonly month: AccountLimits;
}

/** What the operator allows each run now; what is absent is as approved. */
export type RunCeilings = Partial<Pick<Limits, 'budget' | 'tokens' | 'turns' | 'hours' | 'concurrency'>>;

/** What a run's next request may use. */
export interface Allowance {
  readonly accounts: readonly Account[];
  readonly concurrency: number;
}

export function allowanceOf(
  run: string,
  {
    standing,
    operator,
    now,
  }: { readonly standing: Standing; readonly operator: MonthLimits & { readonly run?: RunCeilings }; readonly now: Date },
): Allowance {
  const { limits, place } = standing;
  const lowest = (name: keyof RunCeilings): number | undefined => {
    const bounds = [limits[name], operator.run?.[name]].filter((bound) => bound !== undefined);
    return bounds.length === 0 ? undefined : Math.min(...bounds);
  };
  const [tokens, turns, hours] = [lowest('tokens'), lowest('turns'), lowest('hours')];
  const budget = lowest('budget') ?? limits.budget;
  const own: AccountLimits = {
    dollars: budget,
    ...(tokens === undefined ? {} : { tokens }),
    ...(turns === undefined ? {} : { turns }),
    ...(hours === undefined ? {} : { hours: hours * HOUR }),
  };
  return {
    accounts: [{ name: runAccount(run), limits: own }, ...monthAccounts(place, operator, now)],
    concurrency: lowest('concurrency') ?? limits.concurrency,
  };
}

/** The accounts that all runs of the repository, and all runs of this Converge, share in that month. */
export function monthAccounts(place: Pick<Place, 'owner' | 'repo'>, operator: MonthLimits, now: Date): readonly Account[] {
  return [{ name: repositoryAccount(place, monthOf(now)), limits: operator.repositoryMonth }, convergeMonth(operator, now)];
}

/** The account that all runs of this Converge share in that month. */
export function convergeMonth(operator: MonthLimits, now: Date): Account {
  return { name: installationAccount(monthOf(now)), limits: operator.month };
}

function monthOf(now: Date): string {
  return now.toISOString().slice(0, 7);
}

/** What people may raise, by the names that they type. */
export const LIMIT_NAMES = ['dollars', 'tokens', 'turns', 'hours', 'agents'] as const;
export type LimitName = (typeof LIMIT_NAMES)[number];

/** Undefined where there is no limit. */
export function limitOf(
  limits: { readonly budget: number; readonly agents: number; readonly tokens?: number; readonly turns?: number; readonly hours?: number },
  name: LimitName,
): number | undefined {
  return name === 'dollars' ? limits.budget : limits[name];
}

/** An amount in words: `$1.50`, `1,200 tokens`, `1 hour`. */
export function limitText(name: LimitName, amount: number): string {
  if (name === 'dollars') return dollars(amount);
  return `${amount.toLocaleString('en-US')} ${amount === 1 ? name.slice(0, -1) : name}`;
}

/** What a raise adds, in words. */
export function raiseText({ add, ...others }: Raise): string {
  const amounts = LIMIT_NAMES.flatMap((name) => {
    const more = name === 'dollars' ? add : others[name];
    return more === undefined || more === 0 ? [] : [limitText(name, more)];
  });
  return amounts.join(' and ');
}

/** Why a run pauses at this limit, what is kept, and what to do: at most some 400 characters. */
export function shortageText({ account, measure, limit, spent }: Shortage, needed: number): string {
  const used = `${amountText(measure, spent)} of ${whose(account)} limit of ${amountText(measure, limit)} are used`;
  const next =
    measure === 'dollars' || measure === 'tokens' ? `, and the next request to the model may take ${amountText(measure, needed)}` : '';
  return `${used}${next}. All work is kept. ${remedy(account, measure)}`;
}

/** What an account counts, in words. */
function amountText(measure: Measure, amount: number): string {
  return limitText(measure, measure === 'hours' ? Math.floor(amount / (HOUR / 100)) / 100 : amount);
}

export function agentsText(limit: number): string {
  return `The run has started ${limitText('agents', limit)}, which is its limit. All work is kept. ${raise('+N agents')}`;
}

function whose(account: string): string {
  const month = account.split('/').at(-1) ?? '';
  if (account.startsWith('repository/')) return `this repository's ${month}`;
  return account.startsWith('installation/') ? `this Converge's ${month}` : "the run's";
}

function remedy(account: string, measure: Measure): string {
  if (account.startsWith('run/')) return raise(measure === 'dollars' ? '+$N' : `+N ${measure}`);
  const variable = `MAX_${measure.toUpperCase()}_PER_${account.startsWith('repository/') ? 'REPOSITORY_MONTH' : 'MONTH'}`;
  return `It goes on by itself when the next month begins (UTC), or when the operator raises \`${variable}\` and starts Converge again; \`/workflow stop\` ends it.`;
}

function raise(what: string): string {
  return `\`/workflow budget ${what}\` raises the limit, and it goes on with nothing paid again; \`/workflow stop\` ends it.`;
}

/** From here on people are told that a limit comes near. */
const NEAR = 0.8;

/** Limits of which four fifths are used, in words, such as `85 % of the limit of $20.00`. */
export function nearLimits(used: Readonly<Record<LimitName, number>>, limits: Parameters<typeof limitOf>[0]): readonly string[] {
  return LIMIT_NAMES.flatMap((name) => {
    const limit = limitOf(limits, name);
    if (limit === undefined || used[name] < limit * NEAR) return [];
    return [`${Math.floor((used[name] / limit) * 100)} % of the limit of ${limitText(name, limit)}`];
  });
}

/** The same of an account. */
export function nearLimitsOf({ name, limits }: Account, { spent }: Balance): readonly string[] {
  return MEASURES.flatMap((measure) => {
    const limit = limits[measure];
    if (limit === undefined || spent[measure] < limit * NEAR) return [];
    return [`${Math.floor((spent[measure] / limit) * 100)} % of ${whose(name)} limit of ${amountText(measure, limit)}`];
  });
}
