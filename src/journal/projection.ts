import { amountsOfCharge, amountsOfRequest, EMPTY_BALANCE, NO_AMOUNTS, runAccount, uncountedWork } from '../domain/account.ts';
import { NO_USAGE } from '../domain/budget.ts';
import type { EventOf, RunEvent, StoredEvent } from '../domain/events.ts';
import { isApproval, workAfter } from '../domain/standing.ts';
import type { Draft } from './draft.ts';
import type { Need } from './rows.ts';

/** The rows that `project` must see for this event. */
export function projectionNeeds(scope: string, event: RunEvent): readonly Need[] {
  if (event.type === 'step.done') return [{ table: 'step', scope, key: event.step }, ...(isApproval(event) ? [work(scope)] : [])];
  if (event.type === 'call.issued' || event.type === 'call.settled') return [{ table: 'call', scope, key: event.key }];
  if (event.type === 'effect.intended' || event.type === 'effect.done') return [{ table: 'effect', scope, key: event.key }];
  if (event.type === 'signal.received') return [{ table: 'signal', scope, key: event.id }];
  if (event.type === 'spend.reserved')
    return [{ table: 'spend', scope, key: event.id }, { table: 'agent', scope, key: event.agent }, work(scope)];
  if (event.type === 'spend.charged') return [{ table: 'spend', scope, key: event.id }];
  return event.type === 'run.paused' || event.type === 'run.ended' || event.type === 'run.resumed' || event.type === 'generation.opened'
    ? [work(scope)]
    : [];
}

function work(scope: string): Need {
  return { table: 'work', scope };
}

/**
 * Projects one event into the index tables: called with each event as it is written, and again with all of them in order when the indexes are
 * rebuilt, so that both give the same tables. Reads nothing but the event and the tables it writes.
 * Throws when the event contradicts the indexes (a call issued twice, a charge without reservation).
 */
export function project(draft: Draft, stored: StoredEvent): void {
  const { scope, event } = stored;
  switch (event.type) {
    case 'run.started': {
      const { owner, repo } = event.place;
      draft.put('work', { scope }, { owner, repo, approved: false, since: null });
      return draft.put('status', { scope }, { status: 'active' });
    }
    case 'run.resumed':
    case 'generation.opened':
      countWork(draft, stored);
      return draft.put('status', { scope }, { status: 'active' });
    case 'run.paused':
      countWork(draft, stored);
      return draft.put('status', { scope }, { status: 'paused' });
    case 'run.ended':
      countWork(draft, stored);
      return draft.put('status', { scope }, { status: 'ended' });
    case 'step.done':
      demand(draft.get('step', scope, event.step) === undefined, `step ${event.step} was done already`);
      if (isApproval(event)) countWork(draft, stored);
      return draft.put('step', { scope, key: event.step }, { n: stored.n });
    case 'call.issued':
      return issued(draft, stored, event);
    case 'call.settled':
      return settled(draft, stored, event);
    case 'effect.intended':
      return intended(draft, stored, event);
    case 'effect.done':
      return done(draft, stored, event);
    case 'signal.received':
      demand(draft.get('signal', scope, event.id) === undefined, `signal ${event.id} is there already`);
      return draft.put('signal', { scope, key: event.id }, { n: stored.n });
    case 'spend.reserved':
      return reserved(draft, stored, event);
    case 'spend.charged':
      return charged(draft, stored, event);
    // What only the fold of the run reads.
    case 'run.amended':
    case 'phase':
    case 'log':
    case 'item.lost':
    case 'call.suspended':
    case 'agent.admitted':
    case 'agent.started':
    case 'agent.ended':
    case 'secret.withheld':
    case 'shard.accepted':
    case 'shard.returned':
    case 'shard.left-over':
    case 'command.answered':
    case 'switch.turned':
  }
}

function issued(draft: Draft, { scope, n }: StoredEvent, event: EventOf<'call.issued'>): void {
  demand(draft.get('call', scope, event.key) === undefined, `call ${event.key} was issued already`);
  const { type: _, ...call } = event;
  draft.put('call', { scope, key: event.key }, { state: { ...call, settled: null }, issuedN: n, settledN: null });
}

function settled(draft: Draft, { scope, n, at }: StoredEvent, event: EventOf<'call.settled'>): void {
  const call = draft.get('call', scope, event.key);
  if (call === undefined || call.settledN !== null) throw new Error(`call ${event.key} is not open`);
  const { seq, outcome } = event;
  draft.put('call', { scope, key: event.key }, { ...call, state: { ...call.state, settled: { seq, outcome, at } }, settledN: n });
}

function intended(draft: Draft, { scope, n }: StoredEvent, { key, intent }: EventOf<'effect.intended'>): void {
  demand(draft.get('effect', scope, key) === undefined, `effect ${key} was intended already`);
  draft.put('effect', { scope, key }, { state: { key, intent, done: false, result: null }, intendedN: n, doneN: null });
}

function done(draft: Draft, { scope, n }: StoredEvent, { key, result }: EventOf<'effect.done'>): void {
  const effect = draft.get('effect', scope, key);
  if (effect === undefined || effect.doneN !== null) throw new Error(`effect ${key} is not open`);
  draft.put('effect', { scope, key }, { ...effect, state: { ...effect.state, done: true, result }, doneN: n });
}

function reserved(draft: Draft, stored: StoredEvent, event: EventOf<'spend.reserved'>): void {
  const { scope, n } = stored;
  demand(draft.get('spend', scope, event.id) === undefined, `request ${event.id} was reserved already`);
  draft.put('spend', { scope, key: event.id }, { request: event, reservedN: n, chargedN: null });
  const isNew = draft.get('agent', scope, event.agent) === undefined;
  if (isNew) draft.put('agent', { scope, key: event.agent }, { n });
  const started = { spent: { ...NO_AMOUNTS, agents: isNew ? 1 : 0 }, reserved: amountsOfRequest(event), usage: NO_USAGE };
  for (const account of accountsOf(scope, event)) draft.add(account, started);
  countWork(draft, stored);
}

/** The time since the event before that told of the run's work. */
function countWork(draft: Draft, stored: StoredEvent): void {
  const { scope, at } = stored;
  const row = draft.get('work', scope);
  if (row === undefined) return;
  for (const [account, hours] of uncountedWork(scope, row, at)) draft.add(account, { ...EMPTY_BALANCE, spent: { ...NO_AMOUNTS, hours } });
  const { approved, since } = workAfter(row, stored);
  // A clock that was set back counts nothing twice.
  const counted = since === null || since > at ? since : at;
  draft.put('work', { scope }, { ...row, approved, since: counted });
}

function charged(draft: Draft, { scope, n }: StoredEvent, event: EventOf<'spend.charged'>): void {
  const spend = draft.get('spend', scope, event.id);
  if (spend === undefined || spend.chargedN !== null) throw new Error(`request ${event.id} has no open reservation`);
  draft.put('spend', { scope, key: event.id }, { ...spend, chargedN: n });
  const { dollars, tokens, turns } = amountsOfRequest(spend.request);
  const released = { ...NO_AMOUNTS, dollars: -dollars, tokens: -tokens, turns: -turns };
  const spent = amountsOfCharge(spend.request, event);
  for (const account of accountsOf(scope, spend.request)) draft.add(account, { spent, reserved: released, usage: event.usage });
}

function accountsOf(run: string, { accounts }: EventOf<'spend.reserved'>): readonly string[] {
  return accounts ?? [runAccount(run)];
}

function demand(holds: boolean, contradiction: string): void {
  if (!holds) throw new Error(contradiction);
}
