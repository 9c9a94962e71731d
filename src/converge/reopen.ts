import { z } from 'zod';
import type { Change } from '../domain/change.ts';
import { dropsOf, unwanted } from '../domain/drops.ts';
import type { EventOf, SettledOutcome, StoredEvent } from '../domain/events.ts';
import { generationsOf, stands } from '../domain/generation.ts';
import type { Plan } from '../domain/plan.ts';
import { needsOf } from '../domain/shard.ts';
import type { Verdict } from '../domain/verdict.ts';
import { trusted } from '../journal/trusted.ts';
import type { Assembled } from './assemble.ts';

/** How a shard stands, for somebody who wants it tried again. */
export type ShardStanding =
  | { readonly kind: 'accepted' }
  /** Not accepted, and nothing says that it will not be. */
  | { readonly kind: 'open' }
  /** `calls`: what has to be open again for another try. */
  | { readonly kind: 'left-over'; readonly calls: readonly string[] }
  /** Dropped by a person, or what it needs. */
  | { readonly kind: 'unwanted'; readonly why: string }
  /** Nothing of its own failed: it needs these, which are left over. */
  | { readonly kind: 'waiting'; readonly needs: readonly string[] };

/** How every shard of the plan stands by the run's record. Pure. */
export function standingsOf(plan: Plan, events: readonly StoredEvent[]): ReadonlyMap<string, ShardStanding> {
  const record = readRecord(events);
  const own = new Map(plan.shards.map(({ id }) => [id, ownStanding(id, record)]));
  const { dropped } = dropsOf(events);
  const isLeftOver = (id: string): boolean => own.get(id)?.kind === 'left-over';
  /** Left over for a reason of its own, and not since others are. */
  const isFirst = (id: string): boolean => {
    const standing = own.get(id);
    return standing?.kind === 'left-over' && (standing.calls.length > 0 || !needsOf(plan.shards, id).some((need) => isLeftOver(need)));
  };
  return new Map(
    Array.from(own, ([id, standing]): readonly [string, ShardStanding] => {
      const needed = needsOf(plan.shards, id);
      const why = unwanted(id, needed, dropped);
      if (why !== null) return [id, { kind: 'unwanted', why }];
      if (standing.kind === 'accepted' || (standing.kind === 'left-over' && standing.calls.length > 0)) return [id, standing];
      const needs = needed.filter((need) => isFirst(need));
      return [id, needs.length === 0 ? standing : { kind: 'waiting', needs }];
    }),
  );
}

/** The shards of a retry: those named, the left-over ones that they need, and all that only wait for any of these. In the plan's order. */
export function triedAgain(named: readonly string[], plan: Plan, standings: ReadonlyMap<string, ShardStanding>): readonly string[] {
  const needed = named.flatMap((id) => {
    const standing = standings.get(id);
    return standing?.kind === 'waiting' ? standing.needs : [];
  });
  const tried = new Set([...named, ...needed]);
  return plan.shards
    .map(({ id }) => id)
    .filter((id) => {
      const standing = standings.get(id);
      return tried.has(id) || (standing?.kind === 'waiting' && standing.needs.every((need) => tried.has(need)));
    });
}

/** Keys of the calls that are open again when these shards are tried again. */
export function reopenedCalls(shards: readonly string[], standings: ReadonlyMap<string, ShardStanding>): readonly string[] {
  return shards.flatMap((id) => {
    const standing = standings.get(id);
    return standing?.kind === 'left-over' ? standing.calls : [];
  });
}

interface Call {
  readonly key: string;
  readonly kind: string;
  /** Id of the change that it is about; null for one that makes a shard's first. */
  readonly change: string | null;
  outcome: SettledOutcome | null;
}

interface OfShard {
  word: 'accepted' | 'returned' | null;
  /** Those that stand, in order of issue, since the shard was returned. */
  calls: Call[];
}

interface Record {
  readonly shards: ReadonlyMap<string, OfShard>;
  readonly ended: boolean;
  /** Accepted and not delivered, since they conflict with the branch. */
  readonly conflicting: ReadonlySet<string>;
}

const about = z.object({ shard: z.string().optional(), change: z.string().optional() });

