import { expect, test } from 'vitest';
import { reopenedCalls, standingsOf, triedAgain } from '../../src/converge/reopen.ts';
import type { RunEvent, SettledOutcome, StoredEvent } from '../../src/domain/events.ts';
import { toJson, type Json } from '../../src/domain/json.ts';
import { plan, shard } from '../verify/support.ts';

const PLAN = plan({ branch: 'main', commit: 'c'.repeat(40), tree: 't'.repeat(40) }, [
  shard('a', ['a.js']),
  shard('b', ['b.js'], { after: ['a'] }),
  shard('c', ['c.js'], { after: ['b'] }),
  shard('d', ['d.js']),
]);

/** A record, as it is written; each call is issued and, unless open, settled at once. */
function record(...parts: readonly (readonly RunEvent[])[]): readonly StoredEvent[] {
  return parts.flat().map((event, at) => ({ scope: 'run', n: at + 1, at: '2026-11-01T00:00:00.000Z', event }));
}

function call(key: string, input: Json, outcome: SettledOutcome | null): readonly RunEvent[] {
  const kind = key.split(/[-#]/u, 1)[0] ?? '';
  return [
    { type: 'call.issued', key, kind, label: '', phase: '', input },
    ...(outcome === null ? [] : [{ type: 'call.settled' as const, key, seq: 1, outcome }]),
  ];
}

const nothing: SettledOutcome = { kind: 'null', cause: 'refused' };
const made = (key: string, shard: string, replaces: string | null = null): readonly RunEvent[] =>
  call(key, replaces === null ? { shard } : { change: replaces }, {
    kind: 'value',
    value: { id: `change of ${key}`, shard, overlay: [], replaces },
  });
const judged = (key: string, change: string, outcome: string): readonly RunEvent[] =>
  call(key, { change }, { kind: 'value', value: toJson({ id: key, change, outcome, findings: [], gates: [], reviewers: [] }) });
const accepted = (shard: string): readonly RunEvent[] => [{ type: 'shard.accepted', shard, change: 'x', verdict: 'v' }];
const ended: readonly RunEvent[] = [{ type: 'run.ended', status: 'partial', why: '', ledger: [] }];

function calls(shardId: string, events: readonly StoredEvent[]): readonly string[] {
  return reopenedCalls([shardId], standingsOf(PLAN, events));
}

test('calls that came to nothing are open again, and nothing that succeeded', () => {
  const events = record(
    made('migrate#1', 'a'),
    judged('review#1', 'change of migrate#1', 'revise'),
    call('revise#1', { change: 'change of migrate#1' }, nothing),
    ended,
  );
  expect(calls('a', events)).toEqual(['revise#1']);
  expect(calls('a', record(call('migrate#1', { shard: 'a' }, nothing), ended))).toEqual(['migrate#1']);
  expect(calls('a', record(call('migrate#1', { shard: 'a' }, { kind: 'throw', message: 'no' }), ended))).toEqual(['migrate#1']);
});

test('of a shard with a standing objection the first migrate call is open again', () => {
  const events = record(
    made('migrate#1', 'a'),
    judged('review#1', 'change of migrate#1', 'revise'),
    made('revise#1', 'a', 'change of migrate#1'),
    judged('review#2', 'change of revise#1', 'revise'),
    ended,
  );
  expect(calls('a', events)).toEqual(['migrate#1']);
});

test('reviews without every answer are open again, unless they were answered since', () => {
  const silent = record(
    made('migrate#1', 'a'),
    judged('review#1', 'change of migrate#1', 'unverified'),
    judged('review#2', 'change of migrate#1', 'unverified'),
    ended,
  );
  expect(calls('a', silent)).toEqual(['review#1', 'review#2']);
  const answered = record(
    made('migrate#1', 'a'),
    judged('review#1', 'change of migrate#1', 'unverified'),
    judged('review#2', 'change of migrate#1', 'revise'),
    call('revise#1', { change: 'change of migrate#1' }, nothing),
    ended,
  );
  expect(calls('a', answered)).toEqual(['revise#1']);
});

test('in a later generation only what stands counts', () => {
  const opened: RunEvent = { type: 'generation.opened', generation: 2, id: '1', by: 'ada', shards: ['a'], calls: ['migrate#1'] };
  const events = record(call('migrate#1', { shard: 'a' }, nothing), ended, [opened], call('migrate#1~2', { shard: 'a' }, nothing), ended);
  expect(calls('a', events)).toEqual(['migrate#1~2']);
});

test('what stands on the branch, is under way or waits is told apart, also while the run goes on', () => {
  const events = record(made('migrate#1', 'd'), accepted('d'), call('migrate#2', { shard: 'a' }, nothing));
  const standings = standingsOf(PLAN, events);
  expect(Object.fromEntries(standings)).toEqual({
    a: { kind: 'left-over', calls: ['migrate#2'] },
    b: { kind: 'waiting', needs: ['a'] },
    c: { kind: 'waiting', needs: ['a'] },
    d: { kind: 'accepted' },
  });
  expect(standingsOf(PLAN, record(call('migrate#2', { shard: 'a' }, nothing), call('migrate#3', { shard: 'a' }, null))).get('a')).toEqual({
    kind: 'open',
  });
  expect(standingsOf(PLAN, record()).get('b')).toEqual({ kind: 'open' });
});

test('what only waits goes along, and what is needed too', () => {
  const standings = standingsOf(
    PLAN,
    record(call('migrate#2', { shard: 'a' }, nothing), call('migrate#3', { shard: 'd' }, nothing), ended),
  );
  expect(triedAgain(['a'], PLAN, standings)).toEqual(['a', 'b', 'c']);
  expect(triedAgain(['c'], PLAN, standings)).toEqual(['a', 'b', 'c']);
  expect(triedAgain(['d'], PLAN, standings)).toEqual(['d']);
});

test('what a person dropped is not tried again, nor what needs it', () => {
  const dropped: RunEvent = { type: 'run.amended', id: '1', by: 'ada', amendment: { kind: 'drop', shards: ['a'] }, hash: 'h' };
  const standings = standingsOf(PLAN, record(call('migrate#2', { shard: 'a' }, nothing), [dropped], ended));
  expect(standings.get('a')).toEqual({ kind: 'unwanted', why: 'dropped by @ada' });
  expect(standings.get('b')).toEqual({ kind: 'unwanted', why: 'needs `a`, dropped by @ada' });
});

test('an accepted shard that conflicts with the branch is left over once the run has ended', () => {
  const assembled: RunEvent = {
    type: 'step.done',
    step: 'assembled#1',
    result: { onto: 'o', head: 'h', tree: 't', commits: [], conflicts: [{ shard: 'd', paths: ['d.js'], needs: [] }] },
  };
  const events = [made('migrate#1', 'd'), accepted('d'), [assembled]];
  expect(standingsOf(PLAN, record(...events)).get('d')).toEqual({ kind: 'accepted' });
  expect(standingsOf(PLAN, record(...events, ended)).get('d')).toEqual({ kind: 'left-over', calls: [] });
});
