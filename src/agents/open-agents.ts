import type { Allowance } from '../domain/allowance.ts';
import type { SwitchedOff } from '../domain/switched-off.ts';
import type { Journal } from '../journal/journal.ts';
import type { Agents } from './agent.ts';
import { openAsk } from './ask.ts';
import { openCircuits } from './circuits.ts';
import type { DiscretionParts } from './discretion.ts';
import { openClient, type ClientSettings } from './client.ts';
import { systemClock, type Clock } from './clock.ts';
import { openLimiter, type Limiter } from './limiter.ts';
import { knownModels, modelOf } from './models.ts';
import { openOrders } from './orders.ts';
import { openPool } from './pool.ts';
import { openPrefixes } from './prefixes.ts';
import { openOpenings } from './request.ts';
import { onlyOwner, openSpending, settleLeftReservations, type Owner } from './spending.ts';
import { openSteerForms } from './steering.ts';
import type { Timings } from './timings.ts';

/** Conversations with the model at once in one process, of all runs (DESIGN.md §4). */
export const CONVERSATIONS = 16;

export interface AgentsOptions {
  readonly client: ClientSettings;
  readonly journal: Journal;
  /** What a run may use now: a larger limit counts from the next request on. */
  readonly allowanceOf: (run: string) => Allowance;
  readonly timings: Timings;
  /** The operator's switch, asked right before each request. */
  readonly off: () => SwitchedOff | null;
  readonly discretion: DiscretionParts;
  /** Default: the only process on its journal. */
  readonly owner?: Owner;
  /** Told when a model turns out to take no system's word within a conversation: it gets steers as text then. */
  readonly onPlainSteers?: (model: string) => void;
  /** Default: `CONVERSATIONS`. */
  readonly concurrency?: number;
  /** Default: the system's. */
  readonly clock?: Clock;
}

/**
 * Agents that talk to the Messages API. `quiet` resolves when no request of the run is in flight here. `close` waits until those that live have ended; to end them
 * soon, abort their signals.
 */
export function openAgents(options: AgentsOptions): Agents & { quiet(run: string): Promise<void>; close(): Promise<void> } {
  const { journal, allowanceOf, timings, off, owner = onlyOwner(), concurrency: most = CONVERSATIONS, clock = systemClock } = options;
  const spending = openSpending({ journal, allowanceOf, owner });
  const client = openClient(options.client, timings.connect);
  const prefixes = openPrefixes(timings.warm, clock);
  const orders = openOrders({ journal, off });
  const circuits = openCircuits({ clock, timings });
  const limiters = new Map<string, Limiter>();
  const limiterOf = (modelClass: string): Limiter => {
    const limiter = limiters.get(modelClass) ?? openLimiter({ most, timings, clock, random: Math.random });
    limiters.set(modelClass, limiter);
    return limiter;
  };
  const ask = openAsk({ client, spending, prefixes, orders, circuits, limiterOf, timings, clock });
  const prepare = (run: string): Promise<number> => settleLeftReservations(journal, run, owner);
  const mostOf = (run: string): number => allowanceOf(run).concurrency;
  // A model that is not known is refused where it is asked for, with a reason.
  const mayStart = (model: string): void => {
    const refusal = orders.refusal(null);
    if (refusal !== null) throw refusal;
    if (knownModels().includes(model)) circuits.check({ model, class: modelOf(model).class });
  };
  const forms = openSteerForms(options.onPlainSteers ?? (() => undefined));
  const pool = openPool({
    ask,
    journal,
    orders,
    forms,
    openings: openOpenings(),
    discretion: options.discretion,
    clock,
    most,
    mostOf,
    prepare,
    mayStart,
  });
  return { ...pool, quiet: (run) => orders.quiet(run) };
}
