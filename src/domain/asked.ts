import type { StoredEvent } from './events.ts';

/** What people asked of a run and is in force: a retry ends what a stop before it meant. */
export interface Asked {
  readonly stop: Stop | null;
  /** The first retry for which no generation was opened yet. */
  readonly retry: Retry | null;
}

export interface Stop {
  readonly by: string;
  /** What is accepted is converged, delivered and proved first. A plain stop beside it wins. */
  readonly deliver: boolean;
}

export interface Retry {
  readonly id: string;
  readonly by: string;
  readonly shards: readonly string[];
}

/** Text of a stop's signal that asks for delivery. */
export const DELIVER = '--deliver';

export function askedOf(events: readonly StoredEvent[]): Asked {
  let stop: Stop | null = null;
  const retries = new Map<string, Retry>();
  for (const { event } of events) {
    if (event.type === 'generation.opened') retries.delete(event.id);
    if (event.type !== 'signal.received') continue;
    const { id, name, by, text } = event;
    if (name === 'stop' && stop?.deliver !== false) stop = { by, deliver: text === DELIVER };
    if (name !== 'retry') continue;
    stop = null;
    retries.set(id, { id, by, shards: text.split(' ').filter((shard) => shard !== '') });
  }
  return { stop, retry: retries.values().next().value ?? null };
}
