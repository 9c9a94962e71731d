import type { StoredEvent } from './events.ts';

/** The agents of a run, counted. */
export interface Census {
  readonly total: AgentCount;
  /** In the order in which the phases' first agents started. */
  readonly phases: readonly (AgentCount & { readonly phase: string })[];
  /** Most agents at work at the same time. */
  readonly peak: number;
}

/** An agent that was interrupted and started again is one agent; one that was suspended counts as started only. */
export interface AgentCount {
  readonly started: number;
  readonly running: number;
  readonly finished: number;
  readonly failed: number;
  /** Of those that failed, most frequent first. */
  readonly causes: readonly { readonly cause: string; readonly count: number }[];
}

interface AgentFate {
  readonly phase: string;
  state: 'running' | 'finished' | 'failed' | 'suspended';
  cause: string;
}

export function censusOf(events: readonly StoredEvent[]): Census {
  const agents = new Map<string, AgentFate>();
  /** At work, or suspended. */
  const open = new Map<string, AgentFate>();
  let running = 0;
  let peak = 0;
  const end = (id: string, state: Exclude<AgentFate['state'], 'running'>, cause: string): void => {
    const agent = agents.get(id);
    if (agent === undefined) return;
    if (agent.state === 'running') running -= 1;
    agent.state = state;
    agent.cause = cause;
    if (state !== 'suspended') open.delete(id);
  };
  for (const { event } of events) {
    if (event.type === 'agent.started') {
      const before = agents.get(event.agent);
      // Started twice without an end between: the process was killed, and the agent goes on.
      if (before?.state !== 'running') running += 1;
      peak = Math.max(peak, running);
      const agent: AgentFate = { phase: before?.phase ?? event.phase, state: 'running', cause: '' };
      agents.set(event.agent, agent);
      open.set(event.agent, agent);
    }
    if (event.type === 'agent.ended')
      end(event.agent, event.ending === 'done' ? 'finished' : event.ending === 'suspended' ? 'suspended' : 'failed', event.cause);
    // A call that came to nothing while its agent was interrupted (dropped, or killed and dropped): the agent does not go on.
    if (event.type === 'call.settled' && event.outcome.kind === 'null') {
      const { key, outcome } = event;
      for (const id of open.keys()) if (id === key || id.startsWith(`${key}/`)) end(id, 'failed', outcome.cause);
    }
    // Killed with its process, and nobody took it up since.
    if (event.type === 'run.ended') for (const [id, { state }] of open) if (state === 'running') end(id, 'suspended', '');
  }
  const fates = [...agents.values()];
  const phases = Map.groupBy(fates, ({ phase }) => phase);
  return { total: countAgents(fates), phases: Array.from(phases, ([phase, members]) => ({ phase, ...countAgents(members) })), peak };
}

function countAgents(fates: readonly AgentFate[]): AgentCount {
  const inState = (state: AgentFate['state']): readonly AgentFate[] => fates.filter((fate) => fate.state === state);
  const failed = inState('failed');
  const causes = Array.from(
    Map.groupBy(failed, ({ cause }) => cause),
    ([cause, members]) => ({ cause, count: members.length }),
  );
  return {
    started: fates.length,
    running: inState('running').length,
    finished: inState('finished').length,
    failed: failed.length,
    causes: causes.toSorted((a, b) => b.count - a.count),
  };
}
