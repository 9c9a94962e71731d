import type { Account, Balance, Shortage } from '../domain/account.ts';
import type { Usage, MicroDollars } from '../domain/budget.ts';
import type { Overlay } from '../domain/change.ts';
import type { RunEvent, StoredEvent } from '../domain/events.ts';
import type { Json } from '../domain/json.ts';

/**
 * The append-only record of runs (DESIGN.md §5). Every verb is one durable transaction that writes an event and, with it, the index it belongs to
 * (`call`, `effect`, `signal`, `spend`); the indexes dropped and rebuilt from `event` are the same.
 * When a promise resolves, the fact is on disk. Errors are ConvergeErrors of kind `journal`.
 *
 * `scope` is a run's id, or `comment/<id>` for what is said before a run exists.
 */
export interface Journal {
  /** Creates the run unless this trigger (a comment's id) has one: a webhook delivered twice starts one run. */
  start(options: {
    readonly run: string;
    readonly trigger: string;
    readonly event: RunEvent;
  }): Promise<{ readonly run: string; readonly created: boolean }>;
  /** Runs whose last status is not an end, oldest first. */
  unfinished(): Promise<readonly string[]>;
  /** All runs, newest first. */
  runs(): Promise<readonly string[]>;

  append(scope: string, events: readonly RunEvent[]): Promise<readonly StoredEvent[]>;
  events(scope: string, after?: number): Promise<readonly StoredEvent[]>;
  /** The last event of a scope and its seal (seal.ts), which names it and all before; undefined when there is none, or none with a seal. */
  seal(scope: string): Promise<{ readonly n: number; readonly seal: string } | undefined>;
  /** Called after commit, in order, with every event of the scope (of all for null); returns the way to stop. Listeners must not throw. */
  watch(scope: string | null, listener: (event: StoredEvent) => void): () => void;
  /** Result of the run's `step.done` of that name; a second one of the same name is refused. */
  doneStep(run: string, name: string): Promise<{ readonly result: Json } | undefined>;

  /** Inserts calls that are new, in the order given; returns all of them as they stand. */
  issue(run: string, calls: readonly IssuedCall[]): Promise<readonly CallState[]>;
  /**
   * Writes a call's end once and gives it the next commit number of the run. A second settle of the same key changes nothing and returns the first's number.
   * Composites' child calls are settled by the same verb.
   */
  settle(run: string, key: string, outcome: CallOutcome): Promise<number>;
  call(run: string, key: string): Promise<CallState | undefined>;
  /** Settled calls in commit order, those after `seq` only. */
  settled(run: string, afterSeq: number): Promise<readonly SettledCall[]>;
  /** All calls of the run in order of issue. */
  calls(run: string): Promise<readonly CallState[]>;

  /** An agent's finished model response and what its tools answered and edited, which is written only where the response is: both may be asked for at once, and what stands on
   * both waits for both. Turns are numbered from 0; writing one twice replaces nothing. */
  checkpoint(run: string, agent: string, turn: TurnRecord): Promise<void>;
  checkpoints(run: string, agent: string): Promise<readonly TurnRecord[]>;

  /** What a person said to a run, stored even if nobody waits yet. False when that id is there already. */
  signal(run: string, signal: Signal): Promise<boolean>;
  /** In order of arrival. */
  signals(run: string): Promise<readonly Signal[]>;

  /** Writes the intent before acting. `fresh` is true only the first time: an intent found again means an unknown outcome. */
  intend(scope: string, key: string, intent: Json): Promise<{ readonly fresh: boolean; readonly done: boolean; readonly result: Json }>;
  done(scope: string, key: string, result: Json): Promise<void>;
  effects(scope: string): Promise<readonly EffectState[]>;
  /** Effects of all scopes that were done at or after this time (ISO 8601), oldest first: what GitHub's hourly limits have counted, whoever did it. */
  doneSince(at: string): Promise<readonly DoneEffect[]>;

