import type { StoredEvent } from '../domain/events.ts';

/** Events at most that are remembered as they are written, of all scopes. */
const MOST = 512;
/** How long a whole record stays, in milliseconds: who takes up a run looks at it from many sides, within one breath. */
const BREATH = 5000;

/**
 * Events that are read again and again, so that they are parsed once: the last that this process wrote, for who follows a run, and for a short time the whole record of a
 * scope that was read. True only where one process writes, and only of what is on disk.
 */
export class RecentEvents {
  #last: StoredEvent[] = [];
  readonly #records = new Map<string, StoredEvent[]>();

  /** What was written, in order. */
  add(events: readonly StoredEvent[]): void {
    this.#last.push(...events);
    // Rarely, since all that stay are copied.
    if (this.#last.length > 2 * MOST) this.#last = this.#last.slice(-MOST);
    for (const event of events) this.#records.get(event.scope)?.push(event);
  }

  /** All that the scope has, from its first event on. */
  addRecord(scope: string, events: readonly StoredEvent[]): void {
    this.#records.set(scope, [...events]);
    setTimeout(() => this.#records.delete(scope), BREATH).unref();
  }

  /** What the scope has after its event `after`, in order; null when the first of that is not here. */
  since(scope: string, after: number): readonly StoredEvent[] | null {
    // A record's events are numbered from 1 without gaps.
    const record = this.#records.get(scope);
    if (record !== undefined) return record.slice(after);
    const first = this.#last.findIndex((event) => event.scope === scope && event.n >= after);
    const begins = this.#last[first];
    if (begins === undefined || begins.n > after + 1) return null;
    return this.#last.slice(first).filter((event) => event.scope === scope && event.n > after);
  }
}
