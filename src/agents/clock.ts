/** Time as a parameter, so that waiting can be tested without waiting. */
export interface Clock {
  /** Milliseconds, monotonic. */
  now(): number;
  /** Resolves after `ms`, or at once when `signal` aborts; never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted === true) {
        resolve();
        return;
      }
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal?.addEventListener('abort', done, { once: true });
    }),
};

/** Why a wait that is no longer needed ends. Without a reason each abort makes an error with its stack, for nobody. */
export const CLEARED = 'cleared';

/** A signal that aborts after `ms` unless it is cleared. */
export function deadline(clock: Clock, ms: number): { readonly signal: AbortSignal; clear(): void } {
  const late = new AbortController();
  const cleared = new AbortController();
  const wait = async (): Promise<void> => {
    await clock.sleep(ms, cleared.signal);
    if (!cleared.signal.aborted) late.abort();
  };
  void wait();
  return { signal: late.signal, clear: () => cleared.abort(CLEARED) };
}
