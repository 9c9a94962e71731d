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
    const news: StoredEvent[] = [];
    // From the end: what is asked for is mostly what came last.
    for (let at = this.#last.length - 1; at >= 0; at -= 1) {
      const event = this.#last[at];
      if (event?.scope !== scope) continue;
      if (event.n > after) news.push(event);
      if (event.n <= after + 1) return news.toReversed();
    }
    return null;
  }
}
