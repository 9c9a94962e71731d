import type { Amendment } from './amendment.ts';
import type { Limits } from './budget.ts';
import type { RunEvent, StoredEvent } from './events.ts';
import type { Json } from './json.ts';
import type { Place } from './run.ts';

/** What a run may use now and how long it has worked: a fold of its own, small enough to be kept up with each event. */
export interface Standing {
  readonly place: Place;
  /** As approved, and as people who may approve raised them since. */
  readonly limits: Limits;
  readonly approved: boolean;
  /** Milliseconds of work until `since`: time after the approval in which the run was neither paused nor ended. */
  readonly worked: number;
  /** Since when it works, ISO 8601; null while it does not. */
  readonly since: string | null;
  /** Ids of the comments whose amendments are in it. */
  readonly amended: ReadonlySet<string>;
}

export function standingFrom({ place, settings }: Extract<RunEvent, { readonly type: 'run.started' }>): Standing {
  return { place, limits: settings.limits, approved: false, worked: 0, since: null, amended: new Set() };
}

/** The standing after one more event of the run. */
export function standingAfter(standing: Standing, { at, event }: StoredEvent): Standing {
  if (event.type === 'step.done' && isApproval(event.step, event.result))
    return { ...standing, approved: true, since: standing.since ?? at };
  if (event.type === 'run.paused' || event.type === 'run.ended') return { ...standing, worked: workedUntil(standing, at), since: null };
  if (event.type === 'run.resumed' || event.type === 'generation.opened')
    return standing.approved ? { ...standing, since: standing.since ?? at } : standing;
  // One for each comment, the first.
  if (event.type !== 'run.amended' || standing.amended.has(event.id)) return standing;
  return { ...standing, limits: raisedBy(standing.limits, event.amendment), amended: new Set([...standing.amended, event.id]) };
}

/** Milliseconds that the run has worked at that time. A clock that was set back adds nothing. */
export function workedUntil({ worked, since }: Standing, at: string): number {
  return since === null ? worked : worked + Math.max(0, Date.parse(at) - Date.parse(since));
}

/** What has no limit has none after a raise either. */
export function raisedBy(limits: Limits, amendment: Amendment): Limits {
  if (amendment.kind !== 'budget') return limits;
  const { add, agents = 0, tokens = 0, turns = 0, hours = 0 } = amendment;
  return {
    ...limits,
    budget: limits.budget + add,
    agents: limits.agents + agents,
    ...(limits.tokens === undefined ? {} : { tokens: limits.tokens + tokens }),
    ...(limits.turns === undefined ? {} : { turns: limits.turns + turns }),
    ...(limits.hours === undefined ? {} : { hours: limits.hours + hours }),
  };
}

/** The step that says that the approved plan still holds: from then on the run works. */
function isApproval(step: string, result: Json): boolean {
  return step.startsWith('fresh#') && result !== null && typeof result === 'object' && 'kind' in result && result.kind === 'fresh';
}