  /**
   * Reserves before a request is sent, in all of its accounts or in none. Refused, with every limit that it would pass, when spent + reserved + wanted of an account
   * is more than that account's limit (`shortagesOf`, the one rule); then nothing is written.
   */
  reserve(
    run: string,
    reservation: Reservation,
  ): Promise<{ readonly ok: true } | { readonly ok: false; readonly short: readonly Shortage[] }>;
  /** Settles a reservation once with what it cost; unknown usage is charged in full by the caller. */
  charge(run: string, charge: Charge): Promise<void>;
  /** What an account comes to; `runAccount` names a run's. */
  balance(account: string): Promise<Balance>;
  /** Reservations of a run, or of all for null, without a charge: requests in flight, and what killed processes left. In the order in which they were made. */
  openReservations(run: string | null): Promise<readonly OpenReservation[]>;

  /** A webhook's comment, recorded at once and worked on outside of the webhook. False when it was processed already. */
  receive(id: string, payload: Json): Promise<boolean>;
  /** Received and not processed, in order of arrival. */
  received(): Promise<readonly { readonly id: string; readonly payload: Json }[]>;
  processed(id: string): Promise<void>;

  /**
   * This journal for the holder of a claim: every verb that writes is refused (`Suspended`, reason `stopping`) as soon as somebody else holds it, so that a process
   * that slept and wakes up writes nothing. In one process nobody else can: then it is this journal.
   */
  fenced(claim: Claim): Journal;
  /** Rejects (`Suspended`, reason `stopping`) when what this journal writes is refused by then: asked right before something is done outside that waited for its turn. */
  confirm(): Promise<void>;

  close(): Promise<void>;
}

/** Who may write what: the driver of a run, or the worker that carries out one of its calls. `attempt` grows with each holder. */
export type Claim =
  | { readonly kind: 'run'; readonly run: string; readonly attempt: number }
  | { readonly kind: 'call'; readonly run: string; readonly key: string; readonly attempt: number };

/** A call in its holder's hands. */
export interface TakenCall {
  readonly call: CallState;
  readonly claim: Claim;
}

export interface IssuedCall {
  readonly key: string;
  /** Name of the primitive. */
  readonly kind: string;
  readonly label: string;
  readonly phase: string;
  readonly input: Json;
  /** As the script gave them, so that a worker can carry the call out; absent for calls that stay where the run is driven. */
  readonly args?: readonly Json[];
}

/** `null` as the script sees it, with its recorded cause; `throw` for argument errors and schemas no reply met. */
export type CallOutcome =
  | { readonly kind: 'value'; readonly value: Json }
  | { readonly kind: 'null'; readonly cause: string }
  | { readonly kind: 'throw'; readonly message: string };

export interface CallState extends IssuedCall {
  readonly settled: { readonly seq: number; readonly outcome: CallOutcome; readonly at: string } | null;
}

export interface SettledCall extends IssuedCall {
  readonly seq: number;
  readonly outcome: CallOutcome;
  readonly at: string;
}

export interface TurnRecord {
  readonly n: number;
  /** `response`: the model's message, on its way here while its tools run. `results`: what the tools answered, with the edits of this turn. */
  readonly part: 'response' | 'results';
  readonly data: Json;
  /** The whole overlay of the workspace after this turn; empty for `response`. */
  readonly overlay: Overlay;
}

export interface Signal {
  /** Unique in the run: the comment's id. */
  readonly id: string;
  /** `approve`, `revise`, `stop`… */
  readonly name: string;
  readonly by: string;
  readonly text: string;
  /** The number of who said it, where a plan is made of their words: who approves may have to be another. */
  readonly account?: number;
}

export interface EffectState {
  readonly key: string;
  readonly intent: Json;
  readonly done: boolean;
  readonly result: Json;
}

export interface DoneEffect {
  readonly at: string;
  readonly intent: Json;
}

export interface Reservation {
  /** Unique for each HTTP request to the model. */
  readonly id: string;
  readonly amount: MicroDollars;
  /** The most that it may read and write. */
  readonly tokens: number;
  /** With their limits as they are now; the run's own is among them. */
  readonly accounts: readonly Account[];
  /** Id of the process that asks. */
  readonly owner: string;
  readonly agent: string;
  readonly phase: string;
  readonly model: string;
}

/** `owner` is null in records of versions that had one process. */
export interface OpenReservation {
  readonly run: string;
  readonly id: string;
  readonly amount: MicroDollars;
  readonly owner: string | null;
}

export interface Charge {
  readonly id: string;
  readonly amount: MicroDollars;
  readonly usage: Usage;
  /** False when the usage was never learned (broken stream, killed process) and the reservation is charged in full. */
  readonly known: boolean;
}
