import { createHash } from 'node:crypto';
import { canonical, type Json } from '../domain/json.ts';
import type { Plan } from '../domain/plan.ts';

/**
 * What an approval names (invariant 2): sha256, in hex, over everything that the plan says: draft, script, scope, inventory, shards, checks, limits, pinned base, models,
 * setup and protected paths. The order of keys does not count.
 */
export function planHash(plan: Omit<Plan, 'hash'>): string {
  // By way of JSON text, as the journal keeps it: absent and undefined are the same.
  const json: Json = JSON.parse(JSON.stringify(plan));
  return createHash('sha256').update(canonical(json)).digest('hex');
}
