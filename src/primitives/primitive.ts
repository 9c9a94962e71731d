import type { Agents } from '../agents/agent.ts';
import type { Effort } from '../domain/effort.ts';
import type { Json } from '../domain/json.ts';
import type { Plan } from '../domain/plan.ts';
import type { Repository } from '../git/workspace.ts';
import type { CallOutcome, Journal } from '../journal/journal.ts';
import type { Commands } from '../sandbox/commands.ts';
import type { SecretGuard } from '../secrets/secret-guard.ts';
import type { Checks } from '../verify/checks.ts';
import type { FilePredicate } from '../verify/gate.ts';
import type { Acceptances } from './acceptances.ts';
import type { Census } from './census.ts';
import type { Handles } from './handles.ts';
import type { Precedents } from './precedents.ts';
import type { Wanted } from './wanted.ts';

/** What primitives may use of a run; everything that is decided or paid for goes through `journal`. */
export interface PrimitivePorts {
  readonly run: string;
  /** What people asked for, for prompts; untrusted text. */
  readonly task: string;
  readonly plan: Plan;
  /** Models that a call may name; every known one when absent. */
  readonly allowedModels?: readonly string[] | undefined;
  /** No call may ask for more; without a ceiling when absent. */
  readonly maxEffort?: Effort | undefined;
  readonly journal: Journal;
  readonly repository: Repository;
  readonly agents: Agents;
  readonly commands: Commands;
  /** The plan's predicate; `plan/` owns the rule. */
  readonly predicate: FilePredicate;
  readonly secrets: SecretGuard;
  /** Milliseconds to wait before each further try of a call that met a transient fault; their number bounds the tries. */
  readonly retryWaits: readonly number[];
  /** Aborts when the run stops or this process ends; performing calls then throw `Suspended`. */
  readonly signal: AbortSignal;
  /** Under which the call was recorded, where that is known already. */
  readonly phase?: string;
  /** Other processes carry out calls of this run too; false unless told. */
  readonly shared?: boolean;
}

/** The ports, and what the primitives of one run keep in common. */
export interface CallContext extends PrimitivePorts {
  readonly checks: Checks;
  readonly handles: Handles;
  readonly census: Census;
  readonly acceptances: Acceptances;
  readonly precedents: Precedents;
  readonly wanted: Wanted;
}

/**
 * One call of the script, validated and understood.
 * `identity` is what the content key is made of, besides the name and the count of equal calls before: arguments in canonical form without label and phase,
 * pinned model and effort, input tree.
 */
export interface PreparedCall {
  readonly kind: string;
  readonly label: string;
  /** Empty when the call names none: then it belongs to the script's phase at the time. */
  readonly phase: string;
  readonly identity: Json;
  /** Does it and gives its end; transient faults are retried inside. Throws only `Suspended`. `key` names the call, and child calls as `key/child`. */
  perform(key: string, waits?: () => void): Promise<CallOutcome>;
}

/** One file a primitive. `prepare` throws ConvergeError of kind `script` for wrong arguments, unknown options and forged handles. */
export interface Primitive {
  readonly name: string;
  prepare(args: readonly Json[], context: CallContext): Promise<PreparedCall>;
  /** What the script sees of a value in the journal: a change's handle instead of its whole overlay. */
  view(value: Json): Json;
}
