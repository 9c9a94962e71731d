/**
 * Hands out what is to be carried out, in this process or in any number of them, and finds those that died (DESIGN.md §5). It only delivers: what is done and
 * what is not, the journal knows, so that everything here can be lost and pushed again. Four verbs, two adapters: in-process.ts and pg-boss.ts.
 */
export interface Dispatch {
  /** Delivers each of these soon, to one worker each. What is on its way or at work is left as it is; what was put off is delivered now. */
  push(run: string, keys: readonly string[]): Promise<void>;
  /** Takes deliveries, at most `slots` at the same time, until it closes. A handler that returns has ended its delivery; it should not throw. */
  work(slots: number, handler: Handler): Promise<void>;
  /** Nobody begins these any more, and whoever is at work on them is told by the delivery's signal, within seconds. Pushed again they are delivered again. */
  cancel(run: string, keys: readonly string[]): Promise<void>;
  /** Ends a delivery, and makes another of it at that time, in one step. Nothing happens when it is another's by now. */
  redeliver(delivery: Delivery, at: Date): Promise<void>;
  /** Takes no more, tells those that are at work, and waits until they have let go. */
  close(): Promise<void>;
}

export type Handler = (delivery: Delivery) => Promise<void>;

/** A call of a run, or with `DRIVE` for its key the driving of the run itself, in one worker's hands. */
export interface Delivery {
  readonly run: string;
  readonly key: string;
  /** 1 when it was pushed, one more with each redelivery since. */
  readonly number: number;
  /** Aborts when it is to be let go; the reason is `CLOSING`, `LOST` to another worker, or that of `cancel`. */
  readonly signal: AbortSignal;
  /** Ends it. Rejects with `Suspended` when the delivery is another's by now, or was cancelled. */
  complete(): Promise<void>;
}

/** The key of driving a run. */
export const DRIVE = '';

/** Reasons of a delivery's signal. */
export const CLOSING = 'this process ends';
export const LOST = 'another process has taken this over';
export const CANCELLED = 'it was cancelled';
