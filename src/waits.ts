import { PRODUCTION_TIMINGS as AGENTS, type Timings } from './agents/timings.ts';
import { PRODUCTION_TIMINGS as GITHUB, type GitHubTimings } from './github/timings.ts';

/** All waits of this process, in milliseconds: production's, but for those that the operator sets by name in CONVERGE_TIMINGS. */
export interface Waits {
  readonly agents: Timings;
  readonly github: GitHubTimings;
  /** Before each further try of a primitive that met a transient fault. */
  readonly retryWaits: readonly number[];
  /** Least time between two edits of the status comment and the check run. */
  readonly bulletinMs: number;
  /** Before each further try of a run that met something which may pass; the last is repeated. */
  readonly redriveMs: readonly number[];
  /** From the end of one look for commands whose webhook never came to the next. */
  readonly catchUpMs: number;
  /** From one look at the file that switches Converge off to the next; before whatever spends it is looked at anyway. */
  readonly switchMs: number;
}

export const PRODUCTION_WAITS: Waits = {
  agents: AGENTS,
  github: GITHUB,
  retryWaits: [1000, 10_000],
  bulletinMs: 15_000,
  redriveMs: [10_000, 60_000, 300_000, 900_000],
  catchUpMs: 600_000,
  switchMs: 1000,
};

const { agents, github, ...own } = PRODUCTION_WAITS;

/** Of all waits. */
export const WAIT_NAMES: readonly string[] = [agents, github, own].flatMap((group) => Object.keys(group));

/** What is set and no wait's name; the configuration refuses it. */
export function unknownWaits(set: Readonly<Record<string, number>>): readonly string[] {
  return Object.keys(set).filter((name) => !WAIT_NAMES.includes(name));
}

/** Production's, but for those that `set` has by name; a list is set to that wait for each of its entries. */
export function waitsFrom(set: Readonly<Record<string, number>>): Waits {
  return { agents: override(agents, set), github: override(github, set), ...override(own, set) };
}

function override<Group extends object>(group: Group, set: Readonly<Record<string, number>>): Group {
  const changed = Object.entries(group).flatMap(([name, value]): readonly (readonly [string, unknown])[] => {
    const wanted = set[name];
    if (wanted === undefined) return [];
    return [[name, Array.isArray(value) ? value.map(() => wanted) : wanted]];
  });
  return { ...group, ...Object.fromEntries(changed) };
}
