import type { Amendment } from './amendment.ts';
import type { Limits } from './budget.ts';
import type { EventOf, RunEvent, StoredEvent } from './events.ts';
import type { Place } from './run.ts';

/** Whether a run works: after its approval, while it is neither paused nor ended. */
export interface Work {
  readonly approved: boolean;
  /** Since when it works, ISO 8601; null while it does not. */
  readonly since: string | null;
}

/** The same after one more event of the run. */
export function workAfter({ approved, since }: Work, { at, event }: StoredEvent): Work {
  if (isApproval(event)) return { approved: true, since: since ?? at };
  if (event.type === 'run.paused' || event.type === 'run.ended') return { approved, since: null };
  const goesOn = event.type === 'run.resumed' || event.type === 'generation.opened';
  return { approved, since: goesOn && approved ? (since ?? at) : since };
}

/** What a run may use now and how long it has worked: a fold of its own, small enough to be kept up with each event. */
export interface Standing extends Work {
  readonly place: Place;
  /** As approved, and as people who may approve raised them since. */
  readonly limits: Limits;
  /** Milliseconds of work until `since`. */
  readonly worked: number;
  /** Ids of the comments whose amendments are in it. */
  readonly amended: ReadonlySet<string>;
}

export function standingFrom({ place, settings }: EventOf<'run.started'>): Standing {
  return { place, limits: settings.limits, approved: false, worked: 0, since: null, amended: new Set() };
}

/** The standing after one more event of the run. */
export function standingAfter(standing: Standing, stored: StoredEvent): Standing {
  const { at, event } = stored;
  const work = workAfter(standing, stored);
  const now = { ...standing, ...work, worked: work.since === null ? workedUntil(standing, at) : standing.worked };
  // One for each comment, the first.
  if (event.type !== 'run.amended' || standing.amended.has(event.id)) return now;
  return { ...now, limits: raisedBy(standing.limits, event.amendment), amended: new Set([...standing.amended, event.id]) };
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
export function isApproval(event: RunEvent): boolean {
  if (event.type !== 'step.done') return false;
  const { step, result } = event;
  return step.startsWith('fresh#') && result !== null && typeof result === 'object' && 'kind' in result && result.kind === 'fresh';
}
