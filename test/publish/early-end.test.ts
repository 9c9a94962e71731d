import { expect, onTestFinished, test } from 'vitest';
import { toJson } from '../../src/domain/json.ts';
import { foldRun } from '../../src/domain/run-state.ts';
import type { Hub } from '../../src/github/hub.ts';
import { openSqliteJournal } from '../../src/journal/sqlite.ts';
import { type Ending, showEarlyEnd, stopped } from '../../src/publish/early-end.ts';
import { STARTED, temporaryDirectory } from '../journal/support.ts';
import { plan, shard } from '../verify/support.ts';

const RUN = 'run-1';
const COMMIT = 'c'.repeat(40);

/** A run whose only accepted shard was on its way to GitHub when its process died. */
async function dying(head: string | null) {
  const journal = await openSqliteJournal({ directory: temporaryDirectory() });
  onTestFinished(() => journal.close());
  await journal.start({ run: RUN, trigger: '1', event: STARTED });
  const made = plan({ branch: 'main', commit: 'a'.repeat(40), tree: 'b'.repeat(40) }, [shard('sa', ['src/a.js'])]);
  const assembled = { head: COMMIT, commits: [{ commit: COMMIT, shards: ['sa'] }] };
  await journal.append(RUN, [
    { type: 'step.done', step: 'plan#1', result: toJson({ kind: 'planned', plan: made }) },
    { type: 'effect.intended', key: 'pull-request', intent: {} },
    { type: 'effect.done', key: 'pull-request', result: { number: 5, url: 'https://example.com/5' } },
    { type: 'shard.accepted', shard: 'sa', change: 'x', verdict: 'y' },
    { type: 'step.done', step: 'assembled#1', result: assembled },
    { type: 'effect.intended', key: 'push/converged/1', intent: { push: `converge/${RUN}`, commit: COMMIT } },
  ]);
  const bodies: string[] = [];
  const refusing = { times: 0 };
  const known: Partial<Hub> = {
    branchHead: () => Promise.resolve(head),
    updatePullRequest: (_scope, _key, { body }) => {
      refusing.times -= 1;
      if (refusing.times >= 0) return Promise.reject(new Error('GitHub is down'));
      bodies.push(body);
      return Promise.resolve();
    },
  };
  const hub = new Proxy<Hub>(Object.create(null), { get: (_, name) => Reflect.get(known, name) });
  const ending: Ending = { run: RUN, place: STARTED.place, journal, hub };
  return { ending, journal, bodies, refusing };
}

test('a push whose outcome nobody wrote down counts as delivered when GitHub has it, and only then', async () => {
  for (const [head, ended] of [
    [COMMIT, 'migrated'],
    ['d'.repeat(40), 'not-started'],
    [null, 'not-started'],
  ] as const) {
    const { ending, journal } = await dying(head);
    await stopped(ending, 'Stopped by mona.');
    const { end } = foldRun(await journal.events(RUN));
    expect(end?.ledger).toMatchObject([{ path: 'src/a.js', ending: ended }]);
  }
});

test('a body that could not be written is written when it is shown again, from the end as it was recorded', async () => {
  const { ending, bodies, refusing } = await dying(COMMIT);
  refusing.times = 1;
  await expect(stopped(ending, 'Stopped by mona.')).rejects.toThrow('GitHub is down');
  await showEarlyEnd(ending);
  await showEarlyEnd(ending);
  expect(bodies).toHaveLength(2);
  expect(bodies[0]).toBe(bodies[1]);
  expect(bodies[0]).toContain('Stopped by mona.');
});

test('a run that ended with its report keeps the body of that', async () => {
  const { ending, journal, bodies } = await dying(COMMIT);
  await journal.append(RUN, [{ type: 'run.ended', status: 'failed', why: 'Nothing was migrated.', ledger: [] }]);
  await showEarlyEnd(ending);
  expect(bodies).toEqual([]);
});
