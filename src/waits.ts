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
}

export const PRODUCTION_WAITS: Waits = { agents: AGENTS, github: GITHUB, retryWaits: [1000, 10_000], bulletinMs: 15_000 };

/** `set` has waits by name; lists are set to that wait for each of their entries. Names that are none are ignored by name of `unknown`. */
export function waitsFrom(set: Readonly<Record<string, number>>): { readonly waits: Waits; readonly unknown: readonly string[] } {
  const pick = <Group extends object>(group: Group): Group => {
    const entries = Object.entries(group).map(([name, value]): readonly [string, unknown] => {
      const wanted = set[name];
      if (wanted === undefined) return [name, value];
      return [name, Array.isArray(value) ? value.map(() => wanted) : wanted];
    });
    return { ...group, ...Object.fromEntries(entries) };
  };
  const { agents, github, ...own } = PRODUCTION_WAITS;
  const names = new Set([...Object.keys(agents), ...Object.keys(github), ...Object.keys(own)]);
  return {
    waits: { agents: pick(agents), github: pick(github), ...pick(own) },
    unknown: Object.keys(set).filter((name) => !names.has(name)),
  };
}