/** The standing calls of each shard, by what is written of them. */
function readRecord(events: readonly StoredEvent[]): Record {
  const { reopened } = generationsOf(events);
  const shards = new Map<string, OfShard>();
  const byKey = new Map<string, Call>();
  const shardOfChange = new Map<string, string>();
  let ended = false;
  let conflicting: ReadonlySet<string> = new Set();
  const of = (shard: string): OfShard => {
    const known = shards.get(shard) ?? { word: null, calls: [] };
    shards.set(shard, known);
    return known;
  };
  const issued = ({ key, kind, input }: EventOf<'call.issued'>): void => {
    const { data } = about.safeParse(input);
    const shard = data?.shard ?? shardOfChange.get(data?.change ?? '');
    if (shard === undefined || key.includes('/') || !stands(reopened, key)) return;
    const call = { key, kind, change: data?.change ?? null, outcome: null };
    byKey.set(key, call);
    of(shard).calls.push(call);
  };
  for (const { event } of events) {
    if (event.type === 'call.issued') issued(event);
    if (event.type === 'call.settled') {
      const change = changeIn(event.outcome);
      if (change !== null) shardOfChange.set(change.id, change.shard);
      const call = byKey.get(event.key);
      if (call !== undefined) call.outcome = event.outcome;
    }
    if (event.type === 'shard.accepted') of(event.shard).word = 'accepted';
    if (event.type === 'shard.returned') shards.set(event.shard, { word: 'returned', calls: [] });
    if (event.type === 'generation.opened') ended = false;
    if (event.type === 'run.ended') ended = true;
    if (event.type === 'step.done' && event.step.startsWith('assembled#'))
      conflicting = new Set(
        trusted<Assembled>()
          .parse(event.result)
          .conflicts.map(({ shard }) => shard),
      );
  }
  return { shards, ended, conflicting };
}

const changeLike = z.object({ id: z.string(), shard: z.string(), overlay: z.array(z.unknown()) });

function changeIn(outcome: SettledOutcome): Pick<Change, 'id' | 'shard'> | null {
  return outcome.kind === 'value' ? (changeLike.safeParse(outcome.value).data ?? null) : null;
}

function ownStanding(shard: string, { shards, ended, conflicting }: Record): ShardStanding {
  const { word, calls } = shards.get(shard) ?? { word: null, calls: [] };
  if (word === 'accepted') return ended && conflicting.has(shard) ? { kind: 'left-over', calls: [] } : { kind: 'accepted' };
  const again = toReopen(calls);
  if (ended) return { kind: 'left-over', calls: again };
  return again.length > 0 && calls.every(({ outcome }) => outcome !== null) ? { kind: 'left-over', calls: again } : { kind: 'open' };
}

/**
 * What came to nothing, and reviews that ended without an answer of every reviewer and were not answered since. Where an objection has the last word,
 * the shard's first change: what follows has other content keys by itself. Nothing else.
 */
function toReopen(calls: readonly Call[]): readonly string[] {
  const verdicts = calls.flatMap((call) => {
    const verdict = verdictIn(call);
    return verdict === null ? [] : [{ key: call.key, ...verdict }];
  });
  const judged = new Set(verdicts.flatMap(({ change, outcome }) => (outcome === 'unverified' ? [] : [change])));
  const silent = new Set(verdicts.flatMap(({ key, change, outcome }) => (outcome === 'unverified' && !judged.has(change) ? [key] : [])));
  const nothing = calls.filter(({ outcome }) => outcome !== null && outcome.kind !== 'value');
  const last = verdicts.findLast(({ outcome }) => outcome !== 'unverified');
  const first = calls.find(({ kind }) => kind === 'migrate' || kind === 'codemod');
  const objected = last?.outcome === 'revise' && !nothing.some(({ kind, change }) => kind === 'revise' && change === last.change);
  const again = new Set([
    ...nothing.map(({ key }) => key),
    ...silent,
    ...(objected && silent.size === 0 && first !== undefined ? [first.key] : []),
  ]);
  return calls.map(({ key }) => key).filter((key) => again.has(key));
}

function verdictIn({ kind, outcome }: Call): Pick<Verdict, 'change' | 'outcome'> | null {
  return kind === 'review' && outcome?.kind === 'value' ? trusted<Verdict>().parse(outcome.value) : null;
}
