import { expect, test } from 'vitest';
import { ConvergeError } from '../../src/domain/errors.ts';
import { toJson } from '../../src/domain/json.ts';
import type { Json } from '../../src/domain/json.ts';
import type { GateResult, Verdict, VerdictOutcome } from '../../src/domain/verdict.ts';
import type { Commands } from '../../src/sandbox/commands.ts';
import { RUN, shard } from '../verify/support.ts';
import type { Play } from '../verify/support.ts';
import { bench, diligent, id } from './support.ts';

type Bench = Awaited<ReturnType<typeof bench>>;

const finding = { rule: 'G1', severity: 'blocking', path: 'src/a.js', line: 2, side: 'RIGHT', claim: 'no' };
const objects: Play = async (task) => {
  if (task.role !== 'verifier') return diligent(task);
  return { answer: { findings: [{ ...finding, evidence: { kind: 'lines', before: '', after: 'export const a = fresh' } }] } };
};
const silent: Play = async (task) => (task.id.endsWith('/guide') ? { ending: 'failed', cause: 'gone' } : diligent(task));

/** Each revision is other work than all before. */
function revising(verifier: Play): Play {
  let revisions = 0;
  return async (task) => {
    if (task.role !== 'reviser') return verifier(task);
    revisions += 1;
    await task.workspace.write('src/a.js', Buffer.from(`export const a = fresh(2, ${revisions});\n`));
    return { answer: { summary: 'again' } };
  };
}

async function returned({ journal, there }: Bench, shardId: string): Promise<void> {
  await journal.append(RUN, [
    { type: 'shard.returned', shard: shardId, commit: there.base.commit, tree: there.base.tree, paths: ['src/a.js'] },
  ]);
}

test('a change that was objected to is not reviewed until somebody finds nothing', async () => {
  let kind = objects;
  const { call, wrong, agents, journal } = await bench({ play: (task) => kind(task) });
  const change = id(await call('migrate', { id: 'sa' }));
  await call('review', change);
  kind = diligent;
  const before = agents.tasks.length;
  expect(await wrong('review', change)).toContain('it has its verdict, `revise`');
  expect(await wrong('review', change, { reviewers: 5 })).toContain('it has its verdict, `revise`');
  expect(agents.tasks).toHaveLength(before);
  expect((await journal.events(RUN)).filter(({ event }) => event.type === 'shard.accepted')).toEqual([]);
});

test('reviews that are asked for together do not see each other: the first is made, also when a process dies between them', async () => {
  const { call, primitives, journal, there } = await bench();
  const change = id(await call('migrate', { id: 'sa' }));
  const keys = ['r#1', 'r#2', 'r#3'];
  const prepared = await Promise.all(keys.map(() => primitives.prepare('review', [change])));
  await journal.issue(
    RUN,
    keys.map((key) => ({ key, kind: 'review', label: '', phase: '', input: prepared[0]?.identity ?? null })),
  );
  const first = await prepared[0]?.perform('r#1');
  expect(first).toMatchObject({ kind: 'value', value: { outcome: 'accepted' } });
  await journal.settle(RUN, 'r#1', first ?? { kind: 'null', cause: '' });
  // Another process, which finds the first one settled, answers the second as this one does.
  const resumed = await bench({ journal, there });
  const again = await resumed.primitives.prepare('review', [change]);
  for (const second of [await prepared[1]?.perform('r#2'), await again.perform('r#2')])
    expect(second).toMatchObject({ kind: 'throw', message: expect.stringContaining('a review of it is under way') });
  expect(resumed.agents.tasks).toEqual([]);
});

test('a review without every answer is repeated once, and what it gives then counts', async () => {
  let kind = silent;
  const { call, wrong } = await bench({ play: (task) => kind(task) });
  const [one, two] = [id(await call('migrate', { id: 'sa' })), id(await call('migrate', { id: 'sb' }))];
  expect(await call('review', one)).toMatchObject({ outcome: 'unverified' });
  expect(await call('review', one)).toMatchObject({ outcome: 'unverified' });
  kind = diligent;
  expect(await wrong('review', one)).toContain('2 reviews ended without an answer of every reviewer');
  kind = silent;
  await call('review', two);
  kind = diligent;
  expect(await call('review', two)).toMatchObject({ outcome: 'accepted' });
});

test("the plan's rounds bound the reviews of a shard, also over several changes of it; a shard that was returned begins anew", async () => {
  const { plan } = await bench();
  const whole = await bench({ play: revising(objects), plan: { limits: { ...plan.limits, rounds: 2 } } });
  const { call, wrong } = whole;
  let change = id(await call('migrate', { id: 'sa' }));
  for (const _round of [1, 2]) change = id(await call('revise', change, id(await call('review', change))));
  expect(await wrong('review', change)).toContain('found 2 reviews of this shard before, expected at most the 2 rounds');
  expect(await call('review', id(await call('migrate', { id: 'sb' })))).toMatchObject({ outcome: 'accepted' });
  await returned(whole, 'sa');
  expect(await call('review', change)).toMatchObject({ outcome: 'revise' });
  expect(await wrong('review', change)).toContain('it has its verdict, `revise`');
});

