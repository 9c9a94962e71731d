import type { MicroDollars } from '../domain/budget.ts';
import type { EventOf, RunEvent, StoredEvent } from '../domain/events.ts';
import type { Json } from '../domain/json.ts';
import { toJson } from '../domain/json.ts';

/** What somebody who must answer for it has to know of one event: `what` happened, and its facts. */
export interface Entry {
  readonly what: string;
  readonly [fact: string]: Json;
}

/** Longest text that is repeated here; the journal has it whole. */
const MOST = 500;

/** Makes entries of events in the order of the journal; null for what decided, paid and did nothing by itself. It remembers what later entries need: plans and costs. */
export function auditor(): (stored: StoredEvent) => Entry | null {
  const plans = new Map<string, Json>();
  const books = new Books();
  return ({ scope, event }) => {
    if (event.type === 'spend.reserved' || event.type === 'spend.charged') return books.take(scope, event);
    if (event.type === 'agent.ended') return { ...ofAgent(event), cost: books.costOf(scope, event.agent) };
    if (event.type === 'step.done') {
      const entry = ofStep(event, plans.get(scope) ?? null);
      if (entry?.what === 'planned') plans.set(scope, entry['plan'] ?? null);
      return entry;
    }
    return entryOf(event);
  };
}

/** What requests cost, by agent; in micro-dollars. */
class Books {
  readonly #agents = new Map<string, string>();
  readonly #costs = new Map<string, MicroDollars>();

  take(scope: string, event: EventOf<'spend.reserved'> | EventOf<'spend.charged'>): null {
    const request = `${scope} ${event.id}`;
    if (event.type === 'spend.reserved') this.#agents.set(request, `${scope} ${event.agent}`);
    else {
      const agent = this.#agents.get(request) ?? '';
      this.#agents.delete(request);
      this.#costs.set(agent, (this.#costs.get(agent) ?? 0) + event.amount);
    }
    return null;
  }

  costOf(scope: string, agent: string): MicroDollars {
    return this.#costs.get(`${scope} ${agent}`) ?? 0;
  }
}

function ofAgent({ agent, ending, cause, turns, seconds }: EventOf<'agent.ended'>): Entry {
  return { what: 'agent ended', agent, ending, cause: short(cause), turns, seconds };
}

/** Plans, and what people decided about them. */
function ofStep({ step, result }: EventOf<'step.done'>, plan: Json): Entry | null {
  const [name = ''] = step.split('#');
  if (name === 'plan') return { what: 'planned', step, plan: fieldOf(fieldOf(result, 'plan'), 'hash') };
  if (name !== 'decision') return null;
  const approved = fieldOf(result, 'kind') === 'approved';
  return { what: approved ? 'approved' : 'revision asked', by: fieldOf(result, 'by'), comment: fieldOf(result, 'signal'), plan };
}

function entryOf(event: Exclude<RunEvent, EventOf<'spend.reserved' | 'spend.charged' | 'agent.ended' | 'step.done'>>): Entry | null {
  switch (event.type) {
    case 'run.started': {
      const { place, requester, comment, settings } = event;
      const { limits, models, approvers, saved } = settings;
      return facts('run started', { place, by: requester, comment, limits, models, approvers, script: saved?.name ?? null });
    }
    case 'run.paused':
      return facts('run paused', { reason: event.reason, why: short(event.message) });
    case 'run.resumed':
      return facts('run resumed', {});
    case 'run.ended':
      return facts('run ended', { status: event.status, why: short(event.why) });
    case 'run.amended': {
      const { by, id, amendment, hash } = event;
      return facts('amended', { by, comment: id, amendment, hash });
    }
    case 'generation.opened': {
      const { by, id, generation, shards } = event;
      return facts('tried again', { by, comment: id, generation, shards });
    }
    case 'command.answered': {
      const { comment, place, by, permission, command, accepted, why } = event;
      return facts('command', { comment, place, by, permission, command, accepted, why: short(why) });
    }
    case 'signal.received':
      return facts('said', { by: event.by, comment: event.id, name: event.name, text: short(event.text) });
    case 'agent.started': {
      const { agent, role, model, prompt = null, tools = null } = event;
      return facts('agent started', { agent, role, model, prompt, tools });
    }
    case 'effect.intended':
      return facts('effect intended', { effect: kindOf(event.key), key: event.key });
    case 'effect.done':
      return facts('effect done', { effect: kindOf(event.key), key: event.key, remote: scalarsOf(event.result) });
    case 'shard.accepted':
      return facts('shard accepted', { shard: event.shard, change: event.change, verdict: event.verdict });
    case 'shard.returned':
      return facts('shard returned', { shard: event.shard, commit: event.commit });
    case 'shard.left-over':
      return facts('shard left over', { shard: event.shard, why: short(event.reason) });
    case 'secret.withheld':
      return facts('secret withheld', { where: event.where, kinds: event.what });
    case 'switch.turned':
      return facts(event.off ? 'switched off' : 'switched on', { reason: event.reason, by: event.by, where: event.where });
    case 'agent.admitted':
    case 'phase':
    case 'log':
    case 'item.lost':
    case 'call.issued':
    case 'call.settled':
    case 'call.suspended':
      return null;
  }
}

function facts(what: string, given: object): Entry {
  const fields = Object.entries(given).map(([name, value]: readonly [string, unknown]) => [name, toJson(value)] as const);
  return { ...Object.fromEntries(fields), what };
}

/** `push/…` is a push: what stands before the first `/`. */
function kindOf(key: string): string {
  return key.split('/')[0] ?? key;
}

/** Ids, numbers, addresses and commits that GitHub gave; not the texts. */
function scalarsOf(result: Json): Json {
  if (result === null || typeof result !== 'object') return result;
  const kept = Object.entries(result).filter(([, value]) => value === null || (typeof value !== 'object' && String(value).length <= 200));
  return toJson(Object.fromEntries(kept));
}

function fieldOf(json: Json, name: string): Json {
  if (json === null || typeof json !== 'object') return null;
  const found = Object.entries(json).find(([key]) => key === name);
  return found === undefined ? null : toJson(found[1]);
}

export function short(text: string): string {
  return text.length > MOST ? `${text.slice(0, MOST)}…` : text;
}
