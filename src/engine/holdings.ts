import { Suspended } from '../domain/errors.ts';
import type { RunEvent } from '../domain/events.ts';
import type { Claim, Journal } from '../journal/journal.ts';
import { LOST } from './dispatch.ts';

/** The claims that this process holds. */
export interface Holdings {
  /** The journal of the claim's holder. Until it is released, agents of that run or call may write. */
  hold(claim: Claim): { readonly journal: Journal; release(): void };
  /**
   * The journal for agents, who serve all runs of this process: what an agent of a run writes is written under the claim that is held here for its call, or else for
   * its run; refused when there is none. What a request has cost is written in any case: it is true whoever has the call now.
   */
  readonly journal: Journal;
}

export function openHoldings(journal: Journal): Holdings {
  const held = new Map<string, Held>();
  const findHolder = (run: string, agent: string | null): Held | undefined => {
    const call = agent === null ? undefined : held.get(idOf(run, callOf(agent)));
    return call ?? held.get(idOf(run, ''));
  };
  const holderOf = (run: string, agent: string | null): Held => {
    const holder = findHolder(run, agent);
    if (holder === undefined) throw new Suspended('stopping', `Nothing of this run is carried out here any more: ${LOST}.`);
    return holder;
  };
  return {
    hold: (claim) => {
      const id = idOf(claim.run, claim.kind === 'call' ? claim.key : '');
      const mine: Held = { claim, journal: journal.fenced(claim), stored: new Set() };
      held.set(id, mine);
      return {
        journal: mine.journal,
        release: () => {
          if (held.get(id) === mine) held.delete(id);
        },
      };
    },
    journal: {
      ...routed(journal, (run, agent) => holderOf(run, agent).journal),
      checkpoint: async (run, agent, turn) => {
        const holder = holderOf(run, agent);
        holder.stored.add(agent);
        await holder.journal.checkpoint(run, agent, turn);
      },
      checkpoints: async (run, agent) => (isFirst(findHolder(run, agent), agent) ? [] : journal.checkpoints(run, agent)),
    },
  };
}

interface Held {
  readonly claim: Claim;
  readonly journal: Journal;
  /** Agents that stored turns under this claim. */
  readonly stored: Set<string>;
}

/** Whether nothing can be stored of this agent: nobody had its call before, and here it stored nothing. */
function isFirst(holder: Held | undefined, agent: string): boolean {
  return holder?.claim.kind === 'call' && holder.claim.attempt === 1 && !holder.stored.has(agent);
}

function idOf(run: string, key: string): string {
  return `${run}/${key}`;
}

/** Agents of a composite are named `call/child`. */
function callOf(agent: string): string {
  return agent.split('/')[0] ?? agent;
}

function agentOf(events: readonly RunEvent[]): string | null {
  for (const event of events) if ('agent' in event) return event.agent;
  return null;
}

type Routed = Omit<Journal, 'checkpoint' | 'checkpoints'>;

function routed(journal: Journal, holderOf: (run: string, agent: string | null) => Journal): Routed {
  return {
    start: (options) => journal.start(options),
    unfinished: () => journal.unfinished(),
    runs: () => journal.runs(),
    append: async (scope, events) => holderOf(scope, agentOf(events)).append(scope, events),
    events: (scope, after) => journal.events(scope, after),
    seal: (scope) => journal.seal(scope),
    watch: (scope, listener) => journal.watch(scope, listener),
    doneStep: (run, name) => journal.doneStep(run, name),
    issue: async (run, calls) => holderOf(run, calls[0]?.key ?? null).issue(run, calls),
    settle: async (run, key, outcome) => holderOf(run, key).settle(run, key, outcome),
    call: (run, key) => journal.call(run, key),
    settled: (run, afterSeq) => journal.settled(run, afterSeq),
    calls: (run) => journal.calls(run),
    signal: (run, signal) => journal.signal(run, signal),
    signals: (run) => journal.signals(run),
    intend: async (scope, key, intent) => holderOf(scope, null).intend(scope, key, intent),
    done: async (scope, key, result) => holderOf(scope, null).done(scope, key, result),
    effects: (scope) => journal.effects(scope),
    doneSince: (at) => journal.doneSince(at),
    reserve: async (run, reservation) => holderOf(run, reservation.agent).reserve(run, reservation),
    charge: (run, charge) => journal.charge(run, charge),
    balance: (account) => journal.balance(account),
    openReservations: (run) => journal.openReservations(run),
    receive: (id, payload) => journal.receive(id, payload),
    received: () => journal.received(),
    processed: (id) => journal.processed(id),
    fenced: (claim) => journal.fenced(claim),
    confirm: () => journal.confirm(),
    close: () => journal.close(),
  };
}
