import { agentsText } from '../domain/allowance.ts';
import type { Limits } from '../domain/budget.ts';
import { Suspended } from '../domain/errors.ts';
import { raisedBy } from '../domain/standing.ts';
import type { Journal } from '../journal/journal.ts';

/** Counts the agents that a run started, in all its processes and pauses. */
export interface Census {
  /** Counts an agent that is about to start; one that has a place goes on freely. At the limit throws Suspended, so that nothing becomes null. */
  admit(agent: string): Promise<void>;
}

export interface CensusOptions {
  readonly run: string;
  readonly journal: Journal;
  readonly limits: Limits;
  /** Other processes start agents of this run too: then a place is asked for in the record. */
  readonly shared: boolean;
}

export function openCensus({ run, journal, limits: approved, shared }: CensusOptions): Census {
  const raised = new Set<string>();
  let limits = approved;
  /** By agent, in the order in which they came: numbered from 0. */
  const places = new Map<string, number>();
  let seen = 0;
  let turn: Promise<void> = Promise.resolve();

  const give = (agent: string): void => {
    if (!places.has(agent)) places.set(agent, places.size);
  };
  const read = async (): Promise<void> => {
    for (const { n, event } of await journal.events(run, seen)) {
      seen = Math.max(seen, n);
      if (event.type === 'agent.started' || event.type === 'agent.admitted') give(event.agent);
      if (event.type !== 'run.amended' || raised.has(event.id)) continue;
      raised.add(event.id);
      limits = raisedBy(limits, event.amendment);
    }
  };
  const hasPlace = (agent: string): boolean => {
    const place = places.get(agent);
    return place !== undefined && place < limits.agents;
  };
  const admit = async (agent: string): Promise<void> => {
    // Whoever starts agents alone knows them all; what people raised matters at the limit.
    if (shared || seen === 0 || places.size >= limits.agents) await read();
    if (hasPlace(agent)) return;
    if (places.size < limits.agents) {
      if (shared) {
        await journal.append(run, [{ type: 'agent.admitted', agent }]);
        await read();
      } else give(agent);
    }
    // Somebody else may have taken the last place at the same moment.
    if (!hasPlace(agent)) throw new Suspended('budget', agentsText(limits.agents));
  };
  return {
    // In turn: two that look at the same moment must not both take the last place.
    admit: (agent) => {
      const mine = turn.then(() => admit(agent));
      turn = mine.catch(() => undefined);
      return mine;
    },
  };
}
