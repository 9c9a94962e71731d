import { array, assert, infiniteStream, integer, nat, property } from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Carrying, type CarryParts, openCarrying } from '../../src/engine/carry.ts';
import type { Dispatch, Handler } from '../../src/engine/dispatch.ts';
import { openInProcess } from '../../src/engine/in-process.ts';
import { ReleaseWindow } from '../../src/engine/release-window.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { openSqliteJournal } from '../../src/journal/sqlite.ts';
import { STARTED, temporaryDirectory } from '../journal/support.ts';
import { quiet } from './quiet.ts';

const RUN = 'r1';

async function journalWith(keys: readonly string[], kind = 'migrate'): Promise<Journal> {
  const journal = await openSqliteJournal({ directory: temporaryDirectory() });
  onTestFinished(() => journal.close());
  await journal.start({ run: RUN, trigger: 't', event: STARTED });
  await journal.issue(
    RUN,
    keys.map((key) => ({ key, kind, label: key, phase: '', input: kind === 'review' ? { seats: ['a', 'b'] } : {}, args: [] })),
  );
  return journal;
}

interface Driving extends Partial<Pick<CarryParts, 'workers' | 'againMs'>> {
  readonly journal: Journal;
  readonly dispatch: Dispatch;
  readonly limit: number;
}

function drive({ journal, dispatch, limit, ...changes }: Driving): { readonly carrying: Carrying; readonly abort: AbortController } {
  const abort = new AbortController();
  const given = { workers: async () => 1, ...changes };
  const carrying = openCarrying({ run: RUN, journal, dispatch, limit, signal: abort.signal, log: quiet, ...given });
  onTestFinished(() => carrying.close());
  return { carrying, abort };
}

function take({ carry }: Carrying, key: string, kind = 'migrate'): Promise<void> {
  const perform = (): Promise<never> => Promise.reject(new Error('this call is for workers'));
  return carry({ run: RUN, key, kind, args: [], perform });
}

/** Workers that hold each call until it is let go, and count how many are at work. */
function workers(journal: Journal) {
  const state = { now: 0, most: 0 };
  const began: string[] = [];
  const gates = new Map<string, PromiseWithResolvers<void>>();
  const gate = (key: string): PromiseWithResolvers<void> => {
    const known = gates.get(key) ?? Promise.withResolvers<void>();
    gates.set(key, known);
    return known;
  };
  const handler: Handler = async ({ key }) => {
    if ((await journal.call(RUN, key))?.settled !== null) return;
    state.now += 1;
    state.most = Math.max(state.most, state.now);
    began.push(key);
    await gate(key).promise;
    state.now -= 1;
    await journal.settle(RUN, key, { kind: 'value', value: key });
  };
  return { state, began, handler, finish: (key: string) => gate(key).resolve() };
}

