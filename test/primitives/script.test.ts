import { expect, test } from 'vitest';
import { Suspended } from '../../src/domain/errors.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { openPrimitives } from '../../src/primitives/table.ts';
import { DEFAULT_SCRIPT } from '../../src/script/default-script.ts';
import { runScript } from '../../src/script/replay.ts';
import { journal, plan, PlayedAgents, project, RUN, shard, shell, stillOld } from '../verify/support.ts';
import type { Play, Project } from '../verify/support.ts';
import { BASE, diligent } from './support.ts';
import { guardOf } from '../secrets/support.ts';

const SHARDS = [shard('sa', ['src/a.js']), shard('sb', ['src/b.js'], { after: ['sa'] })];

/** A guide verifier that objects to the first change of sb, once; a reviser that mends it. */
const demanding: Play = async (task) => {
  const read = await task.workspace.read('src/b.js');
  const text = read.kind === 'file' ? read.bytes.toString() : '';
  if (task.role === 'reviser') {
    await task.workspace.write('src/b.js', Buffer.from(text.replace('const b', 'const bb')));
    return { answer: { summary: 'mended' } };
  }
  if (!task.id.endsWith('/guide') || !task.brief.includes('shard sb') || text.includes('bb')) return diligent(task);
  const evidence = { kind: 'lines', before: '', after: 'export const b' };
  return {
    answer: { findings: [{ rule: 'G1', severity: 'blocking', path: 'src/b.js', line: 2, side: 'RIGHT', claim: 'name', evidence }] },
  };
};

async function execute(there: Project, store: Journal, play: Play) {
  const whole = plan(there.base, SHARDS);
  const agents = new PlayedAgents(store, play);
  const { signal } = new AbortController();
  const calls = openPrimitives({
    run: RUN,
    task: 'x',
    plan: whole,
    journal: store,
    repository: there.repository,
    agents,
    commands: shell(there.repository),
    predicate: stillOld,
    retryWaits: [],
    secrets: guardOf(),
    signal,
  });
  const budget = { total: null, spent: 0, dollars: { total: 1, spent: 0 } };
  const view = { args: null, shards: SHARDS.map(({ id, files, after, kind, owner }) => ({ id, files, after, kind, owner })), budget };
  const end = runScript({ run: RUN, source: DEFAULT_SCRIPT, view, journal: store, calls, signal, budgetAt: () => budget });
  return { end, agents };
}

test('the default script drives real primitives: migrate, review, revise, accept', async () => {
  const there = await project(BASE);
  const store = await journal();
  const { end, agents } = await execute(there, store, demanding);
  expect(await end).toMatchObject({ kind: 'returned', value: { accepted: ['sa', 'sb'], leftOver: [] } });
  expect(agents.tasks.map((task) => task.role).sort()).toEqual(
    ['migrator', 'migrator', 'reviser', ...Array.from({ length: 6 }, () => 'verifier')].sort(),
  );
  const accepted = (await store.events(RUN)).flatMap(({ event }) => (event.type === 'shard.accepted' ? [event.shard] : []));
  expect(accepted).toEqual(['sa', 'sb']);
});

test(
  'killed at each agent in turn, and resumed: no finished agent is paid again, and the end is the same',
  { timeout: 120_000 },
  async () => {
    const there = await project(BASE);
    const whole = await execute(there, await journal(), demanding);
    const expected = await whole.end;
    const agents = whole.agents.tasks.length;
    for (let killed = 1; killed <= agents; killed += 1) {
      const store = await journal();
      let begun = 0;
      const first = await execute(there, store, async (task) => {
        begun += 1;
        if (begun >= killed) throw new Suspended('stopping', 'killed');
        return demanding(task);
      });
      await expect(first.end).rejects.toBeInstanceOf(Suspended);
      const done = new Set((await store.settled(RUN, 0)).map((call) => call.key));
      const second = await execute(there, store, demanding);
      const end = await second.end;
      expect(end.kind === 'returned' && expected.kind === 'returned' && end.value).toEqual(expected.kind === 'returned' && expected.value);
      expect(second.agents.tasks.filter((task) => done.has(task.id)).map((task) => task.id)).toEqual([]);
      expect(end.replay.diverged).toBe(0);
    }
  },
);
