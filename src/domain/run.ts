import type { Limits } from './budget.ts';
import type { Effort, ModelChoices } from './effort.ts';
import type { Json } from './json.ts';
import type { Permission } from './permission.ts';
import type { SavedScript } from './saved-script.ts';

/** Where a run lives: the issue or pull request that its commands come from. */
export interface Place {
  readonly owner: string;
  readonly repo: string;
  readonly installation: number;
  readonly number: number;
  readonly kind: 'issue' | 'pull-request';
}

/** What a run was started with, resolved from operator, repository and flags (each may only narrow); pinned at approval. */
export interface Settings {
  readonly base: string;
  /** Globs of `--paths`; all files when empty. */
  readonly paths: readonly string[];
  /** Globs of the repository's `paths.include`; a file must match one of these and one of `paths`. All files when empty. */
  readonly include?: readonly string[];
  readonly limits: Limits;
  readonly models: ModelChoices;
  /** What the operator allows, for calls that name a model; every known one when absent. */
  readonly allowedModels?: readonly string[];
  /** The same of effort; without a ceiling when absent. */
  readonly maxEffort?: Effort;
  readonly setup: string | null;
  readonly checks: readonly { readonly name: string; readonly run: string; readonly when: 'shard' | 'converged' }[];
  readonly protectedPaths: readonly string[];
  readonly exclude: readonly string[];
  /** Who may approve: only these people when there are any, each with this permission at least, and, where it says so, not who asked for the run. */
  readonly approvers: { readonly logins: readonly string[]; readonly permission: Permission; readonly otherThanRequester?: boolean };
  readonly publishShards: boolean;
  readonly planOnly: boolean;
  /** Why only planning is possible, e.g. a pull request from a fork. */
  readonly planOnlyReason: string | null;
  /** What of the wish was cut on the way here, in whole sentences, for the plan. */
  readonly notes?: readonly string[];
  /** Of `run`: the saved file as it was on the default branch when it was asked for, and what was given to it. */
  readonly saved?: SavedScript & { readonly args: Json };
  /** `--pilot`: this many shards first, then a person is asked. */
  readonly pilot?: number;
}
