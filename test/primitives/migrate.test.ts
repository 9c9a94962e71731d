import { expect, test } from 'vitest';
import { trusted } from '../../src/journal/trusted.ts';
import type { Change } from '../../src/domain/change.ts';
import type { CallOutcome } from '../../src/journal/journal.ts';
import type { Play } from '../verify/support.ts';
import { edits, shard } from '../verify/support.ts';
import { BASE, bench, diligent, id } from './support.ts';

function made(outcome: CallOutcome): Change {
  if (outcome.kind !== 'value') throw new Error(JSON.stringify(outcome));
  return trusted<Change>().parse(outcome.value);
}

test("an agent's edits become a change, whatever it says; the script sees a handle", async () => {
  const { call, outcome, there, primitives, agents } = await bench();
  const ended = await outcome('migrate', [{ id: 'sa' }]);
  const change = made(ended);
  expect(change).toMatchObject({
    shard: 'sa',
    files: ['src/a.js'],
    on: [],
    added: 2,
    removed: 2,
    replaces: null,
    revision: 0,
    summary: 'did migrate sa',
  });
  expect(change.tree).toBe(await there.repository.layer(there.base.tree, [change.overlay]));
  expect(primitives.view('migrate', ended.kind === 'value' ? ended.value : null)).toEqual({
    id: change.id,
    shard: 'sa',
    tree: change.tree,
    files: ['src/a.js'],
    added: 2,
    removed: 2,
  });
  expect(agents.tasks[0]).toMatchObject({ role: 'migrator', phase: 'Phase', model: 'claude-sonnet-5-5', effort: 'high' });
  expect(await call('migrate', { id: 'sa' })).toMatchObject({ id: change.id });
});

test("it may write its shard's files and no others", async () => {
  const { agents, call } = await bench({ plan: { draft: { renames: [{ from: 'src/(.*)\\.js', to: 'src/$1.ts' }] } } });
  await call('migrate', { id: 'sa' });
  const may = (path: string) => agents.tasks[0]?.mayWrite(path);
  expect([may('src/a.js'), may('src/a.ts')]).toEqual([{ ok: true }, { ok: true }]);
  expect(may('src/b.js')).toMatchObject({ ok: false, reason: expect.stringContaining('src/a.js') });
  expect(may('package.json')).toMatchObject({ ok: false, reason: expect.stringContaining('protected') });
  expect(may('.github/workflows/ci.yml')).toMatchObject({ ok: false });
});

test('changes given as `on` lie under the work, with what they were made on', async () => {
  const shards = [
    shard('f', ['src/lib.js'], { kind: 'foundation', task: 'rename it' }),
    shard('sa', ['src/a.js']),
    shard('sb', ['src/b.js']),
  ];
  const { call, outcome, there } = await bench({ shards });
  const foundation = id(await call('migrate', { id: 'f' }));
  const first = id(await call('migrate', { id: 'sa' }, { on: [foundation] }));
  const second = made(await outcome('migrate', [{ id: 'sb' }, { on: [first] }]));
  expect(second.on).toEqual([foundation.id, first.id]);
  expect(second.files).toEqual(['src/b.js']);
  const whole = there.repository.workspace(second.tree);
  for (const path of Object.keys(BASE)) {
    const read = await whole.read(path);
    expect(read.kind === 'file' && read.bytes.includes('old'), path).toBe(false);
  }
});

test('an agent that left everything as it was gives null, also when it says it is done', async () => {
  const { outcome } = await bench({ play: async () => ({ answer: { summary: 'All migrated.' } }) });
  expect(await outcome('migrate', [{ id: 'sa' }])).toEqual({ kind: 'null', cause: 'the migrator of sa changed nothing' });
});

test('an agent that ended otherwise gives null with its cause', async () => {
  const { outcome } = await bench({ play: async () => ({ ending: 'refused', cause: 'the model refused' }) });
  expect(await outcome('migrate', [{ id: 'sa' }])).toMatchObject({ kind: 'null', cause: expect.stringContaining('the model refused') });
});

test('gates are tried at the first submission, and a second one is taken as it is', async () => {
  let submissions = 0;
  const stubborn: Play = async (task) => {
    submissions += 1;
    await task.workspace.write('src/a.js', Buffer.from('export const a = old(1, 2); // half\n'));
    return { answer: { summary: 'half' } };
  };
  const { outcome, agents } = await bench({ play: stubborn });
  expect((await outcome('migrate', [{ id: 'sa' }])).kind).toBe('value');
  expect(submissions).toBe(2);
  expect(agents.refused).toEqual([expect.stringContaining('gate predicate-false: src/a.js')]);
});

