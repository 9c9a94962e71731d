import { expect, test } from 'vitest';
import { readShards } from '../../src/converge/shards.ts';
import type { RunEvent } from '../../src/domain/events.ts';
import { toJson } from '../../src/domain/json.ts';
import { foldRun } from '../../src/domain/run-state.ts';
import type { Reviewer, Verdict } from '../../src/domain/verdict.ts';
import type { House } from '../../src/house.ts';
import { openSqliteJournal } from '../../src/journal/sqlite.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { receiptsOf } from '../../src/publish/receipts-of.ts';
import { plan, shard } from '../verify/support.ts';
import { aReservation, anAccount, someUsage, STARTED, temporaryDirectory } from '../journal/support.ts';

const RUN = 'r';
const PLAN = plan({ branch: 'main', commit: 'c'.repeat(40), tree: 't'.repeat(40) }, [
  shard('sa', ['a.js']),
  shard('sb', ['b.js']),
  shard('sc', ['c.js']),
]);

function change(id: string, of: string, replaces: string | null = null): unknown {
  return { id, shard: of, on: [], overlay: [], tree: id, files: [], added: 1, removed: 1, replaces };
}

function verdict(of: string, outcome: Verdict['outcome']): Verdict {
  const reviewers: readonly Reviewer[] = [{ lens: 'behaviour', answered: true, cause: null, model: 'claude-opus-5-5' }];
  return { id: `v-${of}`, change: of, outcome, findings: [], gates: [{ gate: 'paths', outcome: 'passed', detail: '' }], reviewers };
}

interface Call {
  readonly key: string;
  readonly kind: string;
  readonly input: object;
  readonly outcome: unknown;
  /** Agents with what each cost. */
  readonly agents: Readonly<Record<string, number>>;
}

let requests = 0;

async function carriedOut(journal: Journal, { key, kind, input, outcome, agents }: Call): Promise<void> {
  await journal.issue(RUN, [{ key, kind, label: key, phase: 'p', input: toJson(input) }]);
  for (const [agent, cost] of Object.entries(agents)) {
    await journal.append(RUN, [
      { type: 'agent.started', agent, role: 'x', label: '', phase: 'p', model: `model of ${agent}`, prompt: `prompt of ${agent}` },
    ]);
    const id = String((requests += 1));
    await journal.reserve(RUN, aReservation(id, { agent, accounts: [anAccount(RUN, {})], amount: cost }));
    await journal.charge(RUN, { id, amount: cost, usage: someUsage(), known: true });
  }
  await journal.settle(RUN, key, outcome === null ? { kind: 'null', cause: 'it died' } : { kind: 'value', value: toJson(outcome) });
}

test('a shard that the script lost is left over with what its items threw', async () => {
  const journal = await openSqliteJournal({ directory: temporaryDirectory() });
  try {
    await journal.start({ run: RUN, trigger: '1', event: STARTED });
    const house: House = Object.assign(Object.create(null), { run: RUN, journal });
    const reasons = async (): Promise<readonly string[]> =>
      (await readShards(house, PLAN, { kind: 'returned', divergences: 0 })).leftOver.map(({ reason }) => reason);
    const plainly = 'the script did not hand it to convergence';
    expect(new Set(await reasons())).toEqual(new Set([plainly]));
    await journal.append(RUN, [{ type: 'item.lost', text: 'item 3 threw' }]);
    expect(new Set(await reasons())).toEqual(new Set([`${plainly}; it lost items that threw, the first: item 3 threw`]));
    // A retry tells what it loses itself.
    await journal.append(RUN, [{ type: 'generation.opened', generation: 2, id: '9', by: 'mona', shards: [], calls: [] }]);
    expect(new Set(await reasons())).toEqual(new Set([plainly]));
  } finally {
    await journal.close();
  }
});