async function dispatchWith(handler: Handler): Promise<Dispatch> {
  const dispatch = openInProcess({ log: quiet });
  await dispatch.work(100, handler);
  return dispatch;
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
async function until(there: () => boolean): Promise<void> {
  while (!there()) await turn();
}

describe('calls at workers', () => {
  test('at most the window of the run, in order of issue; a call is over when the journal shows it settled', async () => {
    const keys = Array.from({ length: 12 }, (_, at) => `k${at}`);
    const journal = await journalWith(keys);
    const { state, began, handler, finish } = workers(journal);
    const { carrying } = drive({ journal, dispatch: await dispatchWith(handler), limit: 3 });
    const all = keys.map((key) => take(carrying, key));
    for (const [at, key] of keys.entries()) {
      await until(() => began.length >= Math.min(keys.length, at + 3));
      finish(key);
      await all[at];
    }
    expect(state.most).toBe(3);
    expect(began).toEqual(keys);
  });

  test('where no worker is at work it is told, once, in the record; and while there is one it is not', async () => {
    for (const there of [0, 1]) {
      const journal = await journalWith(['k']);
      const looks = Promise.withResolvers<void>();
      let asked = 0;
      const workers = async (): Promise<number> => {
        asked += 1;
        if (asked === 3) looks.resolve();
        return there;
      };
      const { carrying, abort } = drive({ journal, dispatch: openInProcess({ log: quiet }), limit: 1, workers, againMs: 1 });
      const lost = take(carrying, 'k').catch(() => undefined);
      const logs = async (): Promise<readonly string[]> =>
        (await journal.events(RUN)).flatMap(({ event }) => (event.type === 'log' ? [event.text] : []));
      if (there === 1) await looks.promise;
      else await expect.poll(logs, { timeout: 20_000 }).toEqual([expect.stringContaining('npm run worker')]);
      if (there === 1) expect(await logs()).toEqual([]);
      abort.abort();
      await lost;
    }
  });

  test('a driver that takes over fills its window with what is with the workers already', async () => {
    const keys = Array.from({ length: 6 }, (_, at) => `k${at}`);
    const journal = await journalWith(keys);
    const { state, began, handler, finish } = workers(journal);
    const dispatch = await dispatchWith(handler);
    const first = drive({ journal, dispatch, limit: 2 });
    const lost = keys.map((key) => take(first.carrying, key).catch((error: unknown) => error));
    await until(() => began.length === 2);
    finish('k0');
    await until(() => began.length === 3);
    first.abort.abort();
    first.carrying.close();
    expect((await Promise.all(lost)).filter((error) => error !== undefined)).toHaveLength(5);
    const second = drive({ journal, dispatch, limit: 2 });
    const rest = keys.slice(1).map((key) => take(second.carrying, key));
    for (const key of keys.slice(1)) finish(key);
    await Promise.all(rest);
    expect(state.most).toBe(2);
    expect(began).toEqual(keys);
  });

  test('what a worker could not go on with stops the run with its reason', async () => {
    const journal = await journalWith(['a', 'b']);
    const dispatch = await dispatchWith(async ({ key }) => {
      await journal.append(RUN, [{ type: 'call.suspended', key, reason: 'budget', message: 'no money left' }]);
    });
    const { carrying } = drive({ journal, dispatch, limit: 1 });
    const [first, second] = [take(carrying, 'a'), take(carrying, 'b')];
    await expect(first).rejects.toMatchObject({ name: 'Suspended', reason: 'budget', message: 'no money left' });
    await expect(second).rejects.toMatchObject({ name: 'Suspended', reason: 'budget' });
  });

  test('a worker that let go because of a pause is given the call again while the run goes on', async () => {
    const journal = await journalWith(['a']);
    let deliveries = 0;
    const dispatch = await dispatchWith(async ({ key }) => {
      deliveries += 1;
      if (deliveries === 1) await journal.append(RUN, [{ type: 'call.suspended', key, reason: 'person', message: 'paused' }]);
      else await journal.settle(RUN, key, { kind: 'value', value: null });
    });
    const push: Dispatch['push'] = async (run, keys) => {
      // As with pg-boss: the delivery ends after the event was seen.
      await turn();
      await turn();
      await dispatch.push(run, keys);
    };
    const { carrying } = drive({ journal, dispatch: { ...bound(dispatch), push }, limit: 1 });
    await take(carrying, 'a');
    expect(deliveries).toBe(2);
  });

  test('calls without a conversation stay with the driver', async () => {
    const journal = await journalWith(['a'], 'check');
    const { carrying } = drive({ journal, dispatch: openInProcess({ log: quiet }), limit: 1 });
    await carrying.carry({ run: RUN, key: 'a', kind: 'check', args: [], perform: () => Promise.resolve({ kind: 'value', value: 'here' }) });
    expect((await journal.call(RUN, 'a'))?.settled?.outcome).toEqual({ kind: 'value', value: 'here' });
  });

  test('a review weighs its reviewers', async () => {
    const journal = await journalWith(['a', 'b'], 'review');
    const { state, began, handler, finish } = workers(journal);
    const { carrying } = drive({ journal, dispatch: await dispatchWith(handler), limit: 3 });
    const all = [take(carrying, 'a', 'review'), take(carrying, 'b', 'review')];
    await until(() => began.length === 1);
    finish('a');
    finish('b');
    await Promise.all(all);
    expect(state.most).toBe(1);
  });
});

function bound(dispatch: Dispatch): Dispatch {
  return {
    push: (run, keys) => dispatch.push(run, keys),
    work: (slots, handler) => dispatch.work(slots, handler),
    cancel: (run, keys) => dispatch.cancel(run, keys),
    redeliver: (delivery, at) => dispatch.redeliver(delivery, at),
    close: () => dispatch.close(),
  };
}

test('a window never has more than its limit, keeps the order, and lets everything through in the end', () => {
  assert(
    property(
      array(integer({ min: 1, max: 6 }), { maxLength: 40 }),
      integer({ min: 1, max: 8 }),
      infiniteStream(nat()),
      (weights, limit, picks) => {
        const window = new ReleaseWindow(limit);
        const weightOf = new Map(weights.map((weight, at) => [`k${at}`, weight]));
        for (const [key, weight] of weightOf) window.enter({ key, weight });
        const order = [...window.release()];
        while (window.released.length > 0) {
          const held = window.released;
          const used = held.reduce((sum, key) => sum + (weightOf.get(key) ?? 0), 0);
          expect(used <= limit || held.length === 1).toBe(true);
          window.leave(held[(picks.next().value ?? 0) % held.length] ?? '');
          order.push(...window.release());
        }
        expect(order).toEqual([...weightOf.keys()]);
      },
    ),
  );
});
