import { addUsage, NO_USAGE, tokensOf, type MicroDollars, type Usage } from './budget.ts';

/** What requests to the model are counted against: a run, its planning, its repository in a month, all runs of this Converge in a month. */
export interface Account {
  /** Unique in the journal. */
  readonly name: string;
  /** What it may come to, with what is reserved; a measure that is absent has no limit. */
  readonly limits: AccountLimits;
}

/** `tokens`: all that the models read, cached or not, and wrote. `turns`: requests to the model that were answered, or may have been. */
export const MEASURES = ['dollars', 'tokens', 'turns'] as const;
export type Measure = (typeof MEASURES)[number];

/** Dollars are micro-dollars here too. */
export type Amounts = Readonly<Record<Measure, number>>;
export type AccountLimits = Partial<Amounts>;

export interface Balance {
  readonly spent: Amounts;
  /** Of requests that were not charged yet. */
  readonly reserved: Amounts;
  readonly usage: Usage;
}

const NOTHING: Amounts = { dollars: 0, tokens: 0, turns: 0 };

export const EMPTY_BALANCE: Balance = { spent: NOTHING, reserved: NOTHING, usage: NO_USAGE };

export function addBalances(a: Balance, b: Balance): Balance {
  return { spent: addAmounts(a.spent, b.spent), reserved: addAmounts(a.reserved, b.reserved), usage: addUsage(a.usage, b.usage) };
}

function addAmounts(a: Amounts, b: Amounts): Amounts {
  return { dollars: a.dollars + b.dollars, tokens: a.tokens + b.tokens, turns: a.turns + b.turns };
}

export function runAccount(run: string): string {
  return `run/${run}`;
}

/** The most that one request may come to. */
interface Request {
  readonly amount: MicroDollars;
  /** Absent in records of earlier versions. */
  readonly tokens?: number;
}

export function amountsOfRequest({ amount, tokens = 0 }: Request): Amounts {
  return { dollars: amount, tokens, turns: 1 };
}

/** Usage that was never learned counts as all that was reserved; what was refused before it was answered counts as nothing. */
export function amountsOfCharge(
  request: Request,
  charge: { readonly amount: MicroDollars; readonly usage: Usage; readonly known: boolean },
): Amounts {
  const tokens = charge.known ? tokensOf(charge.usage) : (request.tokens ?? 0);
  return { dollars: charge.amount, tokens, turns: charge.known && tokens === 0 && charge.amount === 0 ? 0 : 1 };
}

/** A limit of an account that a request would pass. */
export interface Shortage {
  readonly account: string;
  readonly measure: Measure;
  readonly limit: number;
  readonly spent: number;
  readonly reserved: number;
}

/** Every limit that these amounts would pass; none when they fit (invariant 3). */
export function shortagesOf(
  wanted: Amounts,
  accounts: readonly { readonly account: Account; readonly balance: Balance }[],
): readonly Shortage[] {
  return accounts.flatMap(({ account: { name, limits }, balance }) =>
    MEASURES.flatMap((measure) => {
      const limit = limits[measure];
      const [spent, reserved] = [balance.spent[measure], balance.reserved[measure]];
      return limit === undefined || spent + reserved + wanted[measure] <= limit ? [] : [{ account: name, measure, limit, spent, reserved }];
    }),
  );
}
