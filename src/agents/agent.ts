import type { z } from 'zod';
import type { AgentEnding } from '../domain/events.ts';
import type { Effort, Role } from '../domain/effort.ts';
import type { Overlay } from '../domain/change.ts';
import type { Workspace } from '../git/workspace.ts';
import type { CommandResult } from '../sandbox/commands.ts';

/** Names and parameters of the SDK's own agent toolset, which models know, on a workspace instead of a directory; `remove`, `check` and `submit` are ours. */
export type ToolName = 'read' | 'write' | 'edit' | 'remove' | 'glob' | 'grep' | 'check';

/** One Claude conversation with tools that ends in an outcome. */
export interface AgentTask<Answer> {
  /** Unique and stable in the run (the call's key): turns are stored under it, and an interrupted agent goes on from the last. */
  readonly id: string;
  readonly run: string;
  readonly role: Role;
  readonly label: string;
  readonly phase: string;
  readonly model: string;
  readonly effort: Effort;
  /** System blocks, the same bytes for every agent of this role in the run (rules, then guide); the last gets the shared cache breakpoint. */
  readonly system: readonly string[];
  /** First user message. */
  readonly brief: string;
  readonly workspace: Workspace;
  readonly tools: readonly ToolName[];
  /** Asked before each write, edit or removal; a refusal is told to the model with its reason. */
  readonly mayWrite: (path: string) => { readonly ok: true } | { readonly ok: false; readonly reason: string };
  /** The plan's checks that this agent may run, on the workspace as it is. */
  readonly checks: readonly string[];
  readonly runCheck: (name: string, overlay: Overlay) => Promise<CommandResult>;
  /** Null: the answer is the final text. Else an unforced tool `submit` takes the answer; what fails the schema or `examine` goes back as an error, `attempts` times in all. */
  readonly submit: Submission<Answer> | null;
  readonly limits: { readonly turns: number; readonly seconds: number; readonly budget: number };
}

export interface Submission<Answer> {
  readonly description: string;
  readonly schema: z.ZodType<Answer>;
  /** JSON Schema as the model is shown it, where `schema` cannot say it itself (a schema that a script brought). Default: made from `schema`. */
  readonly shown?: Readonly<Record<string, unknown>>;
  /**
   * Questions that a schema cannot ask; the errors go to the model word for word. `before`: how often it had any in this conversation, which is known in every
   * process that goes on with it; whatever an examination remembers by itself is not.
   */
  readonly examine?: (answer: Answer, before: number) => Promise<readonly string[]>;
  readonly attempts: number;
}

/** `suspended` settles nothing: budget, pause, shutdown. The others are ends with a cause in words. */
export type AgentOutcome<Answer> =
  | { readonly ending: 'done'; readonly answer: Answer; readonly text: string; readonly overlay: Overlay }
  | { readonly ending: Exclude<AgentEnding, 'done' | 'suspended'>; readonly cause: string };

/** Runs conversations, at most `concurrency` at once. Throws only `Suspended` (domain/errors.ts). */
export interface Agents {
  run(task: AgentTask<string> & { readonly submit: null }, signal: AbortSignal): Promise<AgentOutcome<string>>;
  submit<Answer>(task: AgentTask<Answer> & { readonly submit: Submission<Answer> }, signal: AbortSignal): Promise<AgentOutcome<Answer>>;
}
