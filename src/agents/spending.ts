import { randomUUID } from 'node:crypto';
import PQueue from 'p-queue';
import type { Account, Measure, Shortage } from '../domain/account.ts';
import { dollars, NO_USAGE, type MicroDollars, type Usage } from '../domain/budget.ts';
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
  /** Charges what a killed process left reserved, in full. Gives how many there were. Once before a run's first request. */
  readonly settleOpenReservations: (run: string) => Promise<number>;
}

interface Line {
  /** One at a time, in order, so that a large request is not passed for ever by small ones. */
  readonly turn: PQueue;
  inFlight: number;
  settled: PromiseWithResolvers<void>;
}

export interface SpendingParts {
  readonly journal: Journal;
  /** The accounts of a run's next request, with their limits as they are now. */
  readonly accountsOf: (run: string) => readonly Account[];
  /** Id of this process. */
  readonly owner: string;
}

export function openSpending(parts: SpendingParts): Spending {
  const { journal } = parts;
  const lines = new Map<string, Line>();
  const lineOf = (run: string): Line => {
    const line = lines.get(run) ?? { turn: new PQueue({ concurrency: 1 }), inFlight: 0, settled: Promise.withResolvers<void>() };
    lines.set(run, line);
    return line;
  };

  return {
    async reserve(wanted, signal) {
      const line = lineOf(wanted.run);
      return line.turn.add(async () => {
        for (;;) {
          throwIfStopping(signal);
          const settled = line.settled.promise;
          const answer = await attempt(wanted, { ...parts, line });
          if (answer.kind === 'reserved') return answer;
          if (line.inFlight === 0) throw outOfMoney(answer);
          await unlessStopping(settled, signal);
        }
      });
    },
    settleOpenReservations: async (run) => {
      const open = await journal.openReservations(run);
      for (const { id, amount } of open) await journal.charge(run, { id, amount, usage: NO_USAGE, known: false });
      return open.length;
    },
  };
}

interface Books extends SpendingParts {
  readonly line: Line;
}

/** Not even the smallest request fits, because of this. */
interface Short {
  readonly kind: 'short';
  readonly shortage: Shortage;
  readonly needed: number;
}

/** All of `maxTokens`, else as much of it as fits and is worth it. */
async function attempt(wanted: Wanted, books: Books): Promise<Reserved | Short> {
  const { run, agent, phase, model, inputTokens, atLeast } = wanted;
  let { maxTokens } = wanted;
  for (;;) {
    const amount = worstCost(model, inputTokens, maxTokens);
    const id = randomUUID();
    const { owner } = books;
    const accounts = books.accountsOf(run);
    const answer = await books.journal.reserve(run, { id, amount, tokens: inputTokens + maxTokens, accounts, owner, agent, phase, model });
    if (answer.ok) {
      books.line.inFlight += 1;
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
      if (fits < atLeast) return { kind: 'short', shortage, needed: least(wanted, shortage.measure) };
      maxTokens = Math.min(maxTokens, fits);
    }
  }
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
      return 1;
  }
}

async function settle(run: string, charge: Charge, { journal, line }: Books): Promise<MicroDollars> {
  try {
    await journal.charge(run, charge);
  } finally {
    line.inFlight -= 1;
    line.settled.resolve();
    line.settled = Promise.withResolvers<void>();
  }
  return charge.amount;
}

function outOfMoney({ shortage: { limit, spent }, needed }: Short): Suspended {
  return new Suspended(
    'budget',
    `${dollars(spent)} of the run's limit of ${dollars(limit)} are spent, and the next request to the model may cost ${dollars(needed)}: the run pauses with all its work. ` +
      'Nothing is lost. Raising the limit of a run (`/workflow budget`) is not there yet; `/workflow stop` ends it.',
  );
}
