import { type ChildProcess, spawn } from 'node:child_process';
import { connect, createServer, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { callHandler } from '../../src/engine/call-handler.ts';
import { openCarrying } from '../../src/engine/carry.ts';
import { openHoldings } from '../../src/engine/holdings.ts';
import { openBoss, QUEUE_SCHEMA } from '../../src/engine/pg-boss.ts';
import { openLiveness } from '../../src/journal/postgres-liveness.ts';
import { openPostgresJournal } from '../../src/journal/postgres.ts';
import { STARTED } from '../journal/support.ts';
import { POSTGRES_HERE, startPostgres, type TestPostgres } from '../postgres.ts';
import { quiet } from './quiet.ts';

const RUN = 'r1';

interface Sleepy {
  readonly child: ChildProcess;
  /** Resolves when it has printed that. */
  says(text: string): Promise<void>;
}

function sleepy(url: string, name: string): Sleepy {
  const child = spawn(process.execPath, [fileURLToPath(new URL('sleepy-worker.ts', import.meta.url)), url, name], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let text = '';
  let woken = Promise.withResolvers<void>();
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
    woken.resolve();
    woken = Promise.withResolvers<void>();
  });
  return {
    child,
    says: async (wanted) => {
      while (!text.includes(wanted)) await woken.promise;
    },
  };
}

