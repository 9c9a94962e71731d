import type { Clock } from './clock.ts';
import { unlessHalted } from './stopping.ts';

/** What a request learns about its cached prefix: whether it goes ahead of its siblings; `began` opens the way for them, `left` hands the lead on. */
interface Lead {
  readonly began: () => void;
  readonly left: () => void;
}

export interface Prefixes {
  /** Waits while another request with the same prefix is ahead and has not begun to be answered: a cache entry can be read only from then on (facts/claude.md §6). Throws the Suspended of the first of the signals that aborts. */
  enter(prefix: string, halts: readonly AbortSignal[]): Promise<Lead>;
}

export function openPrefixes(warmMs: number, clock: Clock): Prefixes {
  const usedAt = new Map<string, number>();
  const leading = new Map<string, Promise<void>>();
  const isWarm = (prefix: string): boolean => clock.now() - (usedAt.get(prefix) ?? -Infinity) < warmMs;

  return {
    async enter(prefix, halts) {
      for (let ahead = leading.get(prefix); ahead !== undefined && !isWarm(prefix); ahead = leading.get(prefix)) {
        await unlessHalted(ahead, halts);
      }
      const began = (): void => void usedAt.set(prefix, clock.now());
      if (isWarm(prefix)) return { began, left: () => undefined };
      const { promise, resolve } = Promise.withResolvers<void>();
      leading.set(prefix, promise);
      const step = (): void => {
        if (leading.get(prefix) === promise) leading.delete(prefix);
        resolve();
      };
      return {
        began: () => {
          began();
          step();
        },
        left: step,
      };
    },
  };
}
