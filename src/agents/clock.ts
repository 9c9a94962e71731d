/** Time as a parameter, so that waiting can be tested without waiting. */
export interface Clock {
  /** Milliseconds, monotonic. */
  now(): number;
  /** Resolves after `ms`, or at once when `signal` aborts; never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Acts after `ms`, never at once, unless what it gives was called before. */
  after(ms: number, act: () => void): () => void;
}

/** A timer of Node's that is set for longer fires at once. Who waited for it looks at the time again. */
const LONGEST = 2 ** 31 - 1;

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
      const timer = setTimeout(done, Math.min(ms, LONGEST));
      signal?.addEventListener('abort', done, { once: true });
    }),
  after: (ms, act) => {
    const timer = setTimeout(act, Math.min(ms, LONGEST));
    return () => clearTimeout(timer);
  },
};
