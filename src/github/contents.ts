import { z } from 'zod';

import type { Journal } from '../journal/journal.ts';

const HOUR = 3_600_000;

/** `owner` is absent in records of earlier versions: those count for every owner. */
const Content = z.object({ kind: z.enum(['comment', 'pull-request', 'review']), owner: z.string().optional() });

/**
 * Ages in milliseconds of the contents that were made for an owner in the last hour, by the journal: a restart does not begin to count anew, and processes
 * on one journal count together.
 */
export function contentsOf(journal: Journal): (owner: string) => Promise<readonly number[]> {
  return async (owner) => {
    const now = Date.now();
    const done = await journal.doneSince(new Date(now - HOUR).toISOString());
    return done.flatMap(({ at, intent }) => {
      const content = Content.safeParse(intent);
      if (!content.success || (content.data.owner ?? owner).toLowerCase() !== owner) return [];
      // A clock that was set back must not hold writes up for longer than the hour.
      return [Math.max(now - Date.parse(at), 0)];
    });
  };
}