describe.skipIf(!POSTGRES_HERE)('workers on one Postgres', () => {
  let postgres: TestPostgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(async () => {
    await postgres.stop();
  });

  const open = async (keys: readonly string[]) => {
    const url = await postgres.database();
    const journal = await openPostgresJournal({ url });
    onTestFinished(() => journal.close());
    await journal.start({ run: RUN, trigger: 't', event: STARTED });
    await journal.issue(
      RUN,
      keys.map((key) => ({ key, kind: 'migrate', label: key, phase: '', input: {}, args: [] })),
    );
    return { url, journal };
  };

  test('a worker that is stopped loses its call within 30 seconds; when it goes on, it writes nothing', async () => {
    const { url, journal } = await open(['a']);
    const boss = await openBoss({ url, log: quiet });
    onTestFinished(() => boss.close());
    const dispatch = await boss.queue('call');
    const stalled = sleepy(url, 'stalled');
    await stalled.says('stalled works');
    await dispatch.push(RUN, ['a']);
    await stalled.says('stalled began a');
    stalled.child.kill('SIGSTOP');
    const stoppedAt = Date.now();
    const heir = sleepy(url, 'heir');
    await heir.says('heir began a');
    expect(Date.now() - stoppedAt).toBeLessThan(30_000);
    stalled.child.kill('SIGCONT');
    stalled.child.stdin?.write('now\n');
    await stalled.says('stalled was refused: Suspended');
    heir.child.stdin?.write('now\n');
    await heir.says('heir wrote');
    const settled = new Promise<void>((resolve) => {
      journal.watch(RUN, ({ event }) => {
        if (event.type === 'call.settled') resolve();
      });
    });
    if ((await journal.call(RUN, 'a'))?.settled === null) await settled;
    expect((await journal.call(RUN, 'a'))?.settled?.outcome).toEqual({ kind: 'value', value: 'heir' });
    const logs = (await journal.events(RUN)).flatMap(({ event }) => (event.type === 'log' ? [event.text] : []));
    expect(logs).toEqual(['heir wrote']);
  }, 60_000);

  test('the queue can be dropped: what is not done is pushed again from the journal', async () => {
    const keys = ['a', 'b', 'c'];
    const { url, journal } = await open(keys);
    const take = async (name: string) => {
      const boss = await openBoss({ url, log: quiet });
      const dispatch = await boss.queue(name);
      const workers = (): Promise<number> => boss.workers(name);
      const { signal } = new AbortController();
      const carrying = openCarrying({ run: RUN, journal, dispatch, limit: 8, signal, workers, log: quiet });
      const perform = (): Promise<never> => Promise.reject(new Error('for workers'));
      // As a replay does: what is settled is not carried.
      const left = (await journal.calls(RUN)).filter(({ settled }) => settled === null);
      const all = left.map(({ key, kind }) => carrying.carry({ run: RUN, key, kind, args: [], perform }));
      for (const one of all) one.catch(() => undefined);
      return { boss, dispatch, carrying, all };
    };
    const before = await take('call');
    const client = new Client({ connectionString: url });
    await client.connect();
    const jobs = async (): Promise<number> => (await client.query(`SELECT id FROM ${QUEUE_SCHEMA}.job WHERE name = 'call'`)).rows.length;
    while ((await jobs()) < keys.length) await new Promise((resolve) => setImmediate(resolve));
    await journal.settle(RUN, 'a', { kind: 'value', value: 'before' });
    before.carrying.close();
    await before.boss.close();
    await client.query(`DROP SCHEMA ${QUEUE_SCHEMA} CASCADE`);
    await client.end();

    const after = await take('call');
    onTestFinished(() => after.boss.close());
    const delivered: string[] = [];
    await after.dispatch.work(2, async ({ key }) => {
      delivered.push(key);
      await journal.settle(RUN, key, { kind: 'value', value: 'after' });
    });
    await Promise.all(after.all);
    after.carrying.close();
    expect(delivered.toSorted((a, b) => a.localeCompare(b))).toEqual(['b', 'c']);
  });

  test('a run that is stopped has no call begun, and those at work are let go', async () => {
    const { url, journal } = await open(['a', 'b']);
    const boss = await openBoss({ url, log: quiet });
    onTestFinished(() => boss.close());
    const begun = Promise.withResolvers<void>();
    const entered: string[] = [];
    const handler = callHandler({
      journal,
      holdings: openHoldings(journal),
      dispatch: await boss.queue('call'),
      owner: 'one',
      settleLeft: () => Promise.resolve(),
      enter: async () => ({
        prepare: async (_kind, _args, { signal }) => ({
          label: '',
          phase: '',
          identity: {},
          perform: async (key) => {
            entered.push(key);
            begun.resolve();
            await new Promise((resolve) => signal.addEventListener('abort', resolve));
            throw new Error('let go');
          },
        }),
      }),
      log: quiet,
    });
    const delivery = { run: RUN, number: 1, signal: new AbortController().signal, complete: () => Promise.resolve() };
    const first = handler({ ...delivery, key: 'a' });
    await begun.promise;
    await journal.signal(RUN, { id: '1', name: 'stop', by: 'robin', text: 'deliver' });
    await first;
    await handler({ ...delivery, key: 'b' });
    expect(entered).toEqual(['a']);
  });

  test('a process is dead when its lock is free', async () => {
    const url = await postgres.database();
    const [one, two] = await Promise.all([openLiveness(url, 'one'), openLiveness(url, 'two')]);
    onTestFinished(() => one.close());
    expect([await one.isDead('one'), await one.isDead('two'), await one.isDead('nobody')]).toEqual([false, false, true]);
    await two.close();
    expect(await one.isDead('two')).toBe(true);
  });

  test('a lock whose connection is refused for a while is asked for again twice a second, by one loop', async () => {
    const url = new URL(await postgres.database());
    const upstream = { host: url.hostname, port: Number(url.port) };
    const sockets = new Set<Socket>();
    const refusedAt: number[] = [];
    let refusals = 0;
    const relay = createServer((socket) => {
      if (refusals > 0) {
        refusals -= 1;
        refusedAt.push(Date.now());
        socket.destroy();
        return;
      }
      const onward = connect(upstream);
      for (const each of [socket, onward]) sockets.add(each.on('error', () => undefined));
      socket.pipe(onward).pipe(socket);
    });
    await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void relay.close());
    const address = relay.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const two = await openLiveness(url.href, 'two');
    onTestFinished(() => two.close());
    url.port = String(address.port);
    const one = await openLiveness(url.href, 'one');
    onTestFinished(() => one.close());
    refusals = 4;
    for (const socket of sockets) socket.destroy();
    await expect.poll(() => refusals, { timeout: 10_000 }).toBe(0);
    await expect.poll(() => two.isDead('one'), { timeout: 10_000 }).toBe(false);
    const waits = refusedAt.slice(1).map((at, index) => at - (refusedAt[index] ?? 0));
    expect(waits.filter((wait) => wait < 400)).toEqual([]);
  });
});
