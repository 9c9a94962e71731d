import { addUsage, NO_USAGE, tokensOf, type MicroDollars, type Usage } from './budget.ts';

/** What requests to the model are counted against: a run, its planning, its repository in a month, all runs of this Converge in a month. */
export interface Account {
  /** Unique in the journal. */
  readonly name: string;
  /** What it may come to, with what is reserved; a measure that is absent has no limit. */
  readonly limits: AccountLimits;
}

/**
 * `tokens`: all that the models read, cached or not, and wrote. `turns`: requests to the model that were answered, or may have been. `agents`: those that made one, in the month
 * of their first. `hours`: time in which runs work (standing.ts), known of each run up to its last request, pause or end.
 */
export const MEASURES = ['dollars', 'tokens', 'turns', 'agents', 'hours'] as const;
export type Measure = (typeof MEASURES)[number];

/** Dollars are micro-dollars here too, and hours are milliseconds. */
export type Amounts = Readonly<Record<Measure, number>>;
export type AccountLimits = Partial<Amounts>;

export interface Balance {
  readonly spent: Amounts;
  /** Of requests that were not charged yet. */
  readonly reserved: Amounts;
  readonly usage: Usage;
}

export const NO_AMOUNTS: Amounts = { dollars: 0, tokens: 0, turns: 0, agents: 0, hours: 0 };

export const EMPTY_BALANCE: Balance = { spent: NO_AMOUNTS, reserved: NO_AMOUNTS, usage: NO_USAGE };

export function addBalances(a: Balance, b: Balance): Balance {
  return { spent: addAmounts(a.spent, b.spent), reserved: addAmounts(a.reserved, b.reserved), usage: addUsage(a.usage, b.usage) };
}

function addAmounts(a: Amounts, b: Amounts): Amounts {
  return {
    dollars: a.dollars + b.dollars,
    tokens: a.tokens + b.tokens,
    turns: a.turns + b.turns,
    agents: a.agents + b.agents,
    hours: a.hours + b.hours,
  };
}

export function runAccount(run: string): string {
  return `run/${run}`;
}

/** Of all runs of a repository in a month such as `2026-11`. */
export function repositoryAccount({ owner, repo }: { readonly owner: string; readonly repo: string }, month: string): string {
  return `repository/${owner}/${repo}/${month}`.toLowerCase();
}

/** Of all runs of this Converge in a month. */
export function installationAccount(month: string): string {
  return `installation/${month}`;
}

/** For how many milliseconds a run has worked since then, by the accounts that it counts in: its own, and those of each month that it falls into. */
export function uncountedWork(
  run: string,
  { owner, repo, since }: { readonly owner: string; readonly repo: string; readonly since: string | null },
  until: string,
): ReadonlyMap<string, number> {
  const counted = new Map<string, number>();
  const end = Date.parse(until);
  for (let at = since === null ? end : Date.parse(since); at < end;) {
    const day = new Date(at);
    const next = Math.min(end, Date.UTC(day.getUTCFullYear(), day.getUTCMonth() + 1));
    const month = day.toISOString().slice(0, 7);
    for (const account of [runAccount(run), repositoryAccount({ owner, repo }, month), installationAccount(month)])
      counted.set(account, (counted.get(account) ?? 0) + next - at);
    at = next;
  }
  return counted;
}

/** The most that one request may come to. */
interface Request {
  readonly amount: MicroDollars;
  /** Absent in records of earlier versions. */
  readonly tokens?: number;
}

export function amountsOfRequest({ amount, tokens = 0 }: Request): Amounts {
  return { ...NO_AMOUNTS, dollars: amount, tokens, turns: 1 };
}

/** Usage that was never learned counts as all that was reserved; what was refused before it was answered counts as nothing. */
export function amountsOfCharge(
  request: Request,
  charge: { readonly amount: MicroDollars; readonly usage: Usage; readonly known: boolean },
): Amounts {
  const tokens = charge.known ? tokensOf(charge.usage) : (request.tokens ?? 0);
  return { ...NO_AMOUNTS, dollars: charge.amount, tokens, turns: charge.known && tokens === 0 && charge.amount === 0 ? 0 : 1 };
}

/** A limit of an account that a request would pass. */
export interface Shortage {
  readonly account: string;
  readonly measure: Measure;
  readonly limit: number;
  readonly spent: number;
  readonly reserved: number;
}

/** Every limit that these amounts would pass; none when they fit (invariant 3). What wants nothing of a measure passes no limit of it. */
export function shortagesOf(
  wanted: Amounts,
  accounts: readonly { readonly account: Account; readonly balance: Balance }[],
): readonly Shortage[] {
  return accounts.flatMap(({ account: { name, limits }, balance }) =>
    MEASURES.flatMap((measure) => {
      const limit = limits[measure];
      const [spent, reserved] = [balance.spent[measure], balance.reserved[measure]];
      const fits = limit === undefined || wanted[measure] === 0 || spent + reserved + wanted[measure] <= limit;
      return fits ? [] : [{ account: name, measure, limit, spent, reserved }];
    }),
  );
}
