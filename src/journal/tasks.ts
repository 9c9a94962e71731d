import { addBalances, amountsOfRequest, EMPTY_BALANCE, NO_AMOUNTS, shortagesOf, uncountedWork } from '../domain/account.ts';
import { ConvergeError, Suspended } from '../domain/errors.ts';
import type { RunEvent, StoredEvent } from '../domain/events.ts';
import type { Json } from '../domain/json.ts';
import type { Task } from './draft.ts';
import type { CallOutcome, CallState, Charge, Claim, IssuedCall, Journal, Reservation, Signal, TakenCall, TurnRecord } from './journal.ts';
import { projectionNeeds } from './projection.ts';
import type { Need } from './rows.ts';

type Answer<Verb extends keyof Journal> = Journal[Verb] extends (...parameters: never) => Promise<infer Value> ? Value : never;

/** Every verb that writes, for all stores: what it must see and what it decides (see `Journal` for their meaning). */

export function start(options: { readonly run: string; readonly trigger: string; readonly event: RunEvent }): Task<Answer<'start'>> {
  const { run, trigger, event } = options;
  return {
    needs: [{ table: 'run', scope: trigger }, ...eventNeeds(run, event)],
    decide: (draft) => {
      const existing = draft.get('run', trigger);
      if (existing !== undefined) return { run: existing.id, created: false };
      draft.put('run', { scope: trigger }, { id: run });
      draft.record(run, event);
      return { run, created: true };
    },
  };
}

export function append(scope: string, events: readonly RunEvent[]): Task<readonly StoredEvent[]> {
  return {
    needs: events.flatMap((event) => eventNeeds(scope, event)),
    decide: (draft) => events.map((event) => draft.record(scope, event)),
  };
}

export function issue(run: string, calls: readonly IssuedCall[]): Task<readonly CallState[]> {
  return {
    needs: [head(run), ...calls.map(({ key }): Need => ({ table: 'call', scope: run, key }))],
    decide: (draft) =>
      calls.map((call) => {
        const known = draft.get('call', run, call.key);
        if (known !== undefined) return known.state;
        draft.record(run, { type: 'call.issued', ...call });
        return { ...call, settled: null };
      }),
  };
}

export function settle(run: string, key: string, outcome: CallOutcome): Task<number> {
  return {
    needs: [head(run), { table: 'call', scope: run, key }],
    decide: (draft) => {
      const known = draft.get('call', run, key);
      if (known === undefined)
        throw new ConvergeError('journal', `Call ${key} of run ${run} was settled but never issued. Issue it first.`);
      if (known.state.settled !== null) return known.state.settled.seq;
      const seq = (draft.get('head', run)?.seq ?? 0) + 1;
      draft.record(run, { type: 'call.settled', key, seq, outcome });
      return seq;
    },
  };
}

export function checkpoint(run: string, agent: string, { n, part, data, overlay }: TurnRecord): Task<void> {
  const contents = [JSON.stringify(data), JSON.stringify(overlay)];
  return {
    needs: [],
    decide: (draft) =>
      part === 'response'
        ? draft.insert({ sql: RESPONSE, values: [run, agent, n, part, ...contents] })
        : draft.insertOnInserted({ sql: RESULTS, values: [...contents, run, agent, n] }),
  };
}

const RESPONSE =
  'INSERT INTO checkpoint (run, agent, n, part, data, overlay) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (run, agent, n, part) DO NOTHING';
/** Where its response is not, nothing is written: who asked for both at once is told by the other that failed. */
const RESULTS = `INSERT INTO checkpoint (run, agent, n, part, data, overlay)
  SELECT run, agent, n, 'results', ?, ? FROM checkpoint WHERE run = ? AND agent = ? AND n = ? AND part = 'response' ON CONFLICT (run, agent, n, part) DO NOTHING`;

export function signal(run: string, { id, name, by, text, account }: Signal): Task<boolean> {
  return {
    needs: [head(run), { table: 'signal', scope: run, key: id }],
    decide: (draft) => {
      if (draft.get('signal', run, id) !== undefined) return false;
      draft.record(run, { type: 'signal.received', id, name, by, text, ...(account === undefined ? {} : { account }) });
      return true;
    },
  };
}

export function intend(scope: string, key: string, intent: Json): Task<Answer<'intend'>> {
  return {
    needs: [head(scope), { table: 'effect', scope, key }],
    decide: (draft) => {
      const known = draft.get('effect', scope, key);
      if (known !== undefined) return { fresh: false, done: known.state.done, result: known.state.result };
      draft.record(scope, { type: 'effect.intended', key, intent });
      return { fresh: true, done: false, result: null };
    },
  };
}

export function done(scope: string, key: string, result: Json): Task<void> {
  return {
    needs: [head(scope), { table: 'effect', scope, key }],
    decide: (draft) => {
      const known = draft.get('effect', scope, key);
      if (known === undefined)
        throw new ConvergeError('journal', `Effect ${key} of ${scope} was done but never intended. Write its intent before acting.`);
      if (!known.state.done) draft.record(scope, { type: 'effect.done', key, result });
    },
  };
}

