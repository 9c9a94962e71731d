/**
 * What crosses the boundary between the untrusted script and the host: JSON text only.
 *
 *   guest → host   drained {taken, tells, calls, end}       all jobs drained: what was told, which calls were issued, and whether the script ended
 *   host → guest   settle [{id, outcome, budget, failure}…]   results, each a slice of its own: the guest drains its jobs completely before it takes the next. It takes none
 *                                                           after one that told something, issued calls or ended, nor once a heartbeat's time has passed
 */
import type { CallOutcome } from '../journal/journal.ts';
import type { Json } from '../domain/json.ts';

export interface GuestCall {
  /** Number of the call in this replay, from 1, in order of issue. */
  readonly id: number;
  readonly kind: string;
  /** Arguments as given, plain data; shards, changes and verdicts are reduced to `{id}`, because the host looks them up anyway. */
  readonly args: readonly Json[];
  /** The script's own `line:column`, both from 1; null when no frame of the script was on the stack. */
  readonly site: string | null;
  /** The title of the last `phase()` when the call was issued; empty before the first. */
  readonly phase: string;
}

/** Progress that people see; `lost`: an item of `parallel` or `pipeline` that threw. */
export interface Tell {
  readonly kind: 'phase' | 'log' | 'lost';
  readonly text: string;
}

/** What the script did since it was last given something, in its order. */
export interface Drain {
  /** How many of the deliveries that it was given it took: none or more of the last answer of `next`, from its beginning. */
  readonly taken: number;
  readonly tells: readonly Tell[];
  readonly calls: readonly GuestCall[];
}

/** What a script may see besides its primitives. */
export interface ScriptView {
  /** Null when no arguments were given: the script sees `undefined`, as in the dialect. */
  readonly args: Json;
  readonly shards: readonly Json[];
  readonly budget: BudgetView;
}

/** Output tokens as in the dialect, dollars beside; only results already delivered to the script count. */
export interface BudgetView {
  readonly total: number | null;
  readonly spent: number;
  readonly dollars: { readonly total: number; readonly spent: number };
}

export type ScriptEnd =
  | { readonly kind: 'returned'; readonly value: Json }
  /**
   * The script's own fault. `site` is its line:column where known; `message` is for people and begins with the site (`script.js:3:29: …`) where there is one.
   */
  | { readonly kind: 'failed'; readonly fault: ScriptFault; readonly message: string; readonly site: string | null };

/** It did not parse, threw, ran too long, ate memory, can never go on, or passed another limit. */
export type ScriptFault = 'syntax' | 'threw' | 'time' | 'memory' | 'deadlock' | 'limit';

/** The host's side, as replay gives it to the sandbox. */
export interface CallPort {
  /** What the script took, told and issued; resolves before the sandbox asks for the next deliveries. */
  drained(drain: Drain): Promise<void>;
  /** Settled calls, in commit order, of those issued and not taken: one at least, and more whose turn is certain; waits. Rejects with `Suspended` to unwind. */
  next(): Promise<readonly Delivery[]>;
}

export interface Delivery {
  readonly id: number;
  readonly outcome: CallOutcome;
  readonly budget: BudgetView;
  /** Told to `failures()`: present for each `null` or `throw` delivered. */
  readonly failure: { readonly kind: string; readonly label: string; readonly cause: string } | null;
}

/** Bounds of one script; all are enforced by the host, none by the script's good will. */
export interface ScriptLimits {
  readonly sourceBytes: number;
  /** Memory of the guest's interpreter, and its stack. */
  readonly guestBytes: number;
  readonly stackBytes: number;
  /** CPU time between two awaits, and in all. */
  readonly sliceMs: number;
  readonly cpuMs: number;
  /** How often the host looks whether a slice has ended, and how long beyond the slice it waits before it kills the thread. */
  readonly heartbeatMs: number;
  readonly silenceMs: number;
  /** Characters of JSON of one call, result or returned value; and of all calls issued in one slice. */
  readonly messageChars: number;
  readonly sliceChars: number;
  readonly logs: number;
  readonly calls: number;
  /** Items of one `parallel` or `pipeline`. */
  readonly items: number;
}

/** Measured: facts/sandbox.md §2.2; items and size: the dialect's (facts/dynamic-workflows.md §3). */
export const SCRIPT_LIMITS: ScriptLimits = {
  sourceBytes: 512 * 1024,
  guestBytes: 64 * 1024 * 1024,
  stackBytes: 256 * 1024,
  sliceMs: 1000,
  cpuMs: 5000,
  heartbeatMs: 250,
  silenceMs: 1500,
  messageChars: 4 * 1024 * 1024,
  sliceChars: 32 * 1024 * 1024,
  logs: 10_000,
  calls: 20_000,
  items: 4096,
};
