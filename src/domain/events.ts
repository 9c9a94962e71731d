import type { Amendment } from './amendment.ts';
import type { MicroDollars, Usage } from './budget.ts';
import type { PauseReason } from './errors.ts';
import type { Json } from './json.ts';
import type { Ledger, RunStatus } from './ledger.ts';
import type { Place, Settings } from './run.ts';

/**
 * Every fact of a run. It only grows, and `Run` is its fold (run.ts). Indexes of the journal (`call`, `effect`, `signal`, `spend`) are made from these alone.
 * Content that is large (plans, changes, turns) is in the event that decided it, once.
 */
export type RunEvent =
  // the run's life
  | {
      readonly type: 'run.started';
      readonly place: Place;
      readonly requester: Person;
      readonly comment: string;
      readonly task: string;
      readonly settings: Settings;
    }
  | { readonly type: 'run.paused'; readonly reason: PauseReason; readonly message: string }
  | { readonly type: 'run.resumed' }
  | {
      readonly type: 'run.ended';
      readonly status: Exclude<RunStatus, 'paused'>;
      readonly why: string;
      readonly ledger: Ledger;
      /** Before its report: the pull request's body is written after this, and from it. */
      readonly early?: true;
    }
  /** An approved run was changed; `id` is the comment's, `hash` names plan and all amendments so far. */
  | { readonly type: 'run.amended'; readonly id: string; readonly by: string; readonly amendment: Amendment; readonly hash: string }
  /**
   * One more replay of the script, in which `calls` (their keys in the generation that settled them) are open again while all others stay; numbered from 2.
   * An ended run is under way again.
   */
  | {
      readonly type: 'generation.opened';
      readonly generation: number;
      readonly id: string;
      readonly by: string;
      readonly shards: readonly string[];
      readonly calls: readonly string[];
    }
  // durable steps of the story
  | { readonly type: 'step.done'; readonly step: string; readonly result: Json }
  // what the script tells
  | { readonly type: 'phase'; readonly title: string }
  | { readonly type: 'log'; readonly text: string }
  /** An item of its `parallel` or `pipeline` threw, and is `null` for it: which, why and where, in words. */
  | { readonly type: 'item.lost'; readonly text: string }
  // primitives
  | {
      readonly type: 'call.issued';
      readonly key: string;
      readonly kind: string;
      readonly label: string;
      readonly phase: string;
      readonly input: Json;
      /** As the script gave them, for a worker that carries the call out; absent in records of earlier versions. */
      readonly args?: readonly Json[];
    }
  | { readonly type: 'call.settled'; readonly key: string; readonly seq: number; readonly outcome: SettledOutcome }
  /** A worker could not go on with it, and nothing of it was settled: the run pauses for that reason. */
  | { readonly type: 'call.suspended'; readonly key: string; readonly reason: PauseReason; readonly message: string }
  // agents: the census
  /** Asked for a place among the agents that the run may start, where several processes start them: the order in the record decides who has one. */
  | { readonly type: 'agent.admitted'; readonly agent: string }
  | {
      readonly type: 'agent.started';
      readonly agent: string;
      readonly role: string;
      readonly label: string;
      readonly phase: string;
      readonly model: string;
      /** sha256, in hex, of its system text and brief; absent, like its tools, in records of earlier versions. */
      readonly prompt?: string;
      readonly tools?: readonly string[];
    }
  | {
      readonly type: 'agent.ended';
      readonly agent: string;
      readonly ending: AgentEnding;
      readonly cause: string;
      readonly turns: number;
      readonly seconds: number;
    }
  // money
  | {
      readonly type: 'spend.reserved';
      readonly id: string;
      readonly amount: MicroDollars;
      readonly agent: string;
      readonly phase: string;
      readonly model: string;
      /** The most that it may read and write; absent, like all that follows, in records of earlier versions. */
      readonly tokens?: number;
      /** Names of the accounts that it counts against; the run's alone when absent. */
      readonly accounts?: readonly string[];
      /** The process that asks: who must be dead before others settle this. */
      readonly owner?: string;
      /** The run's limit then, in records of earlier versions. */
      readonly limit?: MicroDollars;
    }
  | { readonly type: 'spend.charged'; readonly id: string; readonly amount: MicroDollars; readonly usage: Usage; readonly known: boolean }
  // GitHub
  | { readonly type: 'effect.intended'; readonly key: string; readonly intent: Json }
  | { readonly type: 'effect.done'; readonly key: string; readonly result: Json }
  /** What looked like a secret was about to be posted there: a placeholder was posted instead. `what` names kinds, never the secret. */
  | { readonly type: 'secret.withheld'; readonly where: string; readonly what: readonly string[] }
  // people
  | {
      readonly type: 'signal.received';
      readonly id: string;
      readonly name: string;
      readonly by: string;
      readonly text: string;
      readonly account?: number;
    }
  // shards
  | { readonly type: 'shard.accepted'; readonly shard: string; readonly change: string; readonly verdict: string }
  /** Accepted, but in conflict with what was pushed to the branch: it goes back once, to be made again on that tree. */
  | {
      readonly type: 'shard.returned';
      readonly shard: string;
      readonly commit: string;
      readonly tree: string;
      readonly paths: readonly string[];
    }
  | { readonly type: 'shard.left-over'; readonly shard: string; readonly reason: string }
  /** What became of a person's command, once; in the record of its comment. */
  | {
      readonly type: 'command.answered';
      readonly comment: string;
      readonly place: Place;
      readonly by: Person;
      /** At that moment; `unknown` where GitHub never told it. */
      readonly permission: string;
      /** Its name; `malformed` where it is none. */
      readonly command: string;
      readonly accepted: boolean;
      /** Why not, or why it was given up; empty when it was accepted. */
      readonly why: string;
    }
  // the operator
  /** `where`: machine and data directory of the process whose switch it is; empty for all on this journal. */
  | {
      readonly type: 'switch.turned';
      readonly off: boolean;
      readonly reason: string;
      readonly by: 'environment' | 'file' | 'command';
      readonly where: string;
    };

export interface Person {
  readonly login: string;
  /** GitHub's numeric user id, for the co-author trailer. */
  readonly id: number;
}

export type AgentEnding = 'done' | 'refused' | 'exhausted' | 'failed' | 'suspended';

export type SettledOutcome =
  | { readonly kind: 'value'; readonly value: Json }
  | { readonly kind: 'null'; readonly cause: string }
  | { readonly kind: 'throw'; readonly message: string };

export type EventOf<T extends RunEvent['type']> = Extract<RunEvent, { readonly type: T }>;

export interface StoredEvent {
  readonly scope: string;
  /** 1-based place in the scope's record. */
  readonly n: number;
  /** ISO 8601 with milliseconds, by the journal's clock. */
  readonly at: string;
  readonly event: RunEvent;
}
