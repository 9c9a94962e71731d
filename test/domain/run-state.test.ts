import { expect, test } from 'vitest';

import type { RunEvent, StoredEvent } from '../../src/domain/events.ts';
import { foldRun, type RunState } from '../../src/domain/run-state.ts';
import { someUsage, STARTED } from '../journal/support.ts';

/** Events of one run, a second apart from noon. */
function record(...events: readonly RunEvent[]): readonly StoredEvent[] {
  return events.map((event, index) => ({ scope: 'r', n: index + 1, at: second(index), event }));
}

function second(n: number): string {
  return new Date(Date.UTC(2026, 10, 22, 12, 0, n)).toISOString();
}

function fold(...events: readonly RunEvent[]): RunState {
  return foldRun(record(STARTED, ...events));
}

function started(agent: string, phase = 'migrate'): RunEvent {
  return { type: 'agent.started', agent, role: 'migrator', label: agent, phase, model: 'm' };
}

function ended(agent: string, ending: 'done' | 'refused' | 'failed' | 'exhausted' | 'suspended', cause = ''): RunEvent {
  return { type: 'agent.ended', agent, ending, cause, turns: 3, seconds: 1 };
}

test('a run that has just started is active and empty', () => {
  const { settings, place, requester, comment, task } = STARTED;
  expect(fold()).toEqual({
    settings,
    place,
    standing: { place, limits: settings.limits, approved: false, worked: 0, since: null, amended: new Set() },
    requester,
    comment,
    task,
    startedAt: second(0),
    lastEventAt: second(0),
    status: 'active',
    pause: null,
    held: null,
    end: null,
    generation: 1,
    reopened: new Map(),
    stop: null,
    retry: null,
    amendments: [],
    phases: [],
    logs: [],
    lostItems: [],
    steps: new Map(),
    calls: [],
    accepted: [],
    leftOver: [],
    dropped: [],
    signals: [],
    census: {
      total: {
        started: 0,
        running: 0,
        finished: 0,
        failed: 0,
        causes: [],
      },
      phases: [],
      peak: 0,
    },
    spending: {
      total: {
        spent: 0,
        reserved: 0,
        usage: someUsage(),
        tokens: 0,
        turns: 0,
        unknown: 0,
      },
      phases: [],
      agents: [],
    },
    effects: new Map(),
  });
});

test('what is no run has no state', () => {
  expect(() => foldRun([])).toThrow('no event at all');
  expect(() => foldRun(record({ type: 'log', text: 'x' }))).toThrow('begins with run.started; found log in r');
});

test('pausing, resuming and ending', () => {
  const paused = { type: 'run.paused', reason: 'budget', message: 'used up' } as const;
  const end = { type: 'run.ended', status: 'partial', why: 'one left over', ledger: [] } as const;
  expect(fold(paused)).toMatchObject({ status: 'paused', pause: { reason: 'budget', message: 'used up', at: second(1) }, end: null });
  expect(fold(paused, { type: 'run.resumed' })).toMatchObject({ status: 'active', pause: null });
  expect(fold(paused, end)).toMatchObject({
    status: 'ended',
    pause: null,
    end: { status: 'partial', why: 'one left over', at: second(2) },
  });
  expect(fold(end, { type: 'run.resumed' })).toMatchObject({ status: 'active', end: null });
});

test('phases keep the order of their first telling; steps, logs, signals, effects and shards are told', () => {
  const state = fold(
    { type: 'phase', title: 'survey' },
    { type: 'log', text: 'hello' },
    { type: 'phase', title: 'migrate' },
    { type: 'phase', title: 'survey' },
    { type: 'step.done', step: 'plan', result: { hash: 'abc' } },
    { type: 'signal.received', id: '9', name: 'approve', by: 'mona', text: 'abc' },
    { type: 'effect.intended', key: 'comment', intent: {} },
    { type: 'effect.intended', key: 'review', intent: {} },
    { type: 'effect.done', key: 'comment', result: { id: 4 } },
    { type: 'shard.accepted', shard: 'a', change: 'c', verdict: 'v' },
    { type: 'shard.left-over', shard: 'b', reason: 'no progress' },
    { type: 'item.lost', text: 'item 3 threw' },
  );
  expect(state.phases).toEqual(['survey', 'migrate']);
  expect(state.logs).toEqual([
    { at: second(2), text: 'hello' },
    { at: second(12), text: 'item 3 threw' },
  ]);
  expect(state.lostItems).toEqual(['item 3 threw']);
  expect(state.steps).toEqual(new Map([['plan', { hash: 'abc' }]]));
  expect(state.signals).toEqual([{ id: '9', name: 'approve', by: 'mona', text: 'abc', at: second(6) }]);
  expect(state.effects).toEqual(new Map([['comment', { id: 4 }]]));
  expect(state.accepted).toEqual([{ shard: 'a', change: 'c', verdict: 'v' }]);
  expect(state.leftOver).toEqual([{ shard: 'b', reason: 'no progress' }]);
});

