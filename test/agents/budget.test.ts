import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { onlyOwner, openSpending, type Reserved, type Spending } from '../../src/agents/spending.ts';
import { priceOf, worstCost } from '../../src/agents/models.ts';
import { MICRO } from '../../src/domain/budget.ts';
import { Suspended } from '../../src/domain/errors.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { bench, call, countTask, live, openTestJournal, RUN, submit, textTask } from './support.ts';
import { aReservation, anAccount, anAllowance, spendingOf } from '../journal/support.ts';

const WANTED = { run: RUN, agent: 'a', phase: 'p', model: 'claude-sonnet-5-5', inputTokens: 10_000, maxTokens: 32_000, atLeast: 8000 };
const spendingWithin = (journal: Journal, dollars: number): Spending =>
  openSpending({ journal, allowanceOf: (run) => anAllowance(run, { dollars }), owner: onlyOwner() });
const usage = (output: number) => ({ input: 10_000, output, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 });

test('a request gets less when less is left, waits for others in flight, and pauses only when nothing is', async () => {
  const journal = await openTestJournal();
  const worst = worstCost(WANTED.model, 10_000, 32_000); // 360,000
  const spending = spendingWithin(journal, worst + worstCost(WANTED.model, 10_000, 9000));
  const first = await spending.reserve(WANTED, live());
  const second = await spending.reserve(WANTED, live());
  expect([first.maxTokens, second.maxTokens]).toEqual([32_000, 9000]);

  let third: Reserved | undefined;
  const waiting = spending.reserve(WANTED, live()).then((reserved) => (third = reserved));
  await second.charge(usage(9000));
  expect(third).toBeUndefined();
  await first.charge(usage(100));
  expect((await waiting).maxTokens).toBeGreaterThan(20_000);
  await third?.chargeInFull();

  const fourth = spending.reserve(WANTED, live());
  await expect(fourth).rejects.toBeInstanceOf(Suspended);
  await expect(fourth).rejects.toMatchObject({
    reason: 'budget',
    message: expect.stringMatching(
      /^\$0\.\d\d of the run's limit of \$0\.49 are used, and the next.*\/workflow budget \+\$N.*\/workflow stop/s,
    ),
  });
});

test('whoever waits for money stops when told to', async () => {
  const spending = spendingWithin(await openTestJournal(), 400_000);
  const held = await spending.reserve(WANTED, live());
  const stop = new AbortController();
  const waiting = spending.reserve(WANTED, stop.signal);
  stop.abort();
  await expect(waiting).rejects.toMatchObject({ reason: 'stopping' });
  await held.release();
});

test('what a killed process left reserved is charged in full before the first request', async () => {
  const journal = await openTestJournal();
  const reservation = aReservation('lost', { amount: 250_000, accounts: [anAccount(RUN, {})] });
  await journal.reserve(RUN, reservation);
  const { agents, events } = await bench(() => ({ text: 'ok' }), { journal });
  await agents.run(textTask(), live());
  await agents.run(textTask({ id: 'agent-2' }), live());
  const charged = (await events()).filter((event) => event.type === 'spend.charged');
  expect(charged[0]).toMatchObject({ id: 'lost', amount: 250_000, known: false });
  expect(charged.slice(1).map((event) => event.known)).toEqual([true, true]);
  expect(await spendingOf(journal, RUN)).toMatchObject({ spent: 250_000 + 1400, reserved: 0 });
});

test('the limit is never passed, whatever things cost and however many run', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        budget: fc.integer({ min: 100_000, max: 3 * MICRO }),
        concurrency: fc.integer({ min: 1, max: 12 }),
        agents: fc.integer({ min: 1, max: 12 }),
        outputs: fc.array(fc.integer({ min: 1, max: 64_000 }), { minLength: 1, maxLength: 20 }),
        faults: fc.array(fc.boolean(), { minLength: 1, maxLength: 10 }),
      }),
      async ({ budget, concurrency, agents: count, outputs, faults }) => {
        const journal = await openTestJournal();
        let worst = 0;
        journal.watch(RUN, () => {
          // Read in the same tick as the commit was told: what was spent and set aside then.
          void spendingOf(journal, RUN).then(({ spent, reserved }) => (worst = Math.max(worst, spent + reserved)));
        });
        const { agents } = await bench(
          (seen, n) => {
            if (faults[n % faults.length] === true && n % 3 === 0) return 'broken';
            const output = Math.min(seen.body.max_tokens, outputs[n % outputs.length] ?? 1);
            return { ...(n % 2 === 0 ? submit({ count: 1 }) : call('glob', { pattern: '*' })), usage: { output_tokens: output } };
          },
          { journal, budget, concurrency },
        );
        const ends = await Promise.allSettled(
          Array.from({ length: count }, (_, n) =>
            agents.submit(countTask({ id: `a${n}`, tools: ['glob'], limits: { turns: 6, seconds: 60, budget } }), live()),
          ),
        );
        for (const end of ends) if (end.status === 'rejected') expect(end.reason).toMatchObject({ name: 'Suspended', reason: 'budget' });
        const { spent, reserved } = await spendingOf(journal, RUN);
        expect(reserved).toBe(0);
        expect(spent).toBeLessThanOrEqual(budget);
        expect(worst).toBeLessThanOrEqual(budget);
      },
    ),
    { numRuns: 15 },
  );
}, 60_000);

test('a run whose money suffices for one at a time finishes, one at a time', async () => {
  const { agents, server, journal } = await bench(() => ({ text: 'ok', usage: { output_tokens: 1000 } }), { budget: 250_000 });
  const all = await Promise.all(Array.from({ length: 8 }, (_, n) => agents.run(textTask({ id: `a${n}` }), live())));
  expect(all.every((outcome) => outcome.ending === 'done')).toBe(true);
  expect((await spendingOf(journal, RUN)).spent).toBe(8 * priceOf('claude-sonnet-5-5', { ...usage(1000), input: 100 }));
  expect(server.peak()).toBeLessThanOrEqual(2);
});
