import { goOn, pause } from './pause.ts';
import type { GitHubTimings } from './timings.ts';

export type Write = 'write' | 'content';

/** Does writes one after the other, with the distance that GitHub asks for between their starts (facts/github.md §5). */
export class Pace {
  readonly #timings: GitHubTimings;
  readonly #signal: AbortSignal;
  #last: Promise<unknown> = Promise.resolve();
  #nextWrite = 0;
  #nextContent = 0;

  constructor(timings: GitHubTimings, signal: AbortSignal) {
    this.#timings = timings;
    this.#signal = signal;
  }

  turn<Result>(write: Write, act: () => Promise<Result>): Promise<Result> {
    const mine = this.#last.then(async () => {
      goOn(this.#signal);
      const earliest = write === 'content' ? Math.max(this.#nextWrite, this.#nextContent) : this.#nextWrite;
      await pause(earliest - performance.now(), this.#signal);
      const now = performance.now();
      this.#nextWrite = now + this.#timings.writeSpacingMs;
      if (write === 'content') this.#nextContent = now + this.#timings.contentSpacingMs;
      return act();
    });
    // One write's failure is its caller's, not the next one's.
    this.#last = mine.catch(() => undefined);
    return mine;
  }
}
