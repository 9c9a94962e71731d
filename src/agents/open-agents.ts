import { randomUUID } from 'node:crypto';
import { runAccount } from '../domain/account.ts';
import type { MicroDollars } from '../domain/budget.ts';
import type { Journal } from '../journal/journal.ts';
import type { Agents } from './agent.ts';
import { openAsk } from './ask.ts';
import { openClient, type ClientSettings } from './client.ts';
import { systemClock, type Clock } from './clock.ts';
import { openPool } from './pool.ts';
import { openPrefixes } from './prefixes.ts';
import { openSpending } from './spending.ts';
import type { Timings } from './timings.ts';

/** Conversations with the model at once in one process, of all runs (DESIGN.md §4). */
export const CONVERSATIONS = 16;

export interface AgentsOptions {
  readonly client: ClientSettings;
  readonly journal: Journal;
  /** A run's limits as they are now: a larger budget counts from the next request on. */
  readonly limitsOf: (run: string) => { readonly budget: MicroDollars; readonly concurrency: number };
  readonly timings: Timings;
  /** Default: `CONVERSATIONS`. */
  readonly concurrency?: number;
  /** Default: the system's. */
  readonly clock?: Clock;
}

/** Agents that talk to the Messages API. `close` waits until those that live have ended; to end them soon, abort their signals. */
export function openAgents(options: AgentsOptions): Agents & { close(): Promise<void> } {
  const { journal, limitsOf, timings, concurrency: most = CONVERSATIONS, clock = systemClock } = options;
  const spending = openSpending({
    journal,
    accountsOf: (run) => [{ name: runAccount(run), limits: { dollars: limitsOf(run).budget } }],
    owner: randomUUID(),
  });
  const client = openClient(options.client, timings.connect);
  const prefixes = openPrefixes(timings.warm, clock);
  const ask = openAsk({ client, spending, prefixes, most, timings, clock, random: Math.random });
  return openPool({ ask, journal, clock, most, mostOf: (run) => limitsOf(run).concurrency, prepare: spending.settleOpenReservations });
}
