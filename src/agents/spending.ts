import { randomUUID } from 'node:crypto';
import PQueue from 'p-queue';
import { runAccount, type Measure, type Shortage } from '../domain/account.ts';
import { shortageText, type Allowance } from '../domain/allowance.ts';
import { NO_USAGE, type MicroDollars, type Usage } from '../domain/budget.ts';
import { Suspended } from '../domain/errors.ts';
import type { Charge, Journal } from '../journal/journal.ts';
import { maxTokensWithin, priceOf, worstCost } from './models.ts';
import { throwIfStopping, unlessStopping } from './stopping.ts';

interface Wanted {
  readonly run: string;
  readonly agent: string;
  readonly phase: string;
  readonly model: string;
  /** At most this many prompt tokens, by a careful estimate. */
  readonly inputTokens: number;
  readonly maxTokens: number;
  /** Smallest `max_tokens` that is still worth a request. */
  readonly atLeast: number;
}

/** Money set aside for one HTTP request. Settled exactly once. */
export interface Reserved {
  readonly kind: 'reserved';
  readonly maxTokens: number;
  /** What the service counted. */
  charge(usage: Usage): Promise<MicroDollars>;
  /** Refused before it was answered: costs nothing. */
  release(): Promise<MicroDollars>;
  /** The usage was never learned: all of it. */
  chargeInFull(): Promise<MicroDollars>;
}

export interface Spending {
  /**
   * Reserves the worst cost of a request; less `max_tokens` when little is left, then waiting for others in flight. Suspended `budget` when nothing is in flight
   * and it still does not fit.
   */
  reserve(wanted: Wanted, signal: AbortSignal): Promise<Reserved>;
}

export interface SpendingParts {
  readonly journal: Journal;
  /** What a run's next request may use, asked anew before each. */
  readonly allowanceOf: (run: string) => Allowance;
  readonly owner: Owner;
}

/** Who reserves: an id of this process, and which others (null: of versions that had one process) can no longer charge what they reserved. */
export interface Owner {
  readonly id: string;
  readonly isDead: (owner: string | null) => boolean | Promise<boolean>;
}

/** The owner in a process that is the only one on its journal: whoever was before it is dead. */
export function onlyOwner(): Owner {
  const id = randomUUID();
  return { id, isDead: (owner) => owner !== id };
}

/**
 * Charges what dead processes left reserved, in full: of one run, or of all for null, since what they hold in the account of a month is missing to others too.
 * Gives how many there were.
 */
export async function settleLeftReservations(journal: Journal, run: string | null, { isDead }: Owner): Promise<number> {
  let settled = 0;
  for (const { run: its, id, amount, owner } of await journal.openReservations(run)) {
    if (!(await isDead(owner))) continue;
    await journal.charge(its, { id, amount, usage: NO_USAGE, known: false });
    settled += 1;
  }
  return settled;
}

export function openSpending(parts: SpendingParts): Spending {
  /** Who waits for room in a run: one at a time, in order, so that a large request is not passed for ever by small ones. */
  const lines = new Map<string, PQueue>();
  const books: Books = { ...parts, owed: [] };
  return {
    async reserve(wanted, signal) {
      const line = lines.get(wanted.run) ?? new PQueue({ concurrency: 1 });
      lines.set(wanted.run, line);
      throwIfStopping(signal);
      await payOwed(books);
      // Where nobody waits for room all try beside each other, and share the journal's commits.
      if (line.size + line.pending === 0) {
        const answer = await attempt(wanted, books);
        if (answer.kind === 'reserved') return answer;
      }
      return line.add(() => whenThereIsRoom(wanted, books, signal));
    },
  };
}

interface Books extends SpendingParts {
  /** Charges that the journal could not take: until it does, they count as reserved, and nobody waits for them. */
  readonly owed: { readonly run: string; readonly charge: Charge }[];
}

async function payOwed({ journal, owed }: Books): Promise<void> {
  for (let next = owed[0]; next !== undefined; next = owed[0]) {
    await journal.charge(next.run, next.charge);
    // Others pay the same one at the same time: only what is paid goes.
    if (owed[0] === next) owed.shift();
  }
}

