import type { Limits } from './budget.ts';
import type { ModelChoices } from './effort.ts';
import type { Json } from './json.ts';
import type { SavedScript } from './saved-script.ts';
import type { Shard } from './shard.ts';

/** A machine-checkable question per file: is there still something to migrate here? */
export type Predicate =
  | { readonly kind: 'regex'; readonly pattern: string; readonly flags: string }
  | { readonly kind: 'ast-grep'; readonly language: string; readonly rule: Readonly<Record<string, unknown>> }
  /** Exit 0 still to migrate, 1 done, anything else an error; the path is `$1`; runs in the sandbox. */
  | { readonly kind: 'command'; readonly run: string };

/** Seconds that a check may take, wherever it is run: what the base had time for, a change has too. */
export const CHECK_SECONDS = 600;

export interface Check {
  readonly name: string;
  readonly run: string;
  /** `shard`: must hold after each shard. `converged`: can hold only for the whole. */
  readonly when: 'shard' | 'converged';
}

export interface GuideRule {
  /** `G1`, `G2`… */
  readonly id: string;
  readonly title: string;
  readonly text: string;
}

export interface Exclusion {
  readonly glob: string;
  readonly why: string;
}

export interface FixedShard {
  readonly id: string;
  readonly files: readonly string[];
  readonly task: string;
}

/** Shards with a file that matches `files` start after those with a file that matches `after`. */
export interface Order {
  readonly files: string;
  readonly after: string;
}

/** `{from: 'src/(.*)\\.js', to: 'src/$1.ts'}`: what owned files may be renamed to. */
export interface Rename {
  readonly from: string;
  readonly to: string;
}

/** What the planner submits. Code computes everything that can be computed. */
export interface PlanDraft {
  readonly title: string;
  readonly intent: string;
  readonly predicate: Predicate;
  readonly scope: { readonly include: readonly string[]; readonly exclude: readonly Exclusion[] };
  readonly sharding: { readonly by: 'directory' | 'owner' | 'size'; readonly maxFiles: number };
  readonly order: readonly Order[];
  readonly foundation: readonly FixedShard[];
  readonly closing: readonly FixedShard[];
  readonly guide: readonly GuideRule[];
  readonly checks: readonly Check[];
  readonly renames: readonly Rename[];
  /** Protected paths that this migration must touch, named one by one (invariant 5). */
  readonly touchesProtected: readonly string[];
  readonly risks: readonly string[];
  /** `default`, or a script in the dialect of DESIGN.md §4. */
  readonly script: string;
}

export interface Range {
  readonly low: number;
  readonly expected: number;
  readonly worst: number;
}

export interface Estimate {
  readonly agents: Range;
  readonly inputTokens: Range;
  readonly outputTokens: Range;
  /** Micro-dollars. */
  readonly cost: Range;
  /** Of work, pauses not counted; absent in plans of earlier versions. */
  readonly hours?: Range;
  /** Invariant 11: stated bounds. */
  readonly pushes: number;
  readonly contents: number;
}

export interface SkippedFile {
  readonly path: string;
  readonly why: string;
}

/** Inventory shards that go first; all others wait until a person has seen what these came to. */
export interface Pilot {
  /** In order of choice, each with the reason, in words. */
  readonly shards: readonly { readonly shard: string; readonly why: string }[];
  /** Further inventory shards that these need. */
  readonly needs: readonly string[];
}

/** Where the result goes and what it starts from. */
export interface Base {
  readonly branch: string;
  readonly commit: string;
  readonly tree: string;
}

export interface Plan {
  readonly draft: PlanDraft;
  /** The script's text, with `default` resolved. */
  readonly script: string;
  readonly base: Base;
  /** Files for which the predicate holds at the base commit, within scope; sorted. */
  readonly inventory: readonly string[];
  /** Files for which it holds but that the scope excludes, with the reason that a person approves. */
  readonly skipped: readonly SkippedFile[];
  readonly shards: readonly Shard[];
  readonly checks: readonly Check[];
  /** Checks that already fail on the base, before any change, with the tail of their output. */
  readonly failingAtBase: readonly { readonly check: string; readonly output: string }[];
  readonly setup: string | null;
  /** Globs that no shard may touch unless `draft.touchesProtected` names the path. */
  readonly protectedPaths: readonly string[];
  readonly limits: Limits;
  readonly models: ModelChoices;
  readonly estimate: Estimate;
  readonly notes: readonly string[];
  /** The saved script that this plan was made with, and what was given to it. */
  readonly from?: { readonly saved: string; readonly commit?: string; readonly args: Json; readonly drafted: boolean };
  /** Saved scripts that the script calls by name, word for word. */
  readonly calls?: readonly SavedScript[];
  readonly pilot?: Pilot;
  /** sha256 of all that was approved (invariant 2), first 12 hex digits are what people type. */
  readonly hash: string;
}
