import { z } from 'zod';
import type { Change } from '../domain/change.ts';
import type { StoredEvent } from '../domain/events.ts';
import type { Verdict, VerdictOutcome } from '../domain/verdict.ts';
import type { Journal } from '../journal/journal.ts';
import { trusted } from '../journal/trusted.ts';

/** A review as it stood when a later call was issued. */
export interface EarlierReview {
  readonly change: string;
  /** `nothing`: it came to `null`. `open`: it had not ended. Reviews that were refused are left out. */
  readonly came: VerdictOutcome | 'nothing' | 'open';
  /** False for one before the shard was tried again in a new generation: what it said stands, but it is no round of this try. */
  readonly counts: boolean;
}

export interface Precedent {
  /** Reviews of the shard's changes in order of issue; of a shard that was returned, those since: its changes start from another tree. */
  reviews(shard: string): readonly EarlierReview[];
  /** Id of the shard's accepted change; null when it has none or was returned since. */
  accepted(shard: string): string | null;
}

/**
 * What the run's record held before a call was issued. Events keep their places, so that the answer is the same live, in every replay and after every kill,
 * whatever was settled since; calls that were issued together do not see each other's ends.
 */
export interface Precedents {
  before(key: string): Promise<Precedent>;
}

interface Review {
  readonly issued: number;
  readonly change: string;
  ended: { readonly at: number; readonly came: EarlierReview['came'] | 'refused' } | null;
  /** When it was opened again under another key; Infinity while it stands. */
  reopened: number;
}

interface Turn {
  readonly at: number;
  readonly shard: string;
  /** Null: the shard was returned, or dropped. */
  readonly change: string | null;
}

const ofChange = z.object({ change: z.string() });

/** The record, read as far as it was needed and kept in short. */
class Reading {
  readonly issued = new Map<string, number>();
  readonly reviews = new Map<string, Review>();
  readonly shardOf = new Map<string, string>();
  readonly turns: Turn[] = [];
  readonly retries: { readonly at: number; readonly shards: readonly string[] }[] = [];
  readonly #makers = new Set<string>();
  #seen = 0;

  async catchUp(run: string, journal: Journal): Promise<void> {
    for (const stored of await journal.events(run, this.#seen)) {
      this.#seen = stored.n;
      this.#take(stored);
    }
  }

  #take({ n, event }: StoredEvent): void {
    if (event.type === 'shard.accepted') this.turns.push({ at: n, shard: event.shard, change: event.change });
    if (event.type === 'shard.returned') this.turns.push({ at: n, shard: event.shard, change: null });
    if (event.type === 'run.amended' && event.amendment.kind === 'drop')
      for (const shard of event.amendment.shards) this.turns.push({ at: n, shard, change: null });
    if (event.type === 'generation.opened') {
      this.retries.push({ at: n, shards: event.shards });
      for (const review of event.calls.flatMap((key) => this.reviews.get(key) ?? [])) review.reopened = n;
    }
    if (event.type === 'call.issued') {
      this.issued.set(event.key, n);
      if (event.kind === 'migrate' || event.kind === 'revise' || event.kind === 'codemod') this.#makers.add(event.key);
      const input = ofChange.safeParse(event.input);
      if (event.kind === 'review' && input.success)
        this.reviews.set(event.key, { issued: n, change: input.data.change, ended: null, reopened: Infinity });
    }
    if (event.type === 'call.settled') this.#settled(n, event);
  }

  #settled(at: number, { key, outcome }: Extract<StoredEvent['event'], { type: 'call.settled' }>): void {
    if (this.#makers.has(key) && outcome.kind === 'value') {
      const { id, shard } = trusted<Change>().parse(outcome.value);
      this.shardOf.set(id, shard);
    }
    const review = this.reviews.get(key);
    if (review === undefined) return;
    const judged = outcome.kind === 'value' ? trusted<Verdict>().parse(outcome.value).outcome : null;
    review.ended = { at, came: judged ?? (outcome.kind === 'null' ? 'nothing' : 'refused') };
  }
}

export function openPrecedents(run: string, journal: Journal): Precedents {
  const reading = new Reading();
  let turn: Promise<void> = Promise.resolve();
  return {
    before: async (key) => {
      // In turn: each reads only what is new.
      const mine = turn.then(() => reading.catchUp(run, journal));
      turn = mine.catch(() => undefined);
      await mine;
      return precedentAt(reading, reading.issued.get(key) ?? Infinity);
    },
  };
}

function precedentAt(reading: Reading, now: number): Precedent {
  const turns = (shard: string): readonly Turn[] => reading.turns.filter((turn) => turn.shard === shard && turn.at < now);
  return {
    accepted: (shard) => turns(shard).at(-1)?.change ?? null,
    reviews: (shard) => {
      const since = turns(shard).findLast((turn) => turn.change === null)?.at ?? 0;
      const retried = reading.retries.findLast(({ at, shards }) => at < now && shards.includes(shard))?.at ?? 0;
      return [...reading.reviews.values()].flatMap(({ issued, change, ended, reopened }) => {
        if (issued <= since || issued >= now || reopened < now || reading.shardOf.get(change) !== shard) return [];
        const came = ended === null || ended.at > now ? 'open' : ended.came;
        return came === 'refused' ? [] : [{ change, came, counts: issued > retried }];
      });
    },
  };
}
