/** Questions of the script to people that are open, and which of them found no answer that is there already. */
export class Questions {
  readonly #open = new Map<string, 'looks' | 'waits'>();

  /** Gives what tells that it waits. */
  asked(key: string): () => void {
    this.#open.set(key, 'looks');
    return () => void (this.#open.has(key) && this.#open.set(key, 'waits'));
  }

  over(key: string): void {
    this.#open.delete(key);
  }

  /** There are some, and every one of them waits. */
  get allWait(): boolean {
    return this.#open.size > 0 && [...this.#open.values()].every((state) => state === 'waits');
  }
}
