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
  const retries = new Map<string, Retry>();
  for (const { event } of events) {
    if (event.type === 'generation.opened') retries.delete(event.id);
    if (event.type !== 'signal.received' || event.name !== 'retry') continue;
    const { id, by, text } = event;
    retries.set(id, { id, by, shards: text.split(' ').filter((shard) => shard !== '') });
  }
  const signals = events.map(({ event }) => event).filter((event) => event.type === 'signal.received');
  return { stop: stopIn(signals), retry: retries.values().next().value ?? null };
}

/** The stop that is in force after these signals of a run. */
export function stopIn(signals: readonly { readonly name: string; readonly by: string; readonly text: string }[]): Stop | null {
  let stop: Stop | null = null;
  for (const { name, by, text } of signals) {
    if (name === 'stop' && stop?.deliver !== false) stop = { by, deliver: text === DELIVER };
    if (name === 'retry') stop = null;
  }
  return stop;
}
