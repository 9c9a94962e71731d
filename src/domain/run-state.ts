import type { Amendment } from './amendment.ts';
import { askedOf, type Asked } from './asked.ts';
import { censusOf, type Census } from './census.ts';
import { ConvergeError, type PauseReason } from './errors.ts';
import type { Person, EventOf, RunEvent, StoredEvent } from './events.ts';
import { dropsOf } from './drops.ts';
import { generationsOf, type Reopened } from './generation.ts';
import { heldBy, type Held } from './hold.ts';
import type { Json } from './json.ts';
import type { Ledger, RunStatus } from './ledger.ts';
import type { Place, Settings } from './run.ts';
import { spendingOf, type Spending } from './run-spending.ts';
import { standingAfter, standingFrom, type Standing } from './standing.ts';

/** What a run is now: the fold of its events, and nothing else. Times are ISO 8601. */
export interface RunState {
  readonly place: Place;
  readonly requester: Person;
  /** Id of the comment that started it. */
  readonly comment: string;
  readonly task: string;
  readonly settings: Settings;
  /** What it may use now, and how long it worked. */
  readonly standing: Standing;
  readonly startedAt: string;
  readonly lastEventAt: string;

  readonly status: 'active' | 'paused' | 'ended';
  /** Why it waits; null unless paused. */
  readonly pause: Pause | null;
  /** Who said that it waits; it may still be on its way to a halt. Null when nobody does. */
  readonly held: Held | null;
  /** How it ended; null unless ended. */
  readonly end: End | null;

  /** Titles in the order in which they were first told. */
  readonly phases: readonly string[];
  /** With the items that were lost. */
  readonly logs: readonly { readonly at: string; readonly text: string }[];
  /** Items of `parallel` and `pipeline` that threw in the present generation, in words. */
  readonly lostItems: readonly string[];
  /** Results of durable steps by name, in the order in which they were done. */
  readonly steps: ReadonlyMap<string, Json>;

  /** Replays of the script that were opened: 1 until somebody asked for a retry. */
  readonly generation: number;
  /** By key of a call as the script issues it: the key under which it stands in this generation, where that is another. */
  readonly reopened: Reopened;
  /** In force now; null when nobody asked for it. */
  readonly stop: Asked['stop'];
  /** Asked for, and not begun yet. */
  readonly retry: Asked['retry'];
  /** What people who may approve changed after the approval, in order. */
  readonly amendments: readonly Amended[];

  readonly census: Census;
  /** By kind of primitive, in order of first issue. */
  readonly calls: readonly CallCount[];
  readonly accepted: readonly { readonly shard: string; readonly change: string; readonly verdict: string }[];
  readonly leftOver: readonly { readonly shard: string; readonly reason: string }[];
  /** Taken out of the run by people who may approve. */
  readonly dropped: readonly { readonly shard: string; readonly by: string }[];

  readonly spending: Spending;
  /** Effects done, with what GitHub gave for them, in order. */
  readonly effects: ReadonlyMap<string, Json>;
  readonly signals: readonly {
    readonly id: string;
    readonly name: string;
    readonly by: string;
    readonly text: string;
    readonly account?: number | undefined;
    readonly at: string;
  }[];
}

export interface Amended {
  readonly id: string;
  readonly by: string;
  readonly at: string;
  readonly amendment: Amendment;
  /** Names plan and all amendments up to this one. */
  readonly hash: string;
}

export interface Pause {
  readonly reason: PauseReason;
  readonly message: string;
  readonly at: string;
}

export interface End {
  readonly status: Exclude<RunStatus, 'paused'>;
  readonly why: string;
  readonly ledger: Ledger;
  /** Before its report: stopped, or failed for good. */
  readonly early: boolean;
  readonly at: string;
}

export interface CallCount {
  readonly kind: string;
  readonly issued: number;
  readonly settled: number;
  /** Of the settled, how many came back as `null` or threw. */
  readonly failed: number;
}

