/** Waits of the talk with the model service; milliseconds unless named otherwise. */
export interface Timings {
  /** Waits of a model class in which nobody is answered, or half the tries of one request that fails while others are answered, before the service counts as down. */
  readonly tries: number;
  readonly firstBackoff: number;
  readonly longestBackoff: number;
  /** The longest `retry-after` that is waited out; beyond it the runs pause. */
  readonly patience: number;
  /** Before the one request that finds out whether a key, a model or the service works again; doubled with each vain one. Below the first wait of runs that paused. */
  readonly firstProbe: number;
  readonly longestProbe: number;
  /** Until the headers of a response, which the service sends as soon as it begins to stream, and between two pieces of its body: the service's pings come far more often. */
  readonly connect: number;
  /** How long a cached prefix is taken to be warm after its last use: a little less than the hour it is kept. */
  readonly warm: number;
  /** What a response in flight gets to its end after the run was told to stop; below the 10 s that containers are given. */
  readonly drain: number;
}

export const PRODUCTION_TIMINGS: Timings = {
  tries: 8,
  firstBackoff: 1000,
  longestBackoff: 60_000,
  patience: 5 * 60_000,
  firstProbe: 8000,
  longestProbe: 60_000,
  connect: 240_000,
  warm: 55 * 60_000,
  drain: 8000,
};
