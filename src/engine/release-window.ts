/** Something that waits for room. */
export interface Waiting {
  readonly key: string;
  /** Conversations with the model that it holds at once. */
  readonly weight: number;
}

/**
 * Which calls of a run may be with the workers: at most `limit` conversations, strictly in the order in which they were issued. That order is the same in every
 * process that drives the run, so that one which takes over fills its window with the calls that are with the workers already.
 */
export class ReleaseWindow {
  readonly #limit: number;
  readonly #waiting: Waiting[] = [];
  readonly #released = new Map<string, number>();
  #used = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Keys in order of release. */
  get released(): readonly string[] {
    return [...this.#released.keys()];
  }

  enter(call: Waiting): void {
    this.#waiting.push(call);
  }

  leave(key: string): void {
    this.#used -= this.#released.get(key) ?? 0;
    this.#released.delete(key);
    const at = this.#waiting.findIndex((call) => call.key === key);
    if (at !== -1) this.#waiting.splice(at, 1);
  }

  /** Releases all that fit now, and gives their keys. One that is larger than the whole window goes alone. */
  release(): readonly string[] {
    const fresh: string[] = [];
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#used > 0 && this.#used + next.weight > this.#limit) break;
      this.#waiting.shift();
      this.#used += next.weight;
      this.#released.set(next.key, next.weight);
      fresh.push(next.key);
    }
    return fresh;
  }
}
