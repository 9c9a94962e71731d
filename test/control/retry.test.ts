import { expect, test } from 'vitest';
import { openGenerations, retry as retryCommand } from '../../src/control/retry.ts';
import { stop as stopCommand } from '../../src/control/stop.ts';
import type { RunEvent } from '../../src/domain/events.ts';
import { foldRun } from '../../src/domain/run-state.ts';
import { plan, shard } from '../verify/support.ts';
import { comment, openOffice, RUN, plain } from './support.ts';

const retry = plain(retryCommand);
const stop = plain(stopCommand);

const PLAN = plan({ branch: 'main', commit: 'c'.repeat(40), tree: 't'.repeat(40) }, [
  shard('sa', ['src/a.js']),
  shard('sb', ['src/b.js'], { after: ['sa'] }),
  shard('sc', ['src/c.js']),
]);
const ENDED: RunEvent = { type: 'run.ended', status: 'partial', why: '', ledger: [] };

function retrying(...shards: readonly string[]) {
  return { name: 'retry' as const, shards };
}

/** A run that ended with `sa` refused, `sb` waiting for it, and `sc` accepted. */
async function office(...more: readonly RunEvent[]) {
  let state: 'open' | 'closed' = 'open';
  const whole = await openOffice(undefined, {
    pullRequest: (number) =>
      Promise.resolve({
        number,
        url: '',
        draft: false,
        merged: false,
        state,
        head: { branch: 'b', commit: 'c', repository: null },
        base: { branch: 'main' },
      }),
  });
  const { journal } = whole;
  await whole.plan(PLAN);
  await journal.issue(RUN, [{ key: 'h#1', kind: 'migrate', label: '', phase: '', input: { shard: 'sa' } }]);
  await journal.settle(RUN, 'h#1', { kind: 'null', cause: 'refused' });
  await journal.append(RUN, [{ type: 'shard.accepted', shard: 'sc', change: 'x', verdict: 'v' }, ...more]);
  return { ...whole, close: () => (state = 'closed') };
}

test('without names all that is left over is tried again, with what waits for it; the same comment does it once', async () => {
  const { desk, journal, driven } = await office(ENDED);
  for (const _delivery of [1, 2]) {
    const answer = await retry(desk, comment(1), retrying());
    expect(answer).toContain('Trying again: `sa`, `sb`.');
    await openGenerations(journal, RUN);
  }
  const state = foldRun(await journal.events(RUN));
  expect(state).toMatchObject({ status: 'active', generation: 2, retry: null });
  expect([...state.reopened]).toEqual([['h#1', 'h#1~2']]);
  expect(driven).toEqual([RUN, RUN]);
});

test('what cannot be tried again is told, with what there is', async () => {
  const { desk, journal } = await office(ENDED);
  expect(await retry(desk, comment(1), retrying('sx'))).toBe("Found `sx`, expected ids of the plan's shards: `sa`, `sb`, `sc`.");
  expect(await retry(desk, comment(2), retrying('sc'))).toBe('Nothing was tried again: `sc` is accepted already.');
  expect(await retry(desk, comment(3), retrying('sa', 'sc'))).toMatch(
    /Trying again: `sa`, `sb`\. Named were only `sa`; .* Not tried again, since it is accepted, under way or dropped: `sc`\./u,
  );
  expect((await journal.signals(RUN)).map(({ text }) => text)).toEqual(['sa sb']);
});

test('a run whose pull request was merged or closed, or that was undone, is not tried again', async () => {
  const posted: RunEvent[] = [
    { type: 'effect.intended', key: 'pull-request', intent: null },
    { type: 'effect.done', key: 'pull-request', result: { number: 9, url: '' } },
  ];
  const closed = await office(...posted, ENDED);
  closed.close();
  expect(await retry(closed.desk, comment(1), retrying())).toContain('Pull request #9 of run `' + RUN + '` was merged or closed');
  const undone = await office(
    { type: 'effect.intended', key: 'undo/close', intent: null },
    { type: 'effect.done', key: 'undo/close', result: null },
    ENDED,
  );
  expect(await retry(undone.desk, comment(1), retrying())).toContain('was undone');
  expect(await closed.journal.signals(RUN)).toEqual([]);
});

test('a plan that nobody approved has nothing to try again', async () => {
  const { desk, plan: show } = await openOffice();
  await show(PLAN, false);
  expect(await retry(desk, comment(1), retrying())).toContain('No plan of run `' + RUN + '` was approved');
});

test('while the run goes on, what is under way is left alone', async () => {
  const { desk, journal } = await office();
  await journal.issue(RUN, [{ key: 'h#2', kind: 'migrate', label: '', phase: '', input: { shard: 'sa' } }]);
  expect(await retry(desk, comment(1), retrying('sa'))).toContain('`sa` is under way, and nothing of it has failed');
  expect(await retry(desk, comment(2), retrying())).toContain('No shard of run `' + RUN + '` is left over so far');
  await journal.settle(RUN, 'h#2', { kind: 'null', cause: 'again' });
  expect(await retry(desk, comment(3), retrying('sa'))).toContain('Trying again: `sa`, `sb`.');
});

test('of stops and retries the last word counts; a plain stop wins over one that delivers', async () => {
  const { desk, journal } = await office();
  const said = async () => foldRun(await journal.events(RUN)).stop;
  await stop(desk, comment(1), { name: 'stop', deliver: true });
  expect(await said()).toEqual({ by: 'mona', deliver: true });
  await stop(desk, comment(2), { name: 'stop', deliver: false });
  await stop(desk, comment(3), { name: 'stop', deliver: true });
  expect(await said()).toEqual({ by: 'mona', deliver: false });
  await retry(desk, comment(4), retrying());
  expect(await said()).toBeNull();
  await stop(desk, comment(5), { name: 'stop', deliver: false });
  await openGenerations(journal, RUN);
  expect(await said()).toEqual({ by: 'mona', deliver: false });
});
