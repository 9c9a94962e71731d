import type { Git } from './git.ts';
import type { JsonObject } from './json.ts';
import type { Limits } from './limits.ts';
import type { Account, App, Repository, State } from './state.ts';

/** Something that happened and of which Apps are told. */
export interface Announcement {
  readonly event: string;
  readonly action?: string;
  readonly repository: Repository;
  readonly sender: Account;
  /** The event's own part of the payload; repository, sender and installation are added. */
  readonly payload: JsonObject;
  /** Told to this App only (events of its own check suites and buttons). */
  readonly onlyTo?: App;
}

/** What every room of the local GitHub works on. */
export interface Site {
  readonly state: State;
  readonly git: Git;
  readonly limits: Limits;
  /** `http://127.0.0.1:<port>`, without a slash. */
  readonly url: string;
  /** `<url>/api/v3` */
  readonly apiUrl: string;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** Tells Apps; returns at once. */
  readonly announce: (announcement: Announcement) => void;
  /** Asks for CI of a commit; returns at once. */
  readonly requestCi: (repository: Repository, push: { sha: string; branch: string }) => void;
  /** Runs `work` when no other push or ref change of this repository is under way. */
  readonly exclusively: <T>(repository: Repository, work: () => Promise<T>) => Promise<T>;
}
