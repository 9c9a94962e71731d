import type { Usage } from '../domain/budget.ts';
import type { Clock } from './clock.ts';
import { openJudge, type Judge } from './judge.ts';
import { openQuota, type Quota } from './quota.ts';
import type { Rate } from './rates.ts';
import { onHalt, throwIfHalted } from './stopping.ts';
import type { Timings } from './timings.ts';

/**
 * What follows from a refusal. `chance` and `ceiling`: others are let in, so the one that was refused comes again by itself, after the wait. `everybody`: the class waits, and
 * whoever comes again waits with it. `down`: nobody was let in for as many waits as are tried.
 */
export type Refusal =
  | { readonly kind: 'chance' | 'ceiling'; readonly waitMs: number }
  | { readonly kind: 'everybody' }
  | { readonly kind: 'down'; readonly tries: number };

/** A place among the requests in flight of one model class. It is free after `answered` or `refused`, of which one is called at most, and after `left` in any case. */
export interface Slot {
  /** A response begins, which told this of limits. */
  admitted(rates: readonly Rate[]): void;
  answered(usage: Usage): void;
  /** Too many, or out of order; `retryAfterMs`: what the service asked for, `rates`: what its answer told, if there was one. `tries`: of this request so far, from 1. */
  refused(refused: { readonly retryAfterMs: number | null; readonly rates: readonly Rate[]; readonly tries: number }): Refusal;
  /** Ended in any other way. */
  left(): void;
}

/**
 * The one scheduler of a model class: how many requests may be in flight, and when the next may be sent. It starts low (the service punishes sudden ramps), grows with
 * answers, stays below the level at which it was refused and tries that ceiling ever more rarely; waits when the headers say that a limit is nearly used up; and lets nobody
 * send while everybody is refused. A refusal at a level where others are let in is chance and shrinks nothing.
 */
export interface Limiter {
  /** Waits for a place; throws the Suspended of the first of the signals that aborts. */
  enter(halts: readonly AbortSignal[]): Promise<Slot>;
}

export interface LimiterParts {
  /** Requests in flight, at most. */
  readonly most: number;
  readonly timings: Pick<Timings, 'tries' | 'firstBackoff' | 'longestBackoff'>;
  readonly clock: Clock;
  /** 0 to 1, for the jitter of waits. */
  readonly random: () => number;
}

const START = 4;
/** After so long without a request, a class starts low again. */
const REST_MS = 5 * 60_000;
/** The first wait after a refusal by chance, as a part of the first backoff: places bound how fast requests come, so there is no crowd to keep away. */
const CHANCE = 1 / 40;

/** Opens a class's scheduler; nothing is sent by it. */
export function openLimiter(parts: LimiterParts): Limiter {
  const { most, clock } = parts;
  const state = { active: 0, unheard: 0 };
  const judge = openJudge(Math.min(START, most), most);
  const quota = openQuota();
  const pauses = openPauses(parts);
  const waiting: (() => void)[] = [];
  const timer = openTimer(clock);
  let lastSent = clock.now();

  const pump = (): void => {
    for (;;) {
      const next = state.active < judge.allowed() ? waiting[0] : undefined;
      // Whoever waits for nothing must not keep a process alive.
      if (next === undefined) return timer.clear();
      const ms = Math.max(pauses.left(), quota.wait({ unheard: state.unheard, all: state.active }, clock.now()));
      if (ms > 0) return timer.set(ms, pump);
      waiting.shift();
      next();
    }
  };
  const occupy = (): Slot => {
    if (state.active === 0 && clock.now() - lastSent >= REST_MS) judge.begin();
    lastSent = clock.now();
    return openSlot({ state, judge, quota, pauses, clock, waiting, pump });
  };
  return { enter: (halts) => enqueue({ waiting, pump, occupy }, halts) };
}

interface Scheduling {
  readonly state: {
    active: number;
    /** Those of them that are not yet begun to be answered. */
    unheard: number;
  };
  readonly judge: Judge;
  readonly quota: Quota;
  readonly pauses: Pauses;
  readonly clock: Clock;
  readonly waiting: readonly (() => void)[];
  /** To be called whenever somebody may have become free to go. */
  readonly pump: () => void;
}

