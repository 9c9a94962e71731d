import type { OperatorLimits } from '../domain/operator-limits.ts';
import type { SwitchedOff } from '../domain/switched-off.ts';
import type { Repository } from '../git/workspace.ts';
import type { Hub } from '../github/hub.ts';
import type { Log } from '../house.ts';
import type { Journal } from '../journal/journal.ts';

/** What commands are carried out with. */
export interface Desk {
  readonly journal: Journal;
  readonly hubOf: (repository: RepositoryName) => Hub;
  /** Whether the operator lets this repository spend. */
  readonly allowed: (repository: RepositoryName) => boolean;
  /** Repositories, as `owner/repo` in lower case, whose saved scripts may be run in others. */
  readonly scriptRepositories: ReadonlySet<string>;
  readonly operator: OperatorLimits;
  /** The operator's switch: why nothing may be spent now, null when it may. */
  readonly off: () => SwitchedOff | null;
  /** The mirror of a repository, opened when it is asked for first. */
  readonly repositoryOf: (repository: RepositoryName) => Promise<Repository>;
  /** Drives a run in this process (engine/driver.ts); returns at once. */
  readonly drive: (run: string) => void;
  /** Interrupts a run that is driven here; resolves when it has let go. */
  readonly interrupt: (run: string) => Promise<void>;
  /** Interrupts a run that is driven here and drives it again; resolves when it has let go. */
  readonly restart: (run: string) => Promise<void>;
  readonly log: Log;
}

export interface RepositoryName {
  readonly owner: string;
  readonly repo: string;
  readonly installation: number;
}

/** A command's comment, as it was when it was created. */
export interface Asked extends RepositoryName {
  readonly comment: number;
  readonly number: number;
  readonly isPullRequest: boolean;
  readonly author: { readonly login: string; readonly id: number };
}

/** What people are told in answer; null when the run's own posts say it. A refusal says why what they asked for is not done. */
export type Answer = string | null | Refusal;

export interface Refusal {
  readonly refused: string;
}

export function refuse(why: string): Refusal {
  return { refused: why };
}

/** Where effects of a comment are kept before, or without, a run. */
export function scopeOf(asked: Asked): string {
  return `comment/${asked.comment}`;
}
