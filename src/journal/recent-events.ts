import type { StoredEvent } from '../domain/events.ts';

/** Events at most, of all scopes. */
const MOST = 512;

/** The last events that this process wrote: who follows a run asks again and again for what is new, and need not have it read and parsed. */
export class RecentEvents {
  #events: StoredEvent[] = [];

  add(events: readonly StoredEvent[]): void {
    this.#events.push(...events);
    // Rarely, since all that stay are copied.
    if (this.#events.length > 2 * MOST) this.#events = this.#events.slice(-MOST);
  }

  /** What the scope has after its event `after`, in order; null when the first of that is not here. */
  since(scope: string, after: number): readonly StoredEvent[] | null {
    const first = this.#events.findIndex((event) => event.scope === scope && event.n >= after);
    const begins = this.#events[first];
    if (begins === undefined || begins.n > after + 1) return null;
    return this.#events.slice(first).filter((event) => event.scope === scope && event.n > after);
  }
}