/** Tries again after each charge and each raise, wherever it is made; Suspended when there is nothing left to wait for. */
async function whenThereIsRoom(wanted: Wanted, books: Books, signal: AbortSignal): Promise<Reserved> {
  let news = Promise.withResolvers<void>();
  // Watched before it is tried, so that no charge comes between the answer and the waiting.
  const stop = books.journal.watch(null, ({ event }) => {
    if (event.type === 'spend.charged' || event.type === 'run.amended') news.resolve();
  });
  try {
    for (;;) {
      throwIfStopping(signal);
      news = Promise.withResolvers<void>();
      const answer = await attempt(wanted, books);
      if (answer.kind === 'reserved') return answer;
      // While requests of this run are in flight it does not pause: their work would be lost.
      const { reserved } = await books.journal.balance(runAccount(wanted.run));
      if (reserved.turns === 0 && !answer.othersMayHelp) throw new Suspended('budget', answer.why);
      await unlessStopping(news.promise, signal);
    }
  } finally {
    stop();
  }
}

/** Not even the smallest request that is worth it fits now. */
interface Short {
  readonly kind: 'short';
  /** For people, if the run has to pause for it. */
  readonly why: string;
  /** What requests of other runs give back may be enough. */
  readonly othersMayHelp: boolean;
}

/** All of `maxTokens`, else as much of it as fits and is worth it. */
async function attempt(wanted: Wanted, books: Books): Promise<Reserved | Short> {
  const { run, agent, phase, model, inputTokens, atLeast } = wanted;
  let { maxTokens } = wanted;
  for (;;) {
    const amount = worstCost(model, inputTokens, maxTokens);
    const id = randomUUID();
    const { accounts } = books.allowanceOf(run);
    const tokens = inputTokens + maxTokens;
    const answer = await books.journal.reserve(run, { id, amount, tokens, accounts, owner: books.owner.id, agent, phase, model });
    if (answer.ok) {
      return {
        kind: 'reserved',
        maxTokens,
        charge: (usage) => settle(run, { id, amount: priceOf(model, usage), usage, known: true }, books),
        release: () => settle(run, { id, amount: 0, usage: NO_USAGE, known: true }, books),
        chargeInFull: () => settle(run, { id, amount, usage: NO_USAGE, known: false }, books),
      };
    }
    for (const shortage of answer.short) {
      const fits = maxTokensFor(wanted, shortage);
      if (fits < atLeast) return shortBy(shortage, least(wanted, shortage.measure));
      maxTokens = Math.min(maxTokens, fits);
    }
  }
}

function shortBy(shortage: Shortage, needed: number): Short {
  const { spent, reserved, limit } = shortage;
  return { kind: 'short', why: shortageText(shortage, needed), othersMayHelp: reserved > 0 && spent + needed <= limit };
}

/** The largest `max_tokens` with which this limit is not passed; negative when there is none. */
function maxTokensFor({ model, inputTokens }: Wanted, { measure, limit, spent, reserved }: Shortage): number {
  const room = limit - spent - reserved;
  switch (measure) {
    case 'dollars':
      return maxTokensWithin(model, inputTokens, room);
    case 'tokens':
      return room - inputTokens;
    case 'turns':
    case 'agents':
    case 'hours':
      return -1;
  }
}

/** What the smallest request that is worth it may come to. */
function least({ model, inputTokens, atLeast }: Wanted, measure: Measure): number {
  switch (measure) {
    case 'dollars':
      return worstCost(model, inputTokens, atLeast);
    case 'tokens':
      return inputTokens + atLeast;
    case 'turns':
    case 'agents':
      return 1;
    case 'hours':
      return 0;
  }
}

async function settle(run: string, charge: Charge, { journal, owed }: Books): Promise<MicroDollars> {
  try {
    await journal.charge(run, charge);
  } catch (error) {
    owed.push({ run, charge });
    throw error;
  }
  return charge.amount;
}
