/** A sync of the disk in two ways: in this thread, which waits for it, or in one of the system, while this one goes on. Both throw what the disk says. */
export interface DiskSync {
  readonly here: () => void;
  readonly aside: () => Promise<void>;
  /** Milliseconds. */
  readonly now: () => number;
}

/** About what the way to another thread and back takes on a machine at work. */
const SLOW_MS = 0.4;
/** Syncs that go aside after one that was slow here: twice as many after each further one, but at most so many. */
const ASIDE = 100;
const ASIDE_AT_MOST = 6400;

/** Syncs here while the disk is quicker than the way to another thread; after a slow one, a hundred and more go aside before the next is tried here. */
export function quickestSync({ here, aside, now }: DiskSync): () => Promise<void> {
  let left = 0;
  let next = ASIDE;
  return async () => {
    if (left > 0) {
      left -= 1;
      return aside();
    }
    const started = now();
    here();
    if (now() - started <= SLOW_MS) {
      next = ASIDE;
      return;
    }
    [left, next] = [next, Math.min(ASIDE_AT_MOST, 2 * next)];
  };
}
