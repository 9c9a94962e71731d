import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { onlyOwner, openSpending, settleLeftReservations, type Reserved, type Spending } from '../../src/agents/spending.ts';
import { priceOf } from '../../src/agents/models.ts';
import { openAllowances, type Allowances } from '../../src/allowances.ts';
import { NO_AMOUNTS } from '../../src/domain/account.ts';
import { MICRO } from '../../src/domain/budget.ts';
import { Suspended } from '../../src/domain/errors.ts';
import type { StoredEvent } from '../../src/domain/events.ts';
import { openSqliteJournal } from '../../src/journal/sqlite.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { STARTED, temporaryDirectory } from '../journal/support.ts';
import { bench, call, countTask, live, submit } from './support.ts';

/* Limits of a run, of its repository in a month and of all runs in a month, with what is random in life: costs, sizes, order, broken streams, crashes, raises. */

const MODEL = 'claude-sonnet-5-5';
const NOW = new Date('2026-11-22T12:00:00.000Z');
const RUNS = ['a', 'b', 'c'];
const repositoryOf = (run: string): string => (run === 'c' ? 'barn' : 'farm');

interface Ceilings {
  readonly runs: readonly number[];
  readonly repository: number;
  readonly month: number;
}

/** Counts by itself, from the events alone, what each account came to at each commit. */
class Audit {
  readonly #limits: Map<string, number>;
  readonly #sums = new Map<string, number>();
  readonly #open = new Map<string, { readonly amount: number; readonly accounts: readonly string[] }>();
  readonly passed: string[] = [];
  charges = 0;

  constructor({ runs, repository, month }: Ceilings) {
    this.#limits = new Map([
      ...RUNS.map((run, at) => [`run/${run}`, runs[at] ?? 0] as const),
      ['repository/octo/farm/2026-11', repository],
      ['repository/octo/barn/2026-11', repository],
      ['installation/2026-11', month],
    ]);
  }

  hear({ scope, event }: StoredEvent): void {
    if (event.type === 'run.amended' && event.amendment.kind === 'budget') {
      const account = `run/${scope}`;
      this.#limits.set(account, (this.#limits.get(account) ?? 0) + event.amendment.add);
    }
    if (event.type === 'spend.reserved') {
      this.#open.set(event.id, { amount: event.amount, accounts: event.accounts ?? [] });
      expect(event.accounts).toEqual([`run/${scope}`, `repository/octo/${repositoryOf(scope)}/2026-11`, 'installation/2026-11']);
      this.#add(event.accounts ?? [], event.amount);
    }
    if (event.type === 'spend.charged') {
      const asked = this.#open.get(event.id);
      this.charges += event.amount;
      this.#add(asked?.accounts ?? [], event.amount - (asked?.amount ?? 0));
    }
  }

  #add(accounts: readonly string[], amount: number): void {
    for (const account of accounts) {
      const sum = (this.#sums.get(account) ?? 0) + amount;
      this.#sums.set(account, sum);
      const limit = this.#limits.get(account) ?? -1;
      if (sum > limit) this.passed.push(`${account}: ${sum} of ${limit}`);
    }
  }
}

/** One life of the process, on a journal that outlives it. */
class Life {
  readonly journal: Journal;
  readonly #spending: Spending;
  readonly #stop = new AbortController();
  readonly #waiting: Promise<void>[] = [];
  readonly inFlight: Reserved[] = [];
  /** Nobody waits for them while the process lives on. */
  readonly endings: Promise<unknown>[] = [];
  paused = 0;
  #ended = 0;

  private constructor(journal: Journal, spending: Spending) {
    this.journal = journal;
    this.#spending = spending;
  }

  static async begin(directory: string, { repository, month }: Ceilings, audit: Audit): Promise<Life> {
    const journal = await openSqliteJournal({ directory, clock: () => NOW });
    journal.watch(null, (event) => audit.hear(event));
    const operator = { repositoryMonth: { dollars: repository }, month: { dollars: month } };
    const allowances: Allowances = openAllowances({ journal, operator, now: () => NOW });
    const owner = onlyOwner();
    await settleLeftReservations(journal, null, owner);
    const life = new Life(journal, openSpending({ journal, allowanceOf: (run) => allowances.of(run), owner }));
    for (const run of RUNS) if ((await journal.events(run)).length > 0) await allowances.follow(run);
    return life;
  }

