import { z } from 'zod';

/**
 * An instant in the life of one process, named by what it is about to be or was just done, so that it is the same instant in every run of the fixture:
 * `event`: right after the commit that holds the nth event of that type. `acted`: GitHub has done the nth effect, and the journal does not know it yet;
 * `what` it is in an undisturbed run, by the first word of its key.
 * `checkpoint`: right after the nth turn of an agent was stored. `any`: right after the nth event of whatever type.
 */
export const Point = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('event'), type: z.string(), nth: z.number() }),
  z.strictObject({ kind: z.literal('acted'), nth: z.number(), what: z.string() }),
  z.strictObject({ kind: z.literal('checkpoint'), nth: z.number() }),
  z.strictObject({ kind: z.literal('any'), nth: z.number() }),
]);
export type Point = z.infer<typeof Point>;

/** What the process of the crash suite is told through its environment, as JSON. */
export const Orders = z.strictObject({
  die: Point.nullable(),
  /** Date of all that this process writes: with one date for all, every run of the fixture makes the same commits. */
  now: z.string(),
});
export type Orders = z.infer<typeof Orders>;

export const ORDERS = 'CONVERGE_CRASH';

export function nameOf(point: Point): string {
  if (point.kind === 'event') return `after ${point.type} ${point.nth}`;
  return point.kind === 'acted' ? `acted ${point.nth}: ${point.what}` : `${point.kind} ${point.nth}`;
}

/** What one of each is enough of in `npm test`. */
export function kindOf(point: Point): string {
  if (point.kind === 'event') return point.type;
  return point.kind === 'acted' ? `acted ${point.what}` : point.kind;
}
