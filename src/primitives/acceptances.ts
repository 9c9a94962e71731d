import { ConvergeError } from '../domain/errors.ts';
import type { Change } from '../domain/change.ts';
import type { Verdict } from '../domain/verdict.ts';
import type { Journal } from '../journal/journal.ts';

/** The accepted changes of a run: at most one a shard. */
export interface Acceptances {
  /** Writes that the shard is accepted, once; the same acceptance again changes nothing, another change of the shard is refused (kind `script`). */
  accept(change: Change, verdict: Verdict): Promise<void>;
}

export function openAcceptances(run: string, journal: Journal): Acceptances {
  let turn: Promise<void> = Promise.resolve();

  const accept = async (change: Change, verdict: Verdict): Promise<void> => {
    const events = await journal.events(run);
    const earlier = events
      .map(({ event }) => event)
      .findLast((event) => (event.type === 'shard.accepted' || event.type === 'shard.returned') && event.shard === change.shard);
    // A shard that was returned is open again.
    if (earlier === undefined || earlier.type !== 'shard.accepted') {
      await journal.append(run, [{ type: 'shard.accepted', shard: change.shard, change: change.id, verdict: verdict.id }]);
      return;
    }
    if (earlier.change === change.id) return;
    throw new ConvergeError(
      'script',
      `Shard ${change.shard} has an accepted change already (\`${earlier.change}\`); \`${change.id}\` cannot be accepted beside it. A shard is accepted once.`,
    );
  };
  return {
    // In turn, so that two acceptances at the same moment are not both the first.
    accept: (change, verdict) => {
      const mine = turn.then(() => accept(change, verdict));
      turn = mine.catch(() => undefined);
      return mine;
    },
  };
}
