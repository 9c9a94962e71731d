import { createHash } from 'node:crypto';
import type { MicroDollars } from './budget.ts';
import { canonical, type Json } from './json.ts';

/** What is added to limits of a run; `add` is dollars. */
export interface Raise {
  readonly add: MicroDollars;
  readonly agents?: number;
  readonly tokens?: number;
  readonly turns?: number;
  readonly hours?: number;
}

/** A change to an approved run by a person who may approve (invariant 2). */
export type Amendment =
  /** Raises limits of the run. */
  | ({ readonly kind: 'budget' } & Raise)
  /** These shards are not to be migrated any more: their files are skipped with the reason that this person gave by saying so. */
  | { readonly kind: 'drop'; readonly shards: readonly string[] }
  /** Said to every agent at work and to all later ones. */
  | { readonly kind: 'steer'; readonly text: string };

/** What an approved run is now, in one name: sha256, in hex, of the plan's hash and all amendments in their order. Without any it is the plan's hash. */
export function effectiveHash(planHash: string, amendments: readonly Amendment[]): string {
  if (amendments.length === 0) return planHash;
  const json: Json = JSON.parse(JSON.stringify([planHash, ...amendments]));
  return createHash('sha256').update(canonical(json)).digest('hex');
}
