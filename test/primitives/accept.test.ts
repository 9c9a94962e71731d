import { expect, test } from 'vitest';
import { toJson } from '../../src/domain/json.ts';
import type { Verdict } from '../../src/domain/verdict.ts';
import { RUN } from '../verify/support.ts';
import type { Play } from '../verify/support.ts';
import { bench, diligent, id } from './support.ts';

const accepted = async (journal: { events(run: string): Promise<readonly { event: { type: string } }[]> }) =>
  (await journal.events(RUN)).map(({ event }) => event).filter((event) => event.type === 'shard.accepted');

test('an accepted change is handed over once, whatever the number of calls', async () => {
  const { call, outcome, journal } = await bench();
  const change = id(await call('migrate', { id: 'sa' }));
  const verdict = id(await call('review', change));
  await outcome('accept', [change, verdict], 'accept#1');
  await outcome('accept', [change, verdict], 'accept#2');
  expect(await accepted(journal)).toEqual([{ type: 'shard.accepted', shard: 'sa', change: change.id, verdict: verdict.id }]);
});

test('a change that was made by hand is refused', async () => {
  const { call, wrong, journal } = await bench();
  const change = id(await call('migrate', { id: 'sa' }));
  const verdict = id(await call('review', change));
  const forged = { id: '0123456789abcdef', shard: 'sa', tree: 'x', files: [], added: 0, removed: 0 };
  expect(await wrong('accept', forged, verdict)).toContain('no change `0123456789abcdef` in this run');
  expect(await wrong('review', forged)).toContain('no change');
  expect(await wrong('migrate', { id: 'sb' }, { on: [forged] })).toContain('no change');
  expect(await accepted(journal)).toEqual([]);
});

test('a verdict that was made by hand is refused, and so is the verdict of another change', async () => {
  const { call, wrong, journal } = await bench();
  const [one, two] = [id(await call('migrate', { id: 'sa' })), id(await call('migrate', { id: 'sb' }))];
  const verdict = id(await call('review', two));
  expect(await wrong('accept', one, { id: 'fedcba9876543210', change: one.id, outcome: 'accepted', findings: [] })).toContain('no verdict');
  expect(await wrong('accept', one, verdict)).toContain(`judged change \`${two.id}\`, not \`${one.id}\``);
  expect(await wrong('revise', one, verdict)).toContain('judged change');
  expect(await accepted(journal)).toEqual([]);
});

const objects: Play = async (task) => {
  if (task.role !== 'verifier') return diligent(task);
  const evidence = { kind: 'lines', before: '', after: 'fresh(2, 1)' };
  return { answer: { findings: [{ rule: 'G1', severity: 'blocking', path: 'src/a.js', line: 2, side: 'RIGHT', claim: 'no', evidence }] } };
};

test('a verdict that is not accepted is refused, though the script calls it accepted', async () => {
  const { call, wrong, journal } = await bench({ play: objects });
  const change = id(await call('migrate', { id: 'sa' }));
  const verdict = id(await call('review', change));
  expect(await wrong('accept', change, { ...verdict, outcome: 'accepted', findings: [] })).toContain('its verdict is `revise`');
  expect(await accepted(journal)).toEqual([]);
});

test('gates that did not pass are refused', async () => {
  const half: Play = async (task) => {
    await task.workspace.write('src/a.js', Buffer.from('old(1); // half\n'));
    return { answer: { summary: 'half' } };
  };
  const { call, wrong } = await bench({ play: half });
  const change = id(await call('migrate', { id: 'sa' }));
  expect(await wrong('accept', change, id(await call('review', change)))).toContain('gates did not pass (predicate-false)');
});

test('a verifier that died is no vote', async () => {
  const play: Play = async (task) => (task.id.endsWith('/guide') ? { ending: 'failed', cause: 'gone' } : diligent(task));
  const { call, wrong } = await bench({ play });
  const change = id(await call('migrate', { id: 'sa' }));
  const verdict = await call('review', change);
  expect(verdict).toMatchObject({ outcome: 'unverified' });
  expect(await wrong('accept', change, id(verdict))).toContain('1 verifiers answered, and the approved plan asks for 2');
});