/** Folds a run's events, in order, into its state. Throws a ConvergeError of kind `journal` when they are not those of a run. */
export function foldRun(events: readonly StoredEvent[]): RunState {
  const [first] = events;
  const last = events.at(-1);
  if (first?.event.type !== 'run.started' || last === undefined) {
    throw new ConvergeError(
      'journal',
      `A run's record begins with run.started; found ${first === undefined ? 'no event at all' : `${first.event.type} in ${first.scope}`}.`,
    );
  }
  const { place, requester, comment, task, settings } = first.event;
  const signals = ofType(events, 'signal.received').map(({ at, event: { id, name, by, text, account } }) => ({
    id,
    name,
    by,
    text,
    account,
    at,
  }));
  return {
    place,
    requester,
    comment,
    task,
    settings,
    standing: events.reduce(standingAfter, standingFrom(first.event)),
    startedAt: first.at,
    lastEventAt: last.at,
    ...lifeOf(events),
    phases: [...new Set(ofType(events, 'phase').map(({ event }) => event.title))],
    logs: events.flatMap(({ at, event }) => (event.type === 'log' || event.type === 'item.lost' ? [{ at, text: event.text }] : [])),
    lostItems: ofType(ofGeneration(events), 'item.lost').map(({ event }) => event.text),
    steps: new Map(ofType(events, 'step.done').map(({ event }) => [event.step, event.result])),
    ...generationsOf(events),
    ...askedOf(events),
    amendments: amendmentsOf(events),
    census: censusOf(events),
    calls: callsOf(events),
    ...shardsOf(events),
    spending: spendingOf(events),
    effects: new Map(ofType(events, 'effect.done').map(({ event }) => [event.key, event.result])),
    signals,
    held: heldBy(signals),
  };
}

type Typed<T extends RunEvent['type']> = StoredEvent & { readonly event: EventOf<T> };

/** Of the present generation. */
function ofGeneration(events: readonly StoredEvent[]): readonly StoredEvent[] {
  return events.slice(events.findLastIndex(({ event }) => event.type === 'generation.opened') + 1);
}

function ofType<T extends RunEvent['type']>(events: readonly StoredEvent[], type: T): readonly Typed<T>[] {
  return events.filter((stored): stored is Typed<T> => stored.event.type === type);
}

function lifeOf(events: readonly StoredEvent[]): Pick<RunState, 'status' | 'pause' | 'end'> {
  let life: Pick<RunState, 'status' | 'pause' | 'end'> = { status: 'active', pause: null, end: null };
  for (const { at, event } of events) {
    if (event.type === 'run.started' || event.type === 'run.resumed' || event.type === 'generation.opened')
      life = { status: 'active', pause: null, end: null };
    if (event.type === 'run.paused') life = { status: 'paused', pause: { reason: event.reason, message: event.message, at }, end: null };
    if (event.type === 'run.ended') {
      life = {
        status: 'ended',
        pause: null,
        end: { status: event.status, why: event.why, ledger: event.ledger, early: event.early === true, at },
      };
    }
  }
  return life;
}

/** One for each comment, the first. */
function amendmentsOf(events: readonly StoredEvent[]): RunState['amendments'] {
  const made = new Map<string, Amended>();
  for (const { at, event } of ofType(events, 'run.amended')) {
    const { id, by, amendment, hash } = event;
    if (!made.has(id)) made.set(id, { id, by, at, amendment, hash });
  }
  return [...made.values()];
}

/** The last word on each shard: one that was returned, or is tried again in a new generation, is open again. */
function shardsOf(events: readonly StoredEvent[]): Pick<RunState, 'accepted' | 'leftOver' | 'dropped'> {
  const accepted = new Map<string, RunState['accepted'][number]>();
  const leftOver = new Map<string, RunState['leftOver'][number]>();
  for (const { event } of events) {
    if (event.type === 'shard.accepted') {
      accepted.set(event.shard, { shard: event.shard, change: event.change, verdict: event.verdict });
      leftOver.delete(event.shard);
    }
    if (event.type === 'shard.left-over') leftOver.set(event.shard, { shard: event.shard, reason: event.reason });
    if (event.type === 'generation.opened') for (const shard of event.shards) leftOver.delete(shard);
    if (event.type !== 'shard.returned') continue;
    accepted.delete(event.shard);
    leftOver.delete(event.shard);
  }
  const { dropped } = dropsOf(events);
  for (const shard of dropped.keys()) {
    accepted.delete(shard);
    leftOver.delete(shard);
  }
  return {
    accepted: [...accepted.values()],
    leftOver: [...leftOver.values()],
    dropped: Array.from(dropped, ([shard, by]) => ({ shard, by })),
  };
}

function callsOf(events: readonly StoredEvent[]): readonly CallCount[] {
  const issued = new Map(ofType(events, 'call.issued').map(({ event }) => [event.key, event.kind]));
  const outcomes = new Map(ofType(events, 'call.settled').map(({ event }) => [event.key, event.outcome.kind]));
  return Array.from(
    Map.groupBy(issued, ([, kind]) => kind),
    ([kind, calls]) => {
      const ends = calls.map(([key]) => outcomes.get(key)).filter((end) => end !== undefined);
      return { kind, issued: calls.length, settled: ends.length, failed: ends.filter((end) => end !== 'value').length };
    },
  );
}
