import type { StoredEvent } from './events.ts';

/** By key of a call as the script issues it: the key under which it stands in this generation, where that is another. */
export type Reopened = ReadonlyMap<string, string>;

export interface Generations {
  /** Replays of the script that were opened: 1 until somebody asked for a retry. */
  readonly generation: number;
  readonly reopened: Reopened;
}

export function generationsOf(events: readonly StoredEvent[]): Generations {
  let generation = 1;
  const reopened = new Map<string, string>();
  for (const { event } of events) {
    if (event.type !== 'generation.opened') continue;
    generation = event.generation;
    for (const key of event.calls) reopened.set(issuedKey(key), inGeneration(generation, issuedKey(key)));
  }
  return { generation, reopened };
}

/**
 * `<name>~<generation>`, in the first the bare name: of a call that is open again since that generation (`<hash>#<occurrence>~2`), of a durable step, of an effect.
 * What has a name of its own in each generation is done again in each.
 */
export function inGeneration(generation: number, name: string): string {
  return generation === 1 ? name : `${name}~${generation}`;
}

/** A call's key as the script issues it, whatever the generation. */
export function issuedKey(key: string): string {
  return key.replace(/~\d+$/u, '');
}

/** False for a call that was opened again since: it is history. A child call (`key/child`) stands with its parent. */
export function stands(reopened: Reopened, key: string): boolean {
  const [parent = key] = key.split('/', 1);
  const issued = issuedKey(parent);
  return (reopened.get(issued) ?? issued) === parent;
}