test('receipts are of the last word on each shard, and cost what all tries for it cost: revised, tried again after a failure, returned, left over', async () => {
  const journal = await openSqliteJournal({ directory: temporaryDirectory() });
  try {
    await journal.start({ run: RUN, trigger: '1', event: STARTED });
    const append = (event: RunEvent): Promise<unknown> => journal.append(RUN, [event]);
    const accepted = (of: string, id: string): Promise<unknown> =>
      append({ type: 'shard.accepted', shard: of, change: id, verdict: `v-${id}` });
    // Reviewed, revised, reviewed; a request of another agent of no shard is nobody's.
    await carriedOut(journal, { key: 'm#1', kind: 'migrate', input: { shard: 'sa' }, outcome: change('a1', 'sa'), agents: { 'm#1': 1 } });
    await carriedOut(journal, {
      key: 'v#1',
      kind: 'review',
      input: { change: 'a1' },
      outcome: verdict('a1', 'revise'),
      agents: { 'v#1/behaviour': 10 },
    });
    await carriedOut(journal, {
      key: 'x#1',
      kind: 'revise',
      input: { change: 'a1' },
      outcome: change('a2', 'sa', 'a1'),
      agents: { 'x#1': 100 },
    });
    await carriedOut(journal, {
      key: 'v#2',
      kind: 'review',
      input: { change: 'a2' },
      outcome: verdict('a2', 'accepted'),
      agents: { 'v#2/behaviour': 1000, 'v#2/rules': 10_000 },
    });
    await accepted('sa', 'a2');
    await carriedOut(journal, { key: 'q#1', kind: 'agent', input: {}, outcome: 'text', agents: { 'q#1': 7 } });
    // Died, and is tried again in a new generation.
    await carriedOut(journal, { key: 'm#2', kind: 'migrate', input: { shard: 'sb' }, outcome: null, agents: { 'm#2': 2 } });
    await append({ type: 'generation.opened', generation: 2, id: '9', by: 'mona', shards: ['sb'], calls: ['m#2'] });
    await carriedOut(journal, {
      key: 'm#2~2',
      kind: 'migrate',
      input: { shard: 'sb' },
      outcome: change('b1', 'sb'),
      agents: { 'm#2~2': 20 },
    });
    await carriedOut(journal, {
      key: 'v#3',
      kind: 'review',
      input: { change: 'b1' },
      outcome: verdict('b1', 'accepted'),
      agents: { 'v#3/behaviour': 200 },
    });
    await accepted('sb', 'b1');
    // Returned, and never accepted again.
    await carriedOut(journal, { key: 'm#3', kind: 'migrate', input: { shard: 'sc' }, outcome: change('c1', 'sc'), agents: { 'm#3': 3 } });
    await carriedOut(journal, {
      key: 'v#4',
      kind: 'review',
      input: { change: 'c1' },
      outcome: verdict('c1', 'accepted'),
      agents: { 'v#4/behaviour': 30 },
    });
    await accepted('sc', 'c1');
    await append({ type: 'shard.returned', shard: 'sc', commit: 'd'.repeat(40), tree: 'tip', paths: ['c.js'] });
    await carriedOut(journal, { key: 'm#4', kind: 'migrate', input: { shard: 'sc' }, outcome: null, agents: { 'm#4': 300 } });

    // Only its journal is asked.
    const house: House = Object.assign(Object.create(null), { run: RUN, journal });
    const shards = await readShards(house, PLAN, { kind: 'returned', divergences: 0 });
    const events = await journal.events(RUN);
    const receipts = receiptsOf(shards, { events, spending: foldRun(events).spending });
    expect(receipts).toMatchObject([
      {
        shard: 'sa',
        ending: 'accepted',
        maker: { model: 'model of x#1', prompt: 'prompt of x#1' },
        verdict: 'accepted',
        rounds: 2,
        cost: 11_111,
      },
      { shard: 'sb', ending: 'accepted', maker: { model: 'model of m#2~2' }, verdict: 'accepted', rounds: 1, cost: 222 },
      { shard: 'sc', ending: 'left over', cost: 333 },
    ]);
    expect(receipts[0]?.reviewers).toMatchObject([{ lens: 'behaviour', model: 'claude-opus-5-5' }]);
    expect(receipts[0]?.gates).toMatchObject([{ gate: 'paths', outcome: 'passed' }]);
  } finally {
    await journal.close();
  }
});