test("the brief names files, task, checks and what was asked; text by others is data, the plan's is not", async () => {
  const { agents, outcome } = await bench({ plan: { checks: [{ name: 'unit', run: 'npm test', when: 'shard' }] } });
  await outcome('migrate', [{ id: 'sa' }, { prompt: 'Mind the tabs.' }]);
  const [task] = agents.tasks;
  expect(task?.brief).toContain('- src/a.js');
  expect(task?.brief).toMatch(/`unit` runs:\n\n<data name="command of unit" mark="\w+">\nnpm test\n/u);
  expect(task?.brief).toMatch(/<data name="what people asked for" mark="\w+">\nPlease replace old\(\)\./u);
  expect(task?.brief).toMatch(/\n## Notes for this shard\n\n[^\n]*\n\n> Mind the tabs\.\n\n## What people asked for\n/u);
  expect(task?.brief).toContain('- src/a.js\n\nNone of them may be renamed.\n');
  expect(task?.tools).toContain('check');
});

test('without notes of the script there is no section for them; what a file may be renamed to is told', async () => {
  const { agents, outcome } = await bench({ plan: { draft: { renames: [{ from: 'src/(.*)\\.js', to: 'src/$1.ts' }] } } });
  await outcome('migrate', [{ id: 'sa' }]);
  const brief = agents.tasks[0]?.brief ?? '';
  expect(brief).not.toContain('Notes for this shard');
  expect(brief).toMatch(/\n\n## What people asked for\n/u);
  expect(brief).toContain('- src/a.js (may be renamed to src/a.ts: write the new file, then remove the old one)\n\n##');
});

test('its check runs on the tree with its edits', async () => {
  const checks = [{ name: 'fresh', run: 'grep -c fresh src/a.js', when: 'shard' }] as const;
  const results: unknown[] = [];
  const play: Play = async (task) => {
    results.push(await task.runCheck('fresh', edits({ 'src/a.js': 'fresh();\n' })));
    return diligent(task);
  };
  const { outcome } = await bench({ play, plan: { checks } });
  await outcome('migrate', [{ id: 'sa' }]);
  expect(results).toMatchObject([{ ok: true, output: '1\n' }]);
});

test('a check that passed on its finished work is not run again by the gates', async () => {
  const play: Play = async (task) => {
    const answer = await diligent(task);
    if (task.role === 'migrator') await task.runCheck('fresh', await task.workspace.overlay());
    return answer;
  };
  const { call, commands } = await bench({ play, plan: { checks: [{ name: 'fresh', run: 'grep -q fresh src/a.js', when: 'shard' }] } });
  const change = id(await call('migrate', { id: 'sa' }));
  expect(await call('review', change)).toMatchObject({ outcome: 'accepted' });
  expect(commands.ran).toHaveLength(1);
});

test('model and effort: pinned, named by the script, or refused', async () => {
  const { primitives, wrong } = await bench();
  const identity = async (options: Record<string, string>) => (await primitives.prepare('migrate', [{ id: 'sa' }, options])).identity;
  expect(await identity({})).toMatchObject({ model: 'claude-sonnet-5-5', effort: 'high' });
  expect(await identity({ model: 'opus', effort: 'low' })).toMatchObject({ model: 'claude-opus-5-5', effort: 'low' });
  expect(await wrong('migrate', { id: 'sa' }, { model: 'gpt' })).toContain('Known and allowed: claude-');

  expect(await wrong('migrate', { id: 'sa' }, { effort: 'huge' })).toMatch(/argument 2\.effort: .*"low"/u);
});

test('label and phase are no part of the identity; prompt, shard and on are', async () => {
  const { primitives, call } = await bench();
  const other = id(await call('migrate', { id: 'sb' }));
  const identity = async (...args: Parameters<typeof primitives.prepare>[1]) => (await primitives.prepare('migrate', args)).identity;
  const plainly = await identity({ id: 'sa' });
  expect(await identity({ id: 'sa' }, { label: 'x', phase: 'y' })).toEqual(plainly);
  expect(await identity({ id: 'sa' }, { prompt: 'x' })).not.toEqual(plainly);
  expect(await identity({ id: 'sb' })).not.toEqual(plainly);
  expect(await identity({ id: 'sa' }, { on: [other] })).not.toEqual(plainly);
});

test('a revision starts from the change, answers its findings, and replaces it', async () => {
  const play: Play = async (task) => {
    if (task.role !== 'verifier') {
      if (task.role === 'reviser') {
        await task.workspace.write('src/a.js', Buffer.from('export const a = fresh(2, 1);\n'));
        return { answer: { summary: 'mended' } };
      }
      return diligent(task);
    }
    const read = await task.workspace.read('src/a.js');
    const bad = read.kind === 'file' && read.bytes.includes('import');
    const evidence = { kind: 'lines', before: '', after: 'import { fresh }' };
    const finding = { rule: 'G1', severity: 'blocking', path: 'src/a.js', line: 1, side: 'RIGHT', claim: 'no import, please', evidence };
    return { answer: { findings: bad ? [finding] : [] } };
  };
  const { call, outcome, agents, there } = await bench({ play });
  const first = id(await call('migrate', { id: 'sa' }));
  const verdict = await call('review', first);
  expect(verdict).toMatchObject({ outcome: 'revise', change: first.id });
  const revised = made(await outcome('revise', [first, id(verdict)]));
  expect(revised).toMatchObject({ shard: 'sa', replaces: first.id, revision: 1, files: ['src/a.js'], summary: 'mended' });
  expect(revised.tree).toBe(await there.repository.layer(there.base.tree, [revised.overlay]));
  const reviser = agents.tasks.find((task) => task.role === 'reviser');
  expect(reviser?.brief).toContain('no import, please');
  expect(reviser?.brief).toContain('+export const a = fresh(2, 1);');
  const second = await call('review', { id: revised.id });
  expect(second).toMatchObject({ outcome: 'accepted' });
  expect(await call('accept', { id: revised.id }, id(second))).toEqual({ shard: 'sa', change: revised.id });
});

test('a reviser may bring a file back as it was: then that file is not in the change any more', async () => {
  const play: Play = async (task) => {
    if (task.role === 'verifier') {
      const evidence = { kind: 'lines', before: '', after: 'fresh' };
      return {
        answer: { findings: [{ rule: 'G1', severity: 'blocking', path: 'src/b.js', line: 1, side: 'RIGHT', claim: 'leave it', evidence }] },
      };
    }
    if (task.role === 'reviser') {
      await task.workspace.write('src/b.js', Buffer.from(BASE['src/b.js']));
      return { answer: { summary: 'brought back' } };
    }
    return diligent(task);
  };
  const { call, outcome } = await bench({ play, shards: [shard('s', ['src/a.js', 'src/b.js'])] });
  const first = id(await call('migrate', { id: 's' }));
  const verdict = id(await call('review', first));
  expect(made(await outcome('revise', [first, verdict])).files).toEqual(['src/a.js']);
});

test('a revision that changes nothing is null, and so is one without anything to answer', async () => {
  const play: Play = async (task) => {
    if (task.role === 'reviser') return { answer: { summary: 'I disagree' } };
    if (task.role !== 'verifier') return diligent(task);
    const evidence = { kind: 'lines', before: '', after: 'fresh(2, 1)' };
    return { answer: { findings: [{ rule: 'G1', severity: 'blocking', path: 'src/a.js', line: 1, side: 'RIGHT', claim: 'x', evidence }] } };
  };
  const { call, outcome } = await bench({ play });
  const first = id(await call('migrate', { id: 'sa' }));
  const verdict = id(await call('review', first));
  expect(await outcome('revise', [first, verdict])).toEqual({
    kind: 'null',
    cause: 'the revision of sa changed nothing: its findings stand',
  });
  const calm = await bench();
  const change = id(await calm.call('migrate', { id: 'sa' }));
  const accepted = id(await calm.call('review', change));
  expect(await calm.outcome('revise', [change, accepted])).toMatchObject({
    kind: 'null',
    cause: expect.stringContaining('nothing to revise'),
  });
});

test('a call may ask for no more effort than the operator allows; where they do not say, its content key is as ever', async () => {
  for (const kind of ['migrate', 'agent']) {
    const what = kind === 'migrate' ? { id: 'sa' } : 'Look.';
    const effort = async (maxEffort: 'medium' | undefined, asked: string) => {
      const { primitives } = await bench({ ports: { maxEffort } });
      return (await primitives.prepare(kind, [what, { effort: asked }])).identity;
    };
    expect(await effort('medium', 'max')).toMatchObject({ effort: 'medium' });
    expect(await effort('medium', 'low')).toMatchObject({ effort: 'low' });
    expect(await effort(undefined, 'max')).toMatchObject({ effort: 'max' });
  }
});

test('a call may name no model that the operator does not allow', async () => {
  const { primitives, wrong } = await bench({ ports: { allowedModels: ['claude-sonnet-5-5'] } });
  for (const kind of ['migrate', 'agent']) {
    const what = kind === 'migrate' ? { id: 'sa' } : 'Look.';
    expect((await primitives.prepare(kind, [what, { model: 'sonnet' }])).identity).toMatchObject({ model: 'claude-sonnet-5-5' });
    for (const model of ['opus', 'claude-opus-5-5'])
      expect(await wrong(kind, what, { model })).toContain('is not known here, or not allowed. Known and allowed: claude-sonnet-5-5;');
  }
});
