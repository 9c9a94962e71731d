import { expect, test } from 'vitest';
import { assemble } from '../../src/converge/assemble.ts';
import type { AcceptedShard } from '../../src/converge/shards.ts';
import type { Change } from '../../src/domain/change.ts';
import type { Shard } from '../../src/domain/shard.ts';
import { changeId } from '../../src/git/change-id.ts';
import { Origin } from '../git/origin.ts';
import { edits, journal, plan, RUN, shard } from '../verify/support.ts';

const FILES = { 'src/a.js': 'old(1);\n', 'src/b.js': 'old(2);\n', 'src/c.js': 'old(3);\n', 'src/d.js': 'old(4);\n' };
const VERDICT = { id: 'v', change: '', outcome: 'accepted', findings: [], gates: [], reviewers: [] } as const;

/** A run whose shards are all accepted, each laid on these others, and a branch to which a person may have pushed. */
async function scene(pushed: Readonly<Record<string, string>>, on: Readonly<Record<string, readonly string[]>>, shards: readonly Shard[]) {
  const origin = new Origin(FILES);
  const repository = await origin.mirror();
  const { commit, tree } = await repository.pin({ run: RUN, commit: origin.head() });
  const tip = Object.keys(pushed).length === 0 ? commit : origin.commit(pushed, 'by hand', 'converge/run-1');
  await repository.fetchBranch({ run: RUN, branch: tip === commit ? 'main' : 'converge/run-1' });
  const changes = new Map<string, Change>();
  const make = async (id: string): Promise<Change> => {
    const known = changes.get(id);
    if (known !== undefined) return known;
    const under = await Promise.all((on[id] ?? []).map(make));
    const files = shards.find((one) => one.id === id)?.files ?? [];
    const overlay = edits(Object.fromEntries(files.map((file) => [file, 'fresh();\n'])));
    const content = { shard: id, on: under.map((one) => one.id), overlay };
    const change: Change = {
      ...content,
      id: changeId({ ...content, baseTree: tree }),
      tree: await repository.layer(tree, [...under.map((one) => one.overlay), overlay]),
      files,
      added: 1,
      removed: 1,
      summary: 'done',
      replaces: null,
      revision: 0,
    };
    changes.set(id, change);
    return change;
  };
  const accepted = await Promise.all(
    shards.map(async (own): Promise<AcceptedShard> => {
      const change = await make(own.id);
      const at = '2026-11-01T00:00:00.000Z';
      return { shard: own, changes: [change], verdicts: [VERDICT], change, verdict: VERDICT, at, start: tree, returned: false };
    }),
  );
  const house = { run: RUN, requester: { login: 'ada', id: 1 }, journal: await journal(), repository };
  const whole = plan({ branch: 'main', commit, tree }, shards);
  return {
    assembled: await assemble(house, whole, { onto: tip, landed: [], shards: { accepted, leftOver: [], dropped: [] } }),
    accepted,
    house,
    whole,
    tip,
  };
}

test('what needs a shard in conflict does not land either, and names what conflicts; the rest lands', async () => {
  const { assembled } = await scene({ 'src/a.js': 'mine();\n' }, { sc: ['sb'] }, [
    shard('sa', ['src/a.js']),
    shard('sb', ['src/b.js'], { after: ['sa'] }),
    shard('sc', ['src/c.js']),
    shard('sd', ['src/d.js']),
  ]);
  expect(assembled.conflicts).toEqual([
    { shard: 'sa', paths: ['src/a.js'], needs: [] },
    { shard: 'sb', paths: ['src/a.js'], needs: ['sa'] },
    { shard: 'sc', paths: ['src/a.js'], needs: ['sb'] },
  ]);
  expect(assembled.commits.map((commit) => commit.shards)).toEqual([['sd']]);
});

test('a change lands after those that it was laid on, in whatever order the plan has them', async () => {
  const shards = [shard('sb', ['src/b.js']), shard('sa', ['src/a.js'])];
  const { assembled } = await scene({}, { sb: ['sa'] }, shards);
  expect(assembled.commits.map((commit) => commit.shards)).toEqual([['sa'], ['sb']]);
  const pushed = await scene({ 'src/a.js': 'mine();\n' }, { sb: ['sa'] }, shards);
  expect(pushed.assembled.conflicts.map(({ shard: id }) => id)).toEqual(['sa', 'sb']);
  expect(pushed.assembled.commits).toEqual([]);
});

test('a change that was laid on work which is not accepted cannot land without it', async () => {
  const { accepted, house, whole, tip } = await scene({}, { sb: ['sa'] }, [shard('sa', ['src/a.js']), shard('sb', ['src/b.js'])]);
  const [under, upper] = accepted;
  if (under === undefined || upper === undefined) throw new Error('two shards were accepted');
  const leftOver = [{ ...under, reason: 'returned', ending: 'left-over' as const }];
  const assembled = await assemble(house, whole, { onto: tip, landed: [], shards: { accepted: [upper], leftOver, dropped: [] } });
  expect(assembled.conflicts).toEqual([{ shard: 'sb', paths: ['src/a.js'], needs: ['sa'] }]);
  expect(assembled.commits).toEqual([]);
});