export function reserve(run: string, reservation: Reservation): Task<Answer<'reserve'>> {
  const { accounts, ...request } = reservation;
  const names = accounts.map(({ name }) => name);
  const event = { type: 'spend.reserved', ...request, accounts: names } as const;
  return {
    needs: [...eventNeeds(run, event), ...accounts.map(({ name }): Need => ({ table: 'balance', scope: name }))],
    decide: (draft) => {
      demandWhole('reservation', [request.amount, request.tokens]);
      const work = draft.get('work', run);
      const uncounted = work === undefined ? null : uncountedWork(run, work, draft.now());
      const balances = accounts.map((account) => {
        const hours = uncounted?.get(account.name) ?? 0;
        const balance = draft.get('balance', account.name) ?? EMPTY_BALANCE;
        return { account, balance: addBalances(balance, { ...EMPTY_BALANCE, spent: { ...NO_AMOUNTS, hours } }) };
      });
      const agents = draft.get('agent', run, request.agent) === undefined ? 1 : 0;
      // Invariant 3: asked and written in one transaction, so that no two reservations see the same room. Every request takes time: a moment is enough to ask.
      const short = shortagesOf({ ...amountsOfRequest(request), agents, hours: 1 }, balances);
      if (short.length > 0) return { ok: false, short };
      draft.record(run, event);
      return { ok: true };
    },
  };
}

export function charge(run: string, { id, amount, usage, known }: Charge): Task<void> {
  return {
    needs: [head(run), { table: 'spend', scope: run, key: id }],
    decide: (draft) => {
      demandWhole('charge', [amount]);
      const spend = draft.get('spend', run, id);
      if (spend === undefined)
        throw new ConvergeError('journal', `Request ${id} of run ${run} was charged but never reserved. Reserve before sending.`);
      if (spend.chargedN === null) draft.record(run, { type: 'spend.charged', id, amount, usage, known });
    },
  };
}

export function receive(id: string, payload: Json): Task<boolean> {
  return {
    needs: [{ table: 'received', scope: id }],
    decide: (draft) => {
      const known = draft.get('received', id);
      if (known !== undefined) return known.payload !== null;
      draft.put('received', { scope: id }, { payload: JSON.stringify(payload) });
      return true;
    },
  };
}

/** The payload has served; the id stays, so that a late redelivery is known. */
export function processed(id: string): Task<void> {
  return {
    needs: [{ table: 'received', scope: id }],
    decide: (draft) => {
      if (draft.get('received', id) !== undefined) draft.put('received', { scope: id }, { payload: null });
    },
  };
}

function head(scope: string): Need {
  return { table: 'head', scope };
}

function eventNeeds(scope: string, event: RunEvent): readonly Need[] {
  return [head(scope), ...projectionNeeds(scope, event)];
}

function demandWhole(what: string, amounts: readonly number[]): void {
  for (const amount of amounts) {
    if (Number.isSafeInteger(amount) && amount >= 0) continue;
    throw new ConvergeError('journal', `A ${what} of ${amount} micro-dollars or tokens was found; expected a whole number of 0 or more.`);
  }
}

/** The next attempt of a run, or of one of its calls. */
export function takeClaim(holder: { readonly run: string; readonly key: string | null; readonly owner: string }): Task<Claim> {
  const { run, key, owner } = holder;
  return {
    needs: [{ table: 'claim', scope: run, key: key ?? '' }],
    decide: (draft) => {
      const attempt = (draft.get('claim', run, key ?? '')?.attempt ?? 0) + 1;
      draft.put('claim', { scope: run, key: key ?? '' }, { attempt, owner });
      return key === null ? { kind: 'run', run, attempt } : { kind: 'call', run, key, attempt };
    },
  };
}

/** The next attempt of a call that is open, of a run that has not ended; null when there is nothing to take. */
export function takeCall(holder: { readonly run: string; readonly key: string; readonly owner: string }): Task<TakenCall | null> {
  const { run, key } = holder;
  const taking = takeClaim(holder);
  return {
    needs: [...taking.needs, { table: 'call', scope: run, key }, { table: 'status', scope: run }],
    decide: (draft) => {
      const call = draft.get('call', run, key)?.state;
      if (call === undefined || call.settled !== null || draft.get('status', run)?.status === 'ended') return null;
      return { call, claim: taking.decide(draft) };
    },
  };
}

/** Writes nothing by itself: for a transaction that is somebody else's. */
export const NOTHING: Task<void> = { needs: [], decide: () => {} };

/** The same task for the holder of a claim: refused when somebody else took it since. */
export function underClaim<T>(claim: Claim, task: Task<T>): Task<T> {
  const key = claim.kind === 'run' ? '' : claim.key;
  return {
    needs: [{ table: 'claim', scope: claim.run, key }, ...task.needs],
    decide: (draft) => {
      const newest = draft.get('claim', claim.run, key);
      if (newest?.attempt !== claim.attempt) throw new Suspended('stopping', takenOver(claim, newest?.owner));
      return task.decide(draft);
    },
  };
}

function takenOver(claim: Claim, owner: string | undefined): string {
  const what = claim.kind === 'run' ? `run ${claim.run}` : `call ${claim.key} of run ${claim.run}`;
  return `Another process${owner === undefined ? '' : ` (${owner})`} has taken over ${what}; this one writes nothing more of it.`;
}
