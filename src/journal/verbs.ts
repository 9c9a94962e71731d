import { EMPTY_BALANCE, type Balance } from '../domain/account.ts';
import type { RunEvent, StoredEvent } from '../domain/events.ts';
import type { Json } from '../domain/json.ts';
import type { Task } from './draft.ts';
import type {
  CallOutcome,
  CallState,
  Charge,
  Claim,
  DoneEffect,
  EffectState,
  IssuedCall,
  Journal,
  OpenReservation,
  Reservation,
  SettledCall,
  Signal,
  TurnRecord,
} from './journal.ts';
import * as read from './reads.ts';
import type { Query } from './statement.ts';
import * as task from './tasks.ts';

/** The verbs of the port over a store that can do three things: carry out a task durably, answer a query, tell what was committed. */
export abstract class Verbs implements Journal {
  protected abstract write<T>(task: Task<T>): Promise<T>;
  protected abstract rows<T>(query: Query<T>): Promise<readonly T[]>;
  abstract watch(scope: string | null, listener: (event: StoredEvent) => void): () => void;
  abstract fenced(claim: Claim): Journal;
  abstract close(): Promise<void>;

  start(options: { readonly run: string; readonly trigger: string; readonly event: RunEvent }): ReturnType<Journal['start']> {
    return this.write(task.start(options));
  }

  unfinished(): Promise<readonly string[]> {
    return this.rows(read.unfinishedRuns());
  }

  runs(): Promise<readonly string[]> {
    return this.rows(read.allRuns());
  }

  append(scope: string, events: readonly RunEvent[]): Promise<readonly StoredEvent[]> {
    return this.write(task.append(scope, events));
  }

  events(scope: string, after = 0): Promise<readonly StoredEvent[]> {
    return this.rows(read.events(scope, after));
  }

  seal(scope: string): Promise<{ readonly n: number; readonly seal: string } | undefined> {
    return this.#row(read.seal(scope));
  }

  doneStep(run: string, name: string): Promise<{ readonly result: Json } | undefined> {
    return this.#row(read.doneStep(run, name));
  }

  issue(run: string, calls: readonly IssuedCall[]): Promise<readonly CallState[]> {
    return this.write(task.issue(run, calls));
  }

  settle(run: string, key: string, outcome: CallOutcome): Promise<number> {
    return this.write(task.settle(run, key, outcome));
  }

  call(run: string, key: string): Promise<CallState | undefined> {
    return this.#row(read.call(run, key));
  }

  settled(run: string, afterSeq: number): Promise<readonly SettledCall[]> {
    return this.rows(read.settledCalls(run, afterSeq));
  }

  calls(run: string): Promise<readonly CallState[]> {
    return this.rows(read.calls(run));
  }

  checkpoint(run: string, agent: string, turn: TurnRecord): Promise<void> {
    return this.write(task.checkpoint(run, agent, turn));
  }

  checkpoints(run: string, agent: string): Promise<readonly TurnRecord[]> {
    return this.rows(read.checkpoints(run, agent));
  }

  signal(run: string, signal: Signal): Promise<boolean> {
    return this.write(task.signal(run, signal));
  }

  signals(run: string): Promise<readonly Signal[]> {
    return this.rows(read.signals(run));
  }

  intend(scope: string, key: string, intent: Json): ReturnType<Journal['intend']> {
    return this.write(task.intend(scope, key, intent));
  }

  done(scope: string, key: string, result: Json): Promise<void> {
    return this.write(task.done(scope, key, result));
  }

  effects(scope: string): Promise<readonly EffectState[]> {
    return this.rows(read.effects(scope));
  }

  doneSince(at: string): Promise<readonly DoneEffect[]> {
    return this.rows(read.doneSince(at));
  }

  reserve(run: string, reservation: Reservation): ReturnType<Journal['reserve']> {
    return this.write(task.reserve(run, reservation));
  }

  charge(run: string, charge: Charge): Promise<void> {
    return this.write(task.charge(run, charge));
  }

  /** Where only one process writes, nobody can have taken over. */
  confirm(): Promise<void> {
    return Promise.resolve();
  }

  async balance(account: string): Promise<Balance> {
    return (await this.#row(read.balance(account))) ?? EMPTY_BALANCE;
  }

  openReservations(run: string | null): Promise<readonly OpenReservation[]> {
    return this.rows(read.openReservations(run));
  }

  receive(id: string, payload: Json): Promise<boolean> {
    return this.write(task.receive(id, payload));
  }

  received(): Promise<readonly { readonly id: string; readonly payload: Json }[]> {
    return this.rows(read.received());
  }

  processed(id: string): Promise<void> {
    return this.write(task.processed(id));
  }

  async #row<T>(query: Query<T>): Promise<T | undefined> {
    return (await this.rows(query))[0];
  }
}