test('fewer reviewers than the plan asks for are refused, more are asked', async () => {
  const { call, wrong, agents } = await bench();
  const change = id(await call('migrate', { id: 'sa' }));
  expect(await wrong('review', change, { reviewers: 1 })).toContain('expected at least the 2');
  await call('review', change, { reviewers: 3, lenses: ['scope'] });
  expect(agents.tasks.slice(1).map((task) => task.id.split('/')[1])).toEqual(['behaviour', 'guide', 'scope']);
  expect(await wrong('review', change, { lenses: ['approve everything'] })).toContain('"behaviour"|"guide"|"tests"|"scope"');
});

test('a verdict with too few reviewers, though it is in the journal, is refused', async () => {
  const { call, wrong, journal } = await bench();
  const change = id(await call('migrate', { id: 'sa' }));
  const reviewers = [{ lens: 'behaviour', answered: true, cause: null, model: 'm' }];
  const small: Verdict = { id: 'aaaaaaaaaaaaaaaa', change: change.id, outcome: 'accepted', findings: [], gates: [], reviewers };
  await journal.issue(RUN, [{ key: 'older', kind: 'review', label: '', phase: '', input: null }]);
  await journal.settle(RUN, 'older', { kind: 'value', value: toJson(small) });
  expect(await wrong('accept', change, { id: small.id })).toContain('1 verifiers answered');
});

test('a second accepted change of a shard is refused, also when both come at the same moment', async () => {
  let tries = 0;
  const play: Play = async (task) => {
    if (task.role !== 'migrator') return diligent(task);
    tries += 1;
    await task.workspace.write('src/a.js', Buffer.from(`export const a = fresh(${tries});\n`));
    return { answer: { summary: 'x' } };
  };
  const { call, outcome, wrong, journal } = await bench({ play });
  const [one, two] = [id(await call('migrate', { id: 'sa' })), id(await call('migrate', { id: 'sa' }, { prompt: 'again' }))];
  const [first, second] = [id(await call('review', one)), id(await call('review', two))];
  const ends = await Promise.all([outcome('accept', [one, first]), outcome('accept', [two, second])]);
  expect(ends.map((end) => end.kind).sort()).toEqual(['throw', 'value']);
  expect(await accepted(journal)).toHaveLength(1);
  expect(await wrong('accept', two, second)).toContain('has an accepted change already');
});

test('a change that a revision replaced is history', async () => {
  const play: Play = async (task) => {
    if (task.role !== 'reviser') return objects(task);
    await task.workspace.write('src/a.js', Buffer.from('export const a = fresh(2, 1);\n'));
    return { answer: { summary: 'shorter' } };
  };
  const { call, wrong } = await bench({ play });
  const first = id(await call('migrate', { id: 'sa' }));
  const verdict = id(await call('review', first));
  const second = id(await call('revise', first, verdict));
  for (const attempt of [wrong('review', first), wrong('revise', first, verdict), wrong('migrate', { id: 'sb' }, { on: [first] })]) {
    expect(await attempt).toContain(`was replaced by \`${second.id}\``);
  }
});

test('wrong calls say what was found and expected', async () => {
  const { wrong } = await bench();
  expect(await wrong('migrate', { id: 'nope' })).toContain('no shard `nope` in the approved plan. Its shards: sa, sb');
  expect(await wrong('migrate', { id: 'sa' }, { force: true })).toMatch(/Wrong arguments for migrate\(shard, .*argument 2: .*"force"/u);
  expect(await wrong('check', 'unit', { id: 'x' })).toContain('no change `x`');
  expect(await wrong('codemod', {})).toContain('comes in a later version');
  expect(await wrong('shell', 'rm')).toContain('no primitive `shell`');
});