function openSlot({ state, judge, quota, pauses, clock, waiting, pump }: Scheduling): Slot {
  state.active += 1;
  state.unheard += 1;
  const sent = judge.sent(state.active);
  let [free, heard] = [false, false];
  const hear = (rates: readonly Rate[] = []): void => {
    quota.heard(rates, clock.now());
    if (!heard) state.unheard -= 1;
    heard = true;
  };
  const leave = (): void => {
    if (free) return;
    free = true;
    state.active -= 1;
    judge.left(sent);
    hear();
    pump();
  };
  return {
    admitted: (rates) => {
      judge.admitted(sent);
      hear(rates);
      pump();
    },
    answered: (usage) => {
      judge.answered(sent, clock.now(), waiting.length);
      quota.used(usage);
      pauses.over();
      leave();
    },
    refused: ({ retryAfterMs, rates, tries }) => {
      hear(rates);
      const verdict = judge.refused(sent, clock.now());
      const refusal: Refusal =
        verdict === 'nobody' ? pauses.everybody(retryAfterMs, judge) : { kind: verdict, waitMs: pauses.own(verdict, retryAfterMs, tries) };
      leave();
      return refusal;
    },
    left: leave,
  };
}

interface Queue {
  readonly waiting: (() => void)[];
  readonly pump: () => void;
  readonly occupy: () => Slot;
}

async function enqueue({ waiting, pump, occupy }: Queue, halts: readonly AbortSignal[]): Promise<Slot> {
  throwIfHalted(halts);
  return new Promise((resolve, reject) => {
    let remove = (): void => undefined;
    const grant = (): void => {
      remove();
      resolve(occupy());
    };
    waiting.push(grant);
    pump();
    if (!waiting.includes(grant)) return;
    remove = onHalt(halts, (why) => {
      waiting.splice(waiting.indexOf(grant), 1);
      remove();
      reject(why);
      pump();
    });
  });
}

interface Pauses {
  /** Milliseconds until the class may send. */
  left(): number;
  everybody(retryAfterMs: number | null, judge: Judge): Refusal;
  own(verdict: 'chance' | 'ceiling', retryAfterMs: number | null, tries: number): number;
  over(): void;
}

/** How long is waited: by the class when everybody is refused, else by the one that was. Never before the service said so, and not all at the same moment after. */
function openPauses({ timings, clock, random }: LimiterParts): Pauses {
  let [until, rounds] = [0, 0];
  const jitter = (ms: number): number => ms * (0.5 + random() / 2);
  const grown = (first: number, n: number): number => Math.min(timings.longestBackoff, first * 2 ** (n - 1));
  const after = (retryAfterMs: number | null, ms: number): number =>
    retryAfterMs === null ? jitter(ms) : retryAfterMs + (ms * random()) / 10;
  return {
    left: () => until - clock.now(),
    everybody(retryAfterMs, judge) {
      // The replies to one burst are one refusal.
      const first = clock.now() >= until;
      if (first) {
        rounds += 1;
        judge.restart(Math.floor(judge.allowed() / 2));
      }
      until = Math.max(until, clock.now() + after(retryAfterMs, grown(timings.firstBackoff, rounds)));
      if (rounds < timings.tries) return { kind: 'everybody' };
      const tries = rounds;
      [until, rounds] = [0, 0];
      return { kind: 'down', tries };
    },
    own: (verdict, retryAfterMs, tries) => after(retryAfterMs, verdict === 'ceiling' ? 0 : grown(timings.firstBackoff * CHANCE, tries)),
    over() {
      rounds = 0;
    },
  };
}

interface Timer {
  /** Calls `due` after `ms`, or earlier if that was asked for before. */
  set(ms: number, due: () => void): void;
  clear(): void;
}

function openTimer(clock: Clock): Timer {
  let current: { readonly at: number; readonly clear: () => void } | null = null;
  return {
    set(ms, due) {
      const at = clock.now() + ms;
      if (current !== null && current.at <= at) return;
      current?.clear();
      const clear = clock.after(ms, () => {
        current = null;
        due();
      });
      current = { at, clear };
    },
    clear() {
      current?.clear();
      current = null;
    },
  };
}
