import { agentsText } from '../domain/allowance.ts';
import type { Limits } from '../domain/budget.ts';
import { Suspended } from '../domain/errors.ts';
import { raisedBy } from '../domain/standing.ts';
import type { Journal } from '../journal/journal.ts';

/** Counts the agents that a run started, in all its processes and pauses. */
export interface Census {
  /** Counts an agent that is about to start; one that started before goes on freely. At the limit throws Suspended, so that nothing becomes null. */
  admit(agent: string): Promise<void>;
}

export function openCensus(options: { readonly run: string; readonly journal: Journal; readonly limits: Limits }): Census {
  const { run, journal } = options;
  const raised = new Set<string>();
  let { limits } = options;
  const started = new Set<string>();
  let seen = 0;
  let turn: Promise<void> = Promise.resolve();

  const admit = async (agent: string): Promise<void> => {
    for (const { n, event } of await journal.events(run, seen)) {
      seen = Math.max(seen, n);
      if (event.type === 'agent.started') started.add(event.agent);
      if (event.type !== 'run.amended' || raised.has(event.id)) continue;
      raised.add(event.id);
      limits = raisedBy(limits, event.amendment);
    }
    if (!started.has(agent) && started.size >= limits.agents) throw new Suspended('budget', agentsText(limits.agents));
    started.add(agent);
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
