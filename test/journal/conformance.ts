import { expect, test } from 'vitest';

import { EMPTY_BALANCE, NO_AMOUNTS, type Account, type AccountLimits } from '../../src/domain/account.ts';
import type { StoredEvent } from '../../src/domain/events.ts';
import type { Journal, TurnRecord } from '../../src/journal/journal.ts';
import { aCall, anAccount, aReservation, someUsage, spendingOf, STARTED } from './support.ts';

export interface OpenedJournal {
  readonly journal: Journal;
  /** Closes it and opens the same record again. */
  readonly reopen: () => Promise<Journal>;
}

/** What every journal does, whatever it is stored in. `open` gives an empty one and takes care of closing it. */
export function journalConformance(open: (clock: () => Date) => Promise<OpenedJournal>): void {
  const noon = new Date('2026-11-22T12:00:00.000Z');
  const openAtNoon = (): Promise<OpenedJournal> => open(() => noon);

  test('a trigger starts one run, however often it comes', async () => {
    const { journal } = await openAtNoon();
    const first = await journal.start({ run: 'r1', trigger: 'comment/1', event: STARTED });
    const again = await journal.start({ run: 'r2', trigger: 'comment/1', event: STARTED });
    expect(first).toEqual({ run: 'r1', created: true });
    expect(again).toEqual({ run: 'r1', created: false });
    expect(await journal.runs()).toEqual(['r1']);
    expect(await journal.events('r1')).toEqual([{ scope: 'r1', n: 1, at: '2026-11-22T12:00:00.000Z', event: STARTED }]);
    expect(await journal.events('r2')).toEqual([]);
  });

  test('a run that has ended is not unfinished, unless it was resumed', async () => {
    const { journal } = await openAtNoon();
    for (const run of ['a', 'b', 'c', 'd']) await journal.start({ run, trigger: run, event: STARTED });
    const ended = { type: 'run.ended', status: 'stopped', why: 'asked to', ledger: [] } as const;
    await journal.append('a', [ended]);
    await journal.append('b', [{ type: 'run.paused', reason: 'budget', message: 'used up' }]);
    await journal.append('d', [ended, { type: 'run.resumed' }]);
    expect(await journal.unfinished()).toEqual(['b', 'c', 'd']);
    expect(await journal.runs()).toEqual(['d', 'c', 'b', 'a']);
  });

  test('events keep their order and their content, and are given after a place', async () => {
    const { journal, reopen } = await openAtNoon();
    const texts = ['plain', '"quoted"\n', '\u0000\uD83D\uDE80', '-- ; DROP TABLE event'];
    await journal.append(
      'r',
      texts.map((text) => ({ type: 'log', text })),
    );
    await journal.append('other', [{ type: 'log', text: 'elsewhere' }]);
    const reopened = await reopen();
    const events = await reopened.events('r');
    expect(events.map(({ n, event }) => [n, event.type === 'log' && event.text])).toEqual(texts.map((text, index) => [index + 1, text]));
    expect((await reopened.events('r', 2)).map(({ n }) => n)).toEqual([3, 4]);
  });

  test('a step is done once, under its name', async () => {
    const { journal, reopen } = await openAtNoon();
    await journal.append('r', [{ type: 'step.done', step: 'plan', result: null }]);
    await expect(journal.append('r', [{ type: 'step.done', step: 'plan', result: 2 }])).rejects.toMatchObject({ kind: 'journal' });
    await journal.append('s', [{ type: 'step.done', step: 'plan', result: 3 }]);
    const reopened = await reopen();
    expect(await reopened.doneStep('r', 'plan')).toEqual({ result: null });
    expect(await reopened.doneStep('r', 'another')).toBeUndefined();
  });

  test('watchers hear what is on disk, in order, of their scope or of all, until they stop', async () => {
    const { journal } = await openAtNoon();
    const own: StoredEvent[] = [];
    const all: StoredEvent[] = [];
    const stop = journal.watch('r', (event) => own.push(event));
    journal.watch(null, (event) => all.push(event));
    await Promise.all([
      journal.append('r', [
        { type: 'log', text: '1' },
        { type: 'log', text: '2' },
      ]),
      journal.append('s', [{ type: 'log', text: '3' }]),
    ]);
    expect(own).toEqual(await journal.events('r'));
    expect(all).toEqual([...(await journal.events('r')), ...(await journal.events('s'))]);
    stop();
    await journal.append('r', [{ type: 'log', text: '4' }]);
    expect(own).toHaveLength(2);
    expect(all).toHaveLength(4);
  });

  test('a call is issued once, and keeps its place', async () => {
    const { journal } = await openAtNoon();
    await journal.issue('r', [aCall('b'), aCall('a')]);
    const states = await journal.issue('r', [aCall('a', { label: 'another label' }), aCall('c')]);
    expect(states).toEqual([
      { ...aCall('a'), settled: null },
      { ...aCall('c'), settled: null },
    ]);
    expect((await journal.calls('r')).map(({ key }) => key)).toEqual(['b', 'a', 'c']);
    expect(await journal.events('r')).toHaveLength(3);
    expect(await journal.call('r', 'nothing')).toBeUndefined();
    expect(await journal.calls('elsewhere')).toEqual([]);
  });

  test('the same key twice in one issue is one call', async () => {
    const { journal } = await openAtNoon();
    await journal.issue('r', [aCall('a'), aCall('a')]);
    expect(await journal.calls('r')).toHaveLength(1);
  });

  test('calls settle once, and are numbered in the order of their commits', async () => {
    const { journal, reopen } = await openAtNoon();
    await journal.issue('r', [aCall('a'), aCall('b'), aCall('c')]);
    const numbers = await Promise.all([
      journal.settle('r', 'c', { kind: 'value', value: { deep: [null, 1.5, 'x'] } }),
      journal.settle('r', 'a', { kind: 'null', cause: 'refused' }),
      journal.settle('r', 'c', { kind: 'throw', message: 'too late' }),
    ]);
    expect(numbers).toEqual([1, 2, 1]);
    const reopened = await reopen();
    expect(await reopened.settle('r', 'a', { kind: 'value', value: 'too late' })).toBe(2);
    expect(await reopened.settle('r', 'b', { kind: 'throw', message: 'no reply met the schema' })).toBe(3);
    const at = noon.toISOString();
    const first = { ...aCall('c'), seq: 1, outcome: { kind: 'value', value: { deep: [null, 1.5, 'x'] } }, at };
    const second = { ...aCall('a'), seq: 2, outcome: { kind: 'null', cause: 'refused' }, at };
    const third = { ...aCall('b'), seq: 3, outcome: { kind: 'throw', message: 'no reply met the schema' }, at };
    expect(await reopened.settled('r', 0)).toEqual([first, second, third]);
    expect(await reopened.settled('r', 2)).toEqual([third]);
    expect(await reopened.call('r', 'a')).toEqual({ ...aCall('a'), settled: { seq: 2, outcome: second.outcome, at } });
  });

  test('commit numbers count for each run by itself', async () => {
    const { journal } = await openAtNoon();
    for (const run of ['r', 's']) await journal.issue(run, [aCall('a')]);
    expect(await journal.settle('r', 'a', { kind: 'value', value: 1 })).toBe(1);
    expect(await journal.settle('s', 'a', { kind: 'value', value: 1 })).toBe(1);
  });

  test('a verb that is refused takes none of its neighbours down', async () => {
    const { journal } = await openAtNoon();
    const [before, refused, after] = await Promise.allSettled([
      journal.append('r', [{ type: 'log', text: 'before' }]),
      journal.settle('r', 'never issued', { kind: 'value', value: null }),
      journal.append('r', [{ type: 'log', text: 'after' }]),
    ]);
    expect(before.status).toBe('fulfilled');
    expect(after.status).toBe('fulfilled');
    expect(refused).toMatchObject({ status: 'rejected', reason: { kind: 'journal', message: expect.stringContaining('never issued') } });
    expect((await journal.events('r')).map(({ event }) => event.type === 'log' && event.text)).toEqual(['before', 'after']);
  });

  test('an append that contradicts the record leaves nothing of itself behind', async () => {
    const { journal } = await openAtNoon();
    const told: StoredEvent[] = [];
    journal.watch(null, (event) => told.push(event));
    const refused = journal.append('r', [
      { type: 'log', text: 'part of the refused' },
      { type: 'effect.done', key: 'never intended', result: null },
    ]);
    await expect(refused).rejects.toMatchObject({ kind: 'journal', message: expect.stringContaining('contradicts') });
    expect(await journal.events('r')).toEqual([]);
    expect(told).toEqual([]);
  });

  test('turns are kept once each, with their edits, in order', async () => {
    const { journal, reopen } = await openAtNoon();
    const overlay = [
      { path: 'a.ts', mode: '100755', content: { utf8: 'ä\r\n' } },
      { path: 'b.bin', mode: '100644', content: { base64: '//79' } },
      { path: 'c.ts', deleted: true },
    ] as const;
    const turns: readonly TurnRecord[] = [
      { n: 0, part: 'response', data: { content: [] }, overlay: [] },
      { n: 0, part: 'results', data: [1], overlay },
      { n: 1, part: 'response', data: 'text', overlay: [] },
    ];
    for (const turn of turns) await journal.checkpoint('r', 'x', turn);
    await journal.checkpoint('r', 'x', { n: 0, part: 'response', data: 'written twice', overlay: [] });
    await journal.checkpoint('r', 'y', { n: 0, part: 'response', data: 'of another', overlay: [] });
    expect(await (await reopen()).checkpoints('r', 'x')).toEqual(turns);
  });

  test('what tools answered is kept where its response is, however both are asked for', async () => {
    const { journal, reopen } = await openAtNoon();
    const turn = (n: number, part: TurnRecord['part'], data: string): TurnRecord => ({ n, part, data, overlay: [] });
    await journal.checkpoint('r', 'x', turn(0, 'response', 'first'));
    await Promise.all([
      journal.checkpoint('r', 'x', turn(0, 'results', 'of the first')),
      journal.checkpoint('r', 'x', turn(1, 'results', 'of none')),
      journal.checkpoint('r', 'y', turn(0, 'response', 'of another')),
      journal.checkpoint('r', 'y', turn(0, 'results', 'of the same')),
    ]);
    const again = await reopen();
    expect(await again.checkpoints('r', 'x')).toEqual([turn(0, 'response', 'first'), turn(0, 'results', 'of the first')]);
    expect(await again.checkpoints('r', 'y')).toEqual([turn(0, 'response', 'of another'), turn(0, 'results', 'of the same')]);
  });

  test('a signal is kept once, whether or not somebody waits', async () => {
    const { journal, reopen } = await openAtNoon();
    const approve = { id: '11', name: 'approve', by: 'mona', text: 'abc' };
    const stop = { id: '9', name: 'stop', by: 'mona', text: '' };
    expect(await journal.signal('r', approve)).toBe(true);
    expect(await journal.signal('r', stop)).toBe(true);
    expect(await journal.signal('r', { ...approve, text: 'again' })).toBe(false);
    expect(await (await reopen()).signals('r')).toEqual([approve, stop]);
  });

  test('an intent found again is an unknown outcome until it is done', async () => {
    const { journal, reopen } = await openAtNoon();
    expect(await journal.intend('r', 'comment', { body: 'hi' })).toEqual({ fresh: true, done: false, result: null });
    expect(await journal.intend('r', 'comment', { body: 'hi' })).toEqual({ fresh: false, done: false, result: null });
    await journal.done('r', 'comment', { id: 5 });
    await journal.done('r', 'comment', { id: 6 });
    expect(await (await reopen()).intend('r', 'comment', { body: 'hi' })).toEqual({ fresh: false, done: true, result: { id: 5 } });
  });

  test('effects that were done since a time are found in all scopes, oldest first', async () => {
    let now = new Date('2026-11-22T11:00:00.000Z');
    const { journal, reopen } = await open(() => now);
    await journal.intend('r', 'early', { kind: 'comment' });
    await journal.intend('r', 'late', { kind: 'review' });
    await journal.intend('r', 'open', { kind: 'comment' });
    await journal.done('r', 'early', null);
    now = noon;
    await journal.intend('comment/4', 'reply', { kind: 'comment', number: 4 });
    await journal.done('comment/4', 'reply', { id: 1 });
    now = new Date('2026-11-22T12:30:00.000Z');
    await journal.done('r', 'late', { id: 2 });
    const late = { at: now.toISOString(), intent: { kind: 'review' } };
    const reply = { at: noon.toISOString(), intent: { kind: 'comment', number: 4 } };
    expect(await journal.doneSince('2026-11-22T12:00:00.000Z')).toEqual([reply, late]);
    expect(await (await reopen()).doneSince('2026-11-22T12:00:00.001Z')).toEqual([late]);
  });

  test('effects are told by scope, in order of their intents', async () => {
    const { journal } = await openAtNoon();
    await journal.intend('r', 'z', 1);
    await journal.intend('r', 'a', 2);
    await journal.intend('comment/4', 'a', 3);
    await journal.done('r', 'a', { id: 5 });
    expect(await journal.effects('r')).toEqual([
      { key: 'z', intent: 1, done: false, result: null },
      { key: 'a', intent: 2, done: true, result: { id: 5 } },
    ]);
    expect(await journal.effects('comment/4')).toEqual([{ key: 'a', intent: 3, done: false, result: null }]);
    await expect(journal.done('r', 'unknown', null)).rejects.toMatchObject({ kind: 'journal' });
  });

  test('spending is reserved up to the limit and no further', async () => {
    const { journal, reopen } = await openAtNoon();
    expect(await journal.reserve('r', aReservation('1', { amount: 600 }))).toEqual({ ok: true });
    const [second, third] = await Promise.all([
      journal.reserve('r', aReservation('2', { amount: 400 })),
      journal.reserve('r', aReservation('3', { amount: 1 })),
    ]);
    expect(second).toEqual({ ok: true });
    expect(third).toEqual({ ok: false, short: [{ account: 'run/r', measure: 'dollars', limit: 1000, spent: 0, reserved: 1000 }] });
    const usage = someUsage({ input: 10, output: 20, cacheRead: 30, cacheWrite5m: 40, cacheWrite1h: 50 });
    await journal.charge('r', { id: '1', amount: 250, usage, known: true });
    await journal.charge('r', { id: '1', amount: 999, usage, known: true });
    const reopened = await reopen();
    expect(await spendingOf(reopened, 'r')).toEqual({ spent: 250, reserved: 400, usage });
    expect(await reopened.openReservations('r')).toEqual([{ run: 'r', id: '2', amount: 400, owner: 'p1' }]);
    expect(await reopened.reserve('r', aReservation('4', { amount: 350 }))).toEqual({ ok: true });
    expect(await reopened.reserve('s', aReservation('1', { amount: 1000, accounts: [anAccount('s')] }))).toEqual({ ok: true });
  });

  test('money that is not whole, and charges that were never reserved, are refused', async () => {
    const { journal } = await openAtNoon();
    for (const amount of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      await expect(journal.reserve('r', aReservation('1', { amount }))).rejects.toMatchObject({ kind: 'journal' });
    }
    await expect(journal.charge('r', { id: '1', amount: 1, usage: someUsage(), known: true })).rejects.toMatchObject({ kind: 'journal' });
    await journal.reserve('r', aReservation('1'));
    await expect(journal.reserve('r', aReservation('1'))).rejects.toMatchObject({ kind: 'journal' });
    expect(await spendingOf(journal, 'r')).toEqual({ spent: 0, reserved: 100, usage: someUsage() });
    expect(await spendingOf(journal, 'elsewhere')).toEqual({ spent: 0, reserved: 0, usage: someUsage() });
  });

  test('a request counts against all of its accounts, and passes the limit of none', async () => {
    const { journal, reopen } = await openAtNoon();
    const month = { name: 'repository/octo/farm/2026-11', limits: { dollars: 1000, tokens: 100 } };
    const of = (run: string): readonly Account[] => [anAccount(run, { dollars: 900, turns: 2 }), month];
    expect(await journal.reserve('r', aReservation('1', { amount: 600, tokens: 60, accounts: of('r') }))).toEqual({ ok: true });
    expect(await journal.reserve('s', aReservation('1', { amount: 500, tokens: 50, accounts: of('s') }))).toEqual({
      ok: false,
      short: [
        { account: month.name, measure: 'dollars', limit: 1000, spent: 0, reserved: 600 },
        { account: month.name, measure: 'tokens', limit: 100, spent: 0, reserved: 60 },
      ],
    });
    expect(await journal.events('s')).toEqual([]);
    expect(await journal.balance('run/s')).toEqual(EMPTY_BALANCE);
    await journal.charge('r', { id: '1', amount: 100, usage: someUsage({ input: 3, output: 4, cacheRead: 5 }), known: true });
    expect(await journal.reserve('s', aReservation('1', { amount: 500, tokens: 50, accounts: of('s') }))).toEqual({ ok: true });
    expect(await journal.reserve('r', aReservation('2', { amount: 1, tokens: 1, accounts: of('r') }))).toEqual({ ok: true });
    expect(await journal.reserve('r', aReservation('3', { amount: 0, tokens: 0, accounts: of('r') }))).toEqual({
      ok: false,
      short: [{ account: 'run/r', measure: 'turns', limit: 2, spent: 1, reserved: 1 }],
    });
    const reopened = await reopen();
    expect(await reopened.balance('run/r')).toMatchObject({
      spent: { dollars: 100, tokens: 12, turns: 1, agents: 1 },
      reserved: { dollars: 1, tokens: 1, turns: 1 },
    });
    expect(await reopened.balance(month.name)).toMatchObject({
      spent: { dollars: 100, tokens: 12, turns: 1, agents: 2 },
      reserved: { dollars: 501, tokens: 51, turns: 2 },
      usage: someUsage({ input: 3, output: 4, cacheRead: 5 }),
    });
  });

  test('of many that ask at the same moment, from many runs, as many get room in a common account as there is', async () => {
    const { journal } = await openAtNoon();
    const month = { name: 'installation/2026-11', limits: { dollars: 1000 } };
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, n) =>
        journal.reserve(`r${n % 8}`, aReservation(`${n}`, { amount: 130, accounts: [anAccount(`r${n % 8}`), month] })),
      ),
    );
    expect(answers.filter(({ ok }) => ok)).toHaveLength(7);
    expect((await journal.balance(month.name)).reserved.dollars).toBe(910);
  });

  test('usage that was never learned counts as all that was reserved, and what was refused as nothing', async () => {
    const { journal } = await openAtNoon();
    for (const id of ['lost', 'refused', 'open']) await journal.reserve('r', aReservation(id));
    await journal.charge('r', { id: 'lost', amount: 100, usage: someUsage(), known: false });
    await journal.charge('r', { id: 'refused', amount: 0, usage: someUsage(), known: true });
    const { spent, reserved } = await journal.balance('run/r');
    expect({ spent, reserved }).toEqual({
      spent: { ...NO_AMOUNTS, dollars: 100, tokens: 10, turns: 1, agents: 1 },
      reserved: { ...NO_AMOUNTS, dollars: 100, tokens: 10, turns: 1 },
    });
  });

  test('an agent counts once, with its first request; at the limit no other begins, and who has begun goes on', async () => {
    const { journal, reopen } = await openAtNoon();
    const month = { name: 'installation/2026-11', limits: { agents: 2 } };
    const asks = (journal: Journal, id: string, run: string, agent: string): ReturnType<Journal['reserve']> =>
      journal.reserve(run, aReservation(id, { agent, amount: 1, accounts: [anAccount(run), month] }));
    expect(await asks(journal, '1', 'r', 'x')).toEqual({ ok: true });
    // Refused by the service: it has begun all the same.
    await journal.charge('r', { id: '1', amount: 0, usage: someUsage(), known: true });
    expect(await asks(journal, '2', 'r', 'x')).toEqual({ ok: true });
    // The same name in another run is another agent.
    expect(await asks(journal, '3', 's', 'x')).toEqual({ ok: true });
    const short = { ok: false, short: [{ account: month.name, measure: 'agents', limit: 2, spent: 2, reserved: 0 }] };
    expect(await asks(journal, '4', 's', 'y')).toEqual(short);
    const reopened = await reopen();
    expect(await asks(reopened, '4', 's', 'y')).toEqual(short);
    expect(await asks(reopened, '5', 'r', 'x')).toEqual({ ok: true });
    expect((await reopened.balance(month.name)).spent.agents).toBe(2);
    expect((await reopened.balance('run/r')).spent.agents).toBe(1);
  });

  test('of many agents that begin at the same moment, in many runs, as many do as a common account has room for', async () => {
    const { journal } = await openAtNoon();
    const month = { name: 'installation/2026-11', limits: { agents: 7 } };
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, n) =>
        journal.reserve(`r${n % 8}`, aReservation(`${n}`, { agent: `a${n}`, amount: 1, accounts: [anAccount(`r${n % 8}`), month] })),
      ),
    );
    expect(answers.filter(({ ok }) => ok)).toHaveLength(7);
    expect((await journal.balance(month.name)).spent.agents).toBe(7);
  });

  test('hours of runs count from the approval on, not while they pause, and each in its month', async () => {
    const HOUR = 3_600_000;
    let now = Date.UTC(2026, 10, 30, 20);
    const { journal, reopen } = await open(() => new Date(now));
    const approved = { type: 'step.done', step: 'fresh#1', result: { kind: 'fresh' } } as const;
    const paused = { type: 'run.paused', reason: 'person', message: '' } as const;
    for (const run of ['r', 's']) await journal.start({ run, trigger: run, event: STARTED });
    const accountsOf = (run: string, limits: AccountLimits): readonly Account[] => [
      anAccount(run),
      { name: `installation/${new Date(now).toISOString().slice(0, 7)}`, limits },
    ];
    let id = 0;
    const asks = (run: string, limits: AccountLimits = {}): ReturnType<Journal['reserve']> =>
      journal.reserve(run, aReservation(`${(id += 1)}`, { amount: 1, accounts: accountsOf(run, limits) }));
    const hoursOf = async (account: string, of: Journal = journal): Promise<number> => (await of.balance(account)).spent.hours / HOUR;

    // Planning is no work.
    now += HOUR;
    await asks('r');
    expect(await hoursOf('run/r')).toBe(0);
    await journal.append('r', [approved]);
    await journal.append('s', [approved]);
    now += 2 * HOUR;
    await asks('r');
    expect([await hoursOf('run/r'), await hoursOf('run/s'), await hoursOf('installation/2026-11')]).toEqual([2, 0, 2]);
    // Past midnight: an hour of it belongs to November.
    now += 3 * HOUR;
    await journal.append('r', [paused]);
    now += 5 * HOUR;
    await journal.append('r', [{ type: 'run.resumed' }]);
    now += HOUR;
    await journal.append('r', [{ type: 'run.ended', status: 'completed', why: '', ledger: [] }]);
    expect([await hoursOf('installation/2026-11'), await hoursOf('installation/2026-12')]).toEqual([3, 3]);
    expect(await hoursOf('repository/octo/farm/2026-12')).toBe(3);
    // What nobody has counted yet of the run that asks, eleven hours, of which eight are December's, is asked as well.
    expect(await asks('s', { hours: 11 * HOUR })).toEqual({
      ok: false,
      short: [{ account: 'installation/2026-12', measure: 'hours', limit: 11 * HOUR, spent: 11 * HOUR, reserved: 0 }],
    });
    expect(await hoursOf('run/s')).toBe(0);
    expect(await asks('s', { hours: 11 * HOUR + 1 })).toEqual({ ok: true });
    // A clock that was set back counts nothing, and nothing twice.
    now -= HOUR;
    await asks('s');
    now += HOUR;
    await asks('s');
    const reopened = await reopen();
    expect([await hoursOf('run/r', reopened), await hoursOf('run/s', reopened)]).toEqual([6, 11]);
    expect([await hoursOf('installation/2026-11', reopened), await hoursOf('installation/2026-12', reopened)]).toEqual([6, 11]);
  });

  test('open reservations are told by run, or of all, with who made them', async () => {
    const { journal } = await openAtNoon();
    await journal.reserve('r', aReservation('1', { owner: 'p2' }));
    await journal.reserve('s', aReservation('2', { accounts: [anAccount('s')] }));
    // As versions with one process wrote it.
    await journal.append('r', [{ type: 'spend.reserved', id: '0', amount: 7, limit: 1000, agent: 'a', phase: '', model: 'm' }]);
    const ofR = [
      { run: 'r', id: '1', amount: 100, owner: 'p2' },
      { run: 'r', id: '0', amount: 7, owner: null },
    ];
    expect(await journal.openReservations('r')).toEqual(ofR);
    expect(await journal.openReservations(null)).toEqual([ofR[0], { run: 's', id: '2', amount: 100, owner: 'p1' }, ofR[1]]);
    expect((await spendingOf(journal, 'r')).reserved).toBe(107);
  });

  test('a delivery counts as known when it was processed, not when it was seen', async () => {
    const { journal, reopen } = await openAtNoon();
    expect(await journal.receive('1', { body: '/workflow help' })).toBe(true);
    expect(await journal.receive('2', { body: '/workflow stop' })).toBe(true);
    expect(await journal.receive('1', { body: 'delivered again' })).toBe(true);
    await journal.processed('2');
    const reopened = await reopen();
    expect(await reopened.received()).toEqual([{ id: '1', payload: { body: '/workflow help' } }]);
    expect(await reopened.receive('2', { body: '/workflow stop' })).toBe(false);
    expect(await reopened.received()).toHaveLength(1);
  });
}