  ask(run: string, inputTokens: number, maxTokens: number): void {
    const wanted = { run, agent: 'x', phase: '', model: MODEL, inputTokens, maxTokens, atLeast: Math.min(maxTokens, 8000) };
    const take = async (): Promise<void> => {
      try {
        this.inFlight.push(await this.#spending.reserve(wanted, this.#stop.signal));
      } catch (error) {
        expect(error).toBeInstanceOf(Suspended);
        this.paused += 1;
      }
      this.#ended += 1;
    };
    this.#waiting.push(take());
  }

  /** The process is killed: nobody hears of what is in flight again. */
  async kill(): Promise<void> {
    this.#stop.abort();
    await this.journal.close();
    await Promise.allSettled([...this.#waiting, ...this.endings]);
  }

  async drain(): Promise<void> {
    while (this.#ended < this.#waiting.length || this.inFlight.length > 0) {
      await this.inFlight.pop()?.chargeInFull();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(this.endings);
  }
}

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('ask' as const),
      run: fc.nat(2),
      input: fc.integer({ min: 1, max: 20_000 }),
      most: fc.integer({ min: 1, max: 64_000 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('end' as const),
      pick: fc.nat(),
      how: fc.constantFrom('answered' as const, 'broken' as const, 'refused' as const),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('raise' as const), run: fc.nat(2), add: fc.integer({ min: 1, max: MICRO }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('kill' as const) }) },
);
const ceiling = fc.integer({ min: 50_000, max: 2 * MICRO });

test('no account ever passes its limit: run, repository or all runs, at no commit, over crashes and raises', async () => {
  let asked = 0;
  let paused = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.record({ runs: fc.tuple(ceiling, ceiling, ceiling), repository: ceiling, month: ceiling }),
      fc.array(step, { minLength: 5, maxLength: 60 }),
      async (ceilings, steps) => {
        const directory = temporaryDirectory();
        const audit = new Audit(ceilings);
        let life = await Life.begin(directory, ceilings, audit);
        for (const [at, run] of RUNS.entries()) {
          const { place, settings } = STARTED;
          const limits = { ...settings.limits, budget: ceilings.runs[at] ?? 0 };
          const event = { ...STARTED, place: { ...place, repo: repositoryOf(run) }, settings: { ...settings, limits } };
          await life.journal.start({ run, trigger: run, event });
        }
        await life.kill();
        life = await Life.begin(directory, ceilings, audit);
        for (const [n, act] of steps.entries()) {
          const run = 'run' in act ? (RUNS[act.run] ?? 'a') : 'a';
          if (act.kind === 'ask') {
            asked += 1;
            life.ask(run, act.input, act.most);
          }
          if (act.kind === 'raise') {
            const amendment = { kind: 'budget', add: act.add } as const;
            await life.journal.append(run, [{ type: 'run.amended', id: String(n), by: 'mona', amendment, hash: '' }]);
          }
          if (act.kind === 'end') {
            const [one] = life.inFlight.splice(act.pick % Math.max(1, life.inFlight.length), 1);
            if (act.how === 'broken' && one !== undefined) life.endings.push(one.chargeInFull());
            if (act.how === 'refused' && one !== undefined) life.endings.push(one.release());
            const output = Math.floor((one?.maxTokens ?? 0) * act.share);
            if (act.how === 'answered') await one?.charge({ input: 1, output, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 });
          }
          if (act.kind === 'kill') {
            await life.kill();
            paused += life.paused;
            life = await Life.begin(directory, ceilings, audit);
            expect(await life.journal.openReservations(null)).toEqual([]);
          }
        }
        await life.drain();
        paused += life.paused;
        expect(audit.passed).toEqual([]);
        const total = await life.journal.balance('installation/2026-11');
        expect(total).toMatchObject({ spent: { dollars: audit.charges }, reserved: { dollars: 0, tokens: 0, turns: 0 } });
        expect(audit.charges).toBeLessThanOrEqual(ceilings.month);
        await life.journal.close();
      },
    ),
    { numRuns: 40 },
  );
  // Both happened, else it says nothing.
  expect(paused).toBeGreaterThan(20);
  expect(paused).toBeLessThan(asked);
}, 120_000);

test('a run of $5 with 16 at once gets its work done, and is not paused before its time', async () => {
  const output = 1500;
  const { agents, server, journal } = await bench(
    (seen) => ({
      ...(seen.body.messages.length < 5 ? call('glob', { pattern: '*' }) : submit({ count: 1 })),
      usage: { output_tokens: output },
    }),
    { budget: 5 * MICRO, concurrency: 16 },
  );
  const tasks = Array.from({ length: 48 }, (_, n) =>
    countTask({ id: `a${n}`, tools: ['glob'], limits: { turns: 6, seconds: 600, budget: 5 * MICRO } }),
  );
  const ends = await Promise.all(tasks.map((task) => agents.submit(task, live())));
  expect(ends.filter(({ ending }) => ending !== 'done')).toEqual([]);
  expect(server.seen).toHaveLength(48 * 3);
  const { spent, reserved } = await journal.balance('run/run-1');
  expect(spent.dollars).toBe(48 * 3 * priceOf(MODEL, { input: 100, output, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 }));
  expect(spent.dollars).toBeLessThanOrEqual(5 * MICRO);
  // Sixteen at their worst would not have fitted: some asked for less, or waited.
  expect(spent.turns).toBe(48 * 3);
  expect(reserved).toEqual(NO_AMOUNTS);
  expect(spent.agents).toBe(48);
});

test('requests of other runs are waited for while what they give back may be enough, and not a moment longer', async () => {
  const ceilings = { runs: [MICRO, MICRO, MICRO], repository: MICRO, month: 380_000 };
  const audit = new Audit(ceilings);
  const directory = temporaryDirectory();
  let life = await Life.begin(directory, ceilings, audit);
  for (const run of RUNS)
    await life.journal.start({ run, trigger: run, event: { ...STARTED, place: { ...STARTED.place, repo: repositoryOf(run) } } });
  await life.kill();
  life = await Life.begin(directory, ceilings, audit);
  const settledIn = async (ready: () => boolean): Promise<void> => {
    while (!ready()) await new Promise((resolve) => setImmediate(resolve));
  };
  life.ask('a', 1000, 32_000);
  await settledIn(() => life.inFlight.length === 1);
  life.ask('c', 10_000, 32_000);
  const order: string[] = [];
  life.journal.watch(null, ({ scope, event }) => order.push(`${scope} ${event.type}`));
  await life.inFlight.shift()?.release();
  await settledIn(() => life.inFlight.length === 1);
  expect(life.paused).toBe(0);
  await life.inFlight.shift()?.chargeInFull();
  expect(order).toEqual(['a spend.charged', 'c spend.reserved', 'c spend.charged']);
  // Too little is left of the month for anybody now, and nobody is in flight.
  life.ask('b', 30_000, 32_000);
  await settledIn(() => life.paused === 1);
  expect(audit.passed).toEqual([]);
  await life.journal.close();
});

test('a run does not pause while a request of its own is in flight, even when nothing that comes back can be enough', async () => {
  const ceilings = { runs: [500_000, MICRO, MICRO], repository: 5 * MICRO, month: 5 * MICRO };
  const directory = temporaryDirectory();
  let life = await Life.begin(directory, ceilings, new Audit(ceilings));
  const limits = { ...STARTED.settings.limits, budget: 500_000 };
  await life.journal.start({ run: 'a', trigger: 'a', event: { ...STARTED, settings: { ...STARTED.settings, limits } } });
  await life.kill();
  life = await Life.begin(directory, ceilings, new Audit(ceilings));
  const commits = async (): Promise<void> => {
    // More commits than two attempts to reserve take.
    for (let n = 0; n < 10; n++) await life.journal.append('other', [{ type: 'log', text: 'passes the time' }]);
  };
  life.ask('a', 1000, 32_000);
  await commits();
  await life.inFlight.shift()?.chargeInFull();
  life.ask('a', 1000, 10_000);
  await commits();
  expect(life.inFlight).toHaveLength(1);
  life.ask('a', 30_000, 32_000);
  await commits();
  expect(life.paused).toBe(0);
  await life.inFlight.shift()?.chargeInFull();
  await commits();
  expect(life.paused).toBe(1);
  await life.journal.close();
});

test('a run that has worked its hours, or all runs those of the month, asks for nothing more; raised, it goes on', async () => {
  const HOUR = 3_600_000;
  let now = NOW.getTime();
  const journal = await openSqliteJournal({ directory: temporaryDirectory(), clock: () => new Date(now) });
  const month: { hours?: number } = {};
  const allowances = openAllowances({ journal, operator: { repositoryMonth: {}, month }, now: () => new Date(now) });
  const spending = openSpending({ journal, allowanceOf: (run) => allowances.of(run), owner: onlyOwner() });
  const limits = { ...STARTED.settings.limits, hours: 2 };
  await journal.start({ run: 'a', trigger: 'a', event: { ...STARTED, settings: { ...STARTED.settings, limits } } });
  await allowances.follow('a');
  const wanted = { run: 'a', agent: 'x', phase: '', model: MODEL, inputTokens: 1, maxTokens: 10, atLeast: 10 };
  const ask = async (): Promise<string> => {
    try {
      await (await spending.reserve(wanted, new AbortController().signal)).release();
      return 'asked';
    } catch (error) {
      return error instanceof Suspended ? `${error.reason}: ${error.message}` : 'failed';
    }
  };
  now += 5 * HOUR;
  expect(await ask()).toBe('asked');
  await journal.append('a', [{ type: 'step.done', step: 'fresh#1', result: { kind: 'fresh' } }]);
  now += 2 * HOUR - 1;
  expect(await ask()).toBe('asked');
  now += 1;
  expect(await ask()).toMatch(/^budget: 2 hours of the run's limit of 2 hours are used\. All work is kept\./u);
  const amendment = { kind: 'budget', add: 0, hours: 1 } as const;
  await journal.append('a', [{ type: 'run.amended', id: '1', by: 'mona', amendment, hash: '' }]);
  expect(await ask()).toBe('asked');
  month.hours = 2.5 * HOUR;
  now += HOUR / 2;
  expect(await ask()).toMatch(/^budget: 2\.5 hours of this Converge's 2026-11 limit of 2\.5 hours are used\..*`MAX_HOURS_PER_MONTH`/u);
  await journal.close();
});