test('the census counts agents by phase, with the causes of failure, most frequent first', () => {
  const { census } = fold(
    ...['1', '2', '3', '4', '5'].map((agent) => started(agent)),
    started('6', 'review'),
    ended('1', 'done'),
    ended('2', 'failed', 'cut off'),
    ended('3', 'refused', 'refused to answer'),
    ended('4', 'exhausted', 'cut off'),
    ended('6', 'suspended', 'stopping'),
  );
  const causes = [
    { cause: 'cut off', count: 2 },
    { cause: 'refused to answer', count: 1 },
  ];
  expect(census.phases).toEqual([
    { phase: 'migrate', started: 5, running: 1, finished: 1, failed: 3, causes },
    { phase: 'review', started: 1, running: 0, finished: 0, failed: 0, causes: [] },
  ]);
  expect(census.total).toEqual({ started: 6, running: 1, finished: 1, failed: 3, causes });
  expect(census.peak).toBe(6);
});

test('an agent that goes on after a kill is one agent, and does not raise the peak', () => {
  const { census } = fold(
    started('1'),
    started('2'),
    started('1'),
    started('2'),
    ended('1', 'suspended'),
    started('1'),
    ended('1', 'done'),
  );
  expect(census.total).toMatchObject({ started: 2, running: 1, finished: 1, failed: 0 });
  expect(census.peak).toBe(2);
});

test('calls are counted by kind', () => {
  const issued = (key: string, kind: string): RunEvent => ({ type: 'call.issued', key, kind, label: '', phase: '', input: null });
  const { calls } = fold(
    issued('1', 'migrate'),
    issued('2', 'review'),
    issued('3', 'migrate'),
    issued('4', 'migrate'),
    { type: 'call.settled', key: '3', seq: 1, outcome: { kind: 'value', value: 1 } },
    { type: 'call.settled', key: '1', seq: 2, outcome: { kind: 'null', cause: 'failed' } },
    { type: 'call.settled', key: '2', seq: 3, outcome: { kind: 'throw', message: 'wrong' } },
  );
  expect(calls).toEqual([
    { kind: 'migrate', issued: 3, settled: 2, failed: 1 },
    { kind: 'review', issued: 1, settled: 1, failed: 1 },
  ]);
});

test('money is summed by phase, by agent and in all, with what is still reserved', () => {
  const reserve = (id: string, agent: string, phase: string): RunEvent => {
    return { type: 'spend.reserved', id, amount: 100, limit: 1000, agent, phase, model: 'm' };
  };
  const { spending } = fold(
    reserve('1', 'a', 'plan'),
    reserve('2', 'b', 'migrate'),
    reserve('3', 'b', 'migrate'),
    { type: 'spend.charged', id: '1', amount: 40, usage: someUsage({ input: 1, output: 2 }), known: true },
    { type: 'spend.charged', id: '2', amount: 100, usage: someUsage({ cacheRead: 5 }), known: false },
  );
  const first = { spent: 40, reserved: 0, tokens: 3, turns: 1, usage: someUsage({ input: 1, output: 2 }), unknown: 0 };
  const second = { spent: 100, reserved: 100, tokens: 0, turns: 1, usage: someUsage({ cacheRead: 5 }), unknown: 1 };
  expect(spending.phases).toEqual([
    { phase: 'plan', ...first },
    { phase: 'migrate', ...second },
  ]);
  expect(spending.agents).toEqual([
    { agent: 'a', ...first },
    { agent: 'b', ...second },
  ]);
  expect(spending.total).toEqual({
    spent: 140,
    reserved: 100,
    tokens: 3,
    turns: 2,
    usage: someUsage({ input: 1, output: 2, cacheRead: 5 }),
    unknown: 1,
  });
});

test('an agent that was killed or interrupted and whose call came to nothing has failed, with the cause; one that an ended run left is not at work', () => {
  const issued: RunEvent = { type: 'call.issued', key: 'a', kind: 'migrate', label: '', phase: '', input: null };
  const settled: RunEvent = { type: 'call.settled', key: 'a', seq: 1, outcome: { kind: 'null', cause: 'dropped by @ada' } };
  const ended: RunEvent = { type: 'run.ended', status: 'stopped', why: '', ledger: [] };
  const { census } = fold(started('a', 'P'), started('a/guide', 'P'), started('b', 'P'), issued, settled);
  expect(census.total).toMatchObject({ started: 3, running: 1, failed: 2, causes: [{ cause: 'dropped by @ada', count: 2 }] });
  expect(fold(started('b', 'P'), ended).census.total).toMatchObject({ started: 1, running: 0, failed: 0 });
});
