/**
 * What crosses the boundary between the untrusted script and the host: JSON text only.
 *
 *   guest → host   issue  {id, kind, args, site}   one primitive's call; `site` is the script's own line:column
 *                  tell   {kind: 'phase' | 'log', text}
 *                  result {value} | failure {message, site}
 *                  idle   {waiting}                 all jobs drained; the calls that are pending
 *   host → guest   settle {id, outcome, budget, failures}   one result, then the guest drains its jobs completely
 */
import type { CallOutcome } from '../journal/journal.ts';
import type { Json } from '../domain/json.ts';

export interface GuestCall {
  /** Number of the call in this replay, from 1, in order of issue. */
  readonly id: number;
  readonly kind: string;
  /** Arguments as given; functions and cycles are refused in the guest. */
  readonly args: readonly Json[];
  readonly site: string;
}

/** What a script may see besides its primitives. */
export interface ScriptView {
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
  /** The script's own fault: threw, timed out, out of memory, can never go on; `site` is its line:column where known. */
  | { readonly kind: 'failed'; readonly fault: ScriptFault; readonly message: string; readonly site: string | null };

export type ScriptFault = 'syntax' | 'threw' | 'time' | 'memory' | 'deadlock' | 'limit';

/** The host's side, as replay gives it to the sandbox. */
export interface CallPort {
  /** Calls issued during one drain, in order; called before the sandbox asks for the next delivery. */
  issue(calls: readonly GuestCall[]): Promise<void>;
  tell(kind: 'phase' | 'log', text: string): void;
  /** The next settled call, in commit order, of those issued; waits. Rejects with `Suspended` to unwind. */
  next(): Promise<Delivery>;
}

export interface Delivery {
  readonly id: number;
  readonly outcome: CallOutcome;
  readonly budget: BudgetView;
  /** Grows by one for each `null` or `throw` delivered. */
  readonly failure: { readonly kind: string; readonly label: string; readonly cause: string } | null;
}
