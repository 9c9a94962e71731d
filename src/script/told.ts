import type { RunEvent, StoredEvent } from '../domain/events.ts';
import type { Tell } from './protocol.ts';

/** What people were told before a replay and this replay has not told yet. Primitives log too, so the script's lines are looked for among the rest. */
export class Told {
  /** How often each: a new generation may tell them in another order. */
  readonly #left = new Map<string, number>();

  constructor(events: readonly StoredEvent[]) {
    for (const { event } of events) {
      // What a generation lost is its own: the next one tells what it loses.
      if (event.type === 'generation.opened')
        for (const told of this.#left.keys()) if (told.startsWith(textOf({ kind: 'lost', text: '' }))) this.#left.delete(told);
      const tell = tellOf(event);
      if (tell === null) continue;
      const told = textOf(tell);
      this.#left.set(told, (this.#left.get(told) ?? 0) + 1);
    }
  }

  /** Whether this was told before; asked once for each time that the script tells it, so that it is told once whatever the number of replays. */
  had(tell: Tell): boolean {
    const told = textOf(tell);
    const left = this.#left.get(told) ?? 0;
    this.#left.set(told, Math.max(0, left - 1));
    return left > 0;
  }
}

/** Null for what no script tells. */
function tellOf(event: RunEvent): Tell | null {
  if (event.type === 'phase') return { kind: 'phase', text: event.title };
  if (event.type === 'log') return { kind: 'log', text: event.text };
  return event.type === 'item.lost' ? { kind: 'lost', text: event.text } : null;
}

/** What is recorded of it. */
export function eventOf({ kind, text }: Tell): RunEvent {
  switch (kind) {
    case 'phase':
      return { type: 'phase', title: text };
    case 'log':
      return { type: 'log', text };
    case 'lost':
      return { type: 'item.lost', text };
  }
}

function textOf({ kind, text }: Tell): string {
  return `${kind}\u0000${text}`;
}
