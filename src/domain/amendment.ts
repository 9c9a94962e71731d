import type { MicroDollars } from './budget.ts';

/** A change to an approved run by a person who may approve (invariant 2). */
export type Amendment =
  | { readonly kind: 'budget'; readonly add: MicroDollars }
  /** These shards are not to be migrated any more: their files are skipped with the reason that this person gave by saying so. */
  | { readonly kind: 'drop'; readonly shards: readonly string[] }
  /** Said to every agent at work and to all later ones. */
  | { readonly kind: 'steer'; readonly text: string };