/** A verdict in the record, as if a review had come to it. */
async function judged(
  { journal }: Bench,
  change: string,
  facts: { outcome: VerdictOutcome; gates?: readonly GateResult[] },
): Promise<Json> {
  const reviewers = ['behaviour', 'guide'].map((lens) => ({ lens, answered: true, cause: null, model: 'm' }));
  const verdict: Verdict = { id: `verdict-${facts.outcome}`, change, findings: [], gates: [], reviewers, ...facts };
  const key = `by-hand#${facts.outcome}`;
  await journal.issue(RUN, [{ key, kind: 'review', label: '', phase: '', input: { change } }]);
  await journal.settle(RUN, key, { kind: 'value', value: toJson(verdict) });
  return { id: verdict.id };
}

test('a verdict that objects stands beside one that accepts the same change', async () => {
  const whole = await bench();
  const change = id(await whole.call('migrate', { id: 'sa' }));
  await judged(whole, change.id, { outcome: 'revise' });
  const good = await judged(whole, change.id, { outcome: 'accepted' });
  expect(await whole.wrong('accept', change, good)).toContain('another verdict on it is `revise`, and stands');
});

test('a gate of which nothing is known has not passed', async () => {
  const whole = await bench();
  const change = id(await whole.call('migrate', { id: 'sa' }));
  const gates = [{ gate: 'check:unit', outcome: 'unknown', detail: 'could not be run' }] as const;
  const verdict = await judged(whole, change.id, { outcome: 'accepted', gates });
  expect(await whole.wrong('accept', change, verdict)).toContain('its verdict is `unverified`');
});

test('a change on a change that was never accepted is refused, and accepted after it', async () => {
  const whole = await bench();
  const { call, wrong } = whole;
  const under = id(await call('migrate', { id: 'sa' }));
  const upper = id(await call('migrate', { id: 'sb' }, { on: [under] }));
  const [first, second] = [id(await call('review', under)), id(await call('review', upper))];
  expect(await wrong('accept', upper, second)).toContain(`made on \`${under.id}\` of shard sa, which has no accepted change`);
  await call('accept', under, first);
  await returned(whole, 'sa');
  expect(await wrong('accept', upper, second)).toContain('which has no accepted change');
  await call('accept', under, first);
  expect(await call('accept', upper, second)).toEqual({ shard: 'sb', change: upper.id });
});

test('a change on one that is not the accepted change of its shard is refused', async () => {
  let text = 'fresh(2, 1)';
  const play: Play = async (task) => {
    if (task.label !== 'migrate sa') return diligent(task);
    await task.workspace.write('src/a.js', Buffer.from(`export const a = ${text};\n`));
    return { answer: { summary: 'x' } };
  };
  const { call, wrong } = await bench({ play });
  const one = id(await call('migrate', { id: 'sa' }));
  text = 'fresh(1, 2)';
  const two = id(await call('migrate', { id: 'sa' }, { prompt: 'otherwise' }));
  const upper = id(await call('migrate', { id: 'sb' }, { on: [one] }));
  await call('accept', two, id(await call('review', two)));
  expect(await wrong('accept', upper, id(await call('review', upper)))).toContain(`whose accepted change is \`${two.id}\``);
});

test('a shard is accepted after those that the plan puts before it', async () => {
  const { call, wrong } = await bench({ shards: [shard('sa', ['src/a.js']), shard('sb', ['src/b.js'], { after: ['sa'] })] });
  const [one, two] = [id(await call('migrate', { id: 'sa' })), id(await call('migrate', { id: 'sb' }))];
  const [first, second] = [id(await call('review', one)), id(await call('review', two))];
  expect(await wrong('accept', two, second)).toContain('the plan puts it after sa, not accepted yet');
  await call('accept', one, first);
  expect(await call('accept', two, second)).toEqual({ shard: 'sb', change: two.id });
});

test('a sandbox that starts at the third try costs nothing; one that never starts makes the change unverified', async () => {
  const checks = [{ name: 'unit', run: 'true', when: 'shard' }] as const;
  const tries: string[] = [];
  let broken = 6;
  const on: Commands['on'] = async (_tree, request) => {
    tries.push(request.run);
    broken -= 1;
    if (broken >= 0) throw new ConvergeError('sandbox', 'bwrap: no room for a namespace', { retry: 'later' });
    return { ok: true, exitCode: 0, output: '', ended: 'exit' };
  };
  const commands: Commands = { on, caveats: [], close: () => Promise.resolve() };
  const { call } = await bench({ plan: { checks }, ports: { commands } });
  const change = id(await call('migrate', { id: 'sa' }));
  expect(await call('review', change)).toMatchObject({ outcome: 'unverified' });
  expect(tries).toHaveLength(3);
  broken = 2;
  expect(await call('review', change)).toMatchObject({ outcome: 'accepted' });
});
