import { expect, test } from 'vitest';
import { approvalGate } from '../../src/domain/approval-gate.ts';
import { ConvergeError, Suspended } from '../../src/domain/errors.ts';
import type { Json } from '../../src/domain/json.ts';
import { RUN } from '../verify/support.ts';
import type { Play } from '../verify/support.ts';
import { bench, diligent, id } from './support.ts';

test('files and grep answer from the base tree', async () => {
  const { call } = await bench();
  expect(await call('files', 'src/*.js')).toEqual(['src/a.js', 'src/b.js', 'src/lib.js']);
  expect(await call('grep', 'old\\(', { paths: ['src/a.js'] })).toEqual([
    { path: 'src/a.js', line: 2, text: 'export const a = old(1, 2);' },
  ]);
  await call('migrate', { id: 'sa' });
  expect(await call('grep', 'fresh')).toEqual([]);
});

test('a grep that was cut is told in the log', async () => {
  const { there, call, journal } = await bench({ ports: {} });
  const text = Array.from({ length: 1001 }, (_, index) => `line ${index}`).join('\n');
  const tree = await there.repository.layer(there.base.tree, [[{ path: 'many.txt', mode: '100644', content: { utf8: text } }]]);
  const many = await bench({ there: { ...there, base: { ...there.base, tree } }, journal });
  const found = await many.call('grep', '^line');
  expect(Array.isArray(found) && found.length).toBe(1000);
  expect((await journal.events(RUN)).map(({ event }) => event)).toContainEqual({
    type: 'log',
    text: expect.stringContaining('more than 1,000 lines'),
  });
  expect(await call('grep', 'nothing like it')).toEqual([]);
});

test("check runs one of the plan's commands on the change's tree", async () => {
  const checks = [{ name: 'fresh', run: 'cat src/a.js; grep -q fresh src/a.js', when: 'converged' }] as const;
  const { call, wrong } = await bench({ plan: { checks } });
  const change = id(await call('migrate', { id: 'sa' }));
  expect(await call('check', 'fresh', change)).toEqual({ ok: true, exitCode: 0, output: expect.stringContaining('fresh(2, 1)') });
  expect(await wrong('check', 'lint', change)).toContain('no check `lint`. Its checks: fresh');
});

test('agent: text, read-only, on the base', async () => {
  const { call, agents } = await bench();
  expect(await call('agent', 'What is old?', { label: 'q', isolation: 'worktree', agentType: 'Explore' })).toBe('an answer');
  expect(agents.tasks[0]).toMatchObject({ role: 'reader', label: 'q', brief: 'What is old?', tools: ['read', 'glob', 'grep'] });
  expect(agents.tasks[0]?.mayWrite('src/a.js').ok).toBe(false);
});

test('E7 agent with a schema: a value that meets it; what does not is asked again, five times, then it throws', async () => {
  const schema = { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] };
  const replies: Json[] = [{ n: 'one' }, {}, { n: 1 }];
  const good = await bench({ play: async () => ({ answer: replies.shift() }) });
  expect(await good.call('agent', 'Count.', { schema })).toEqual({ n: 1 });
  expect(good.agents.refused).toHaveLength(2);
  let tries = 0;
  const bad = await bench({
    play: async () => {
      tries += 1;
      return { answer: { n: 'one' } };
    },
  });
  expect(await bad.wrong('agent', 'Count.', { schema })).toMatch(/no answer met the schema \(n: .*number/u);
  expect(tries).toBe(5);
  expect(await bad.wrong('agent', 'Count.', { schema: { type: 'nonsense' } })).toContain('no JSON Schema that is understood here');
});

test('an agent that died is null, also with a schema', async () => {
  const { outcome } = await bench({ play: async () => ({ ending: 'failed', cause: 'service gone' }) });
  expect(await outcome('agent', ['x'])).toEqual({ kind: 'null', cause: 'failed: service gone' });
  expect(await outcome('agent', ['x', { schema: { type: 'object' } }])).toEqual({ kind: 'null', cause: 'failed: service gone' });
});

const SAID = { by: 'ada', name: 'approve' };

test('approval waits for its own gate, and gives what the person said', async () => {
  const { outcome, journal } = await bench();
  const gate = approvalGate('approval#1');
  await journal.signal(RUN, { ...SAID, id: 'c0', text: 'deadbeef00' });
  const waiting = outcome('approval', ['Go on with the rest?'], 'approval#1');
  await journal.signal(RUN, { ...SAID, id: 'c1', text: approvalGate('approval#2') });
  await journal.signal(RUN, { ...SAID, id: 'c2', text: gate });
  expect(await waiting).toEqual({ kind: 'value', value: { approved: true, by: 'ada', text: '' } });
  expect((await journal.calls(RUN)).find((call) => call.key === 'approval#1')?.input).toEqual({ question: 'Go on with the rest?' });
});

test('revise answers it with no and a text; what was said before the question was about something else', async () => {
  const { outcome, journal } = await bench();
  await journal.signal(RUN, { ...SAID, id: 'c0', name: 'revise', text: 'smaller shards, please' });
  const waiting = outcome('approval', ['Go on?'], 'approval#1');
  await journal.signal(RUN, { ...SAID, id: 'c1', name: 'revise', text: `${approvalGate('approval#9')} not this one` });
  await journal.signal(RUN, { ...SAID, id: 'c2', name: 'revise', text: 'not before Monday' });
  expect(await waiting).toEqual({ kind: 'value', value: { approved: false, by: 'ada', text: 'not before Monday' } });
});

test('an answer that came while nobody waited is found at the resume', async () => {
  const { journal, outcome } = await bench();
  await journal.issue(RUN, [{ key: 'approval#1', kind: 'approval', label: '', phase: '', input: null }]);
  await journal.signal(RUN, { ...SAID, id: 'c1', text: approvalGate('approval#1') });
  expect(await outcome('approval', ['Go on?'], 'approval#1')).toMatchObject({ value: { approved: true } });
});

test('a stop ends the wait without an answer: nothing is settled', async () => {
  const stop = new AbortController();
  const { outcome, journal } = await bench({ signal: stop.signal });
  const waiting = outcome('approval', ['Go on?'], 'approval#1');
  stop.abort();
  await expect(waiting).rejects.toBeInstanceOf(Suspended);
  expect((await journal.call(RUN, 'approval#1'))?.settled).toBeNull();
});

test('at the limit of agents the run pauses and nothing becomes null; who started before goes on', async () => {
  const { plan } = await bench();
  const limits = { ...plan.limits, agents: 1 };
  const { outcome, journal, there } = await bench({ plan: { limits } });
  await outcome('migrate', [{ id: 'sa' }], 'm#1');
  await expect(outcome('migrate', [{ id: 'sb' }], 'm#2')).rejects.toMatchObject({
    reason: 'budget',
    message: expect.stringContaining('has started 1 agent, which is its limit. All work is kept. `/workflow budget +N agents`'),
  });
  expect((await journal.call(RUN, 'm#2'))?.settled).toBeNull();
  // Raised by a person who may approve: the comment's id once, however often it was journaled.
  const raise = { type: 'run.amended', id: '9', by: 'mona', amendment: { kind: 'budget', add: 0, agents: 1 }, hash: 'h' } as const;
  const raised = await bench({ plan: { limits } });
  await raised.outcome('migrate', [{ id: 'sa' }], 'm#1');
  await raised.journal.append(RUN, [raise, raise]);
  expect((await raised.outcome('migrate', [{ id: 'sb' }], 'm#2')).kind).toBe('value');
  await expect(raised.outcome('migrate', [{ id: 'sc' }], 'm#3')).rejects.toBeInstanceOf(Error);
  // Another process: counts from the journal, lets the one that had started go on.
  const resumed = await bench({ plan: { limits }, journal, there });
  expect((await resumed.outcome('migrate', [{ id: 'sa' }], 'm#1')).kind).toBe('value');
  await expect(resumed.outcome('migrate', [{ id: 'sb' }], 'm#2')).rejects.toBeInstanceOf(Suspended);
});

test('agents that start at the same moment do not pass the limit together', async () => {
  const { plan } = await bench();
  const { outcome, agents } = await bench({ plan: { limits: { ...plan.limits, agents: 2 } } });
  const ends = await Promise.allSettled(['a', 'b', 'c', 'd'].map((prompt) => outcome('agent', [prompt])));
  expect(ends.filter((end) => end.status === 'rejected')).toHaveLength(2);
  expect(agents.tasks).toHaveLength(2);
});

function failing(times: number, error: () => Error) {
  let left = times;
  const play: Play = async (task) => {
    left -= 1;
    if (left >= 0) throw error();
    return diligent(task);
  };
  return play;
}

test('a transient fault is tried again, a bounded number of times, then it is null with its cause', async () => {
  const busy = () => new ConvergeError('git', 'the mirror is busy', { retry: 'later' });
  expect((await (await bench({ play: failing(2, busy) })).outcome('migrate', [{ id: 'sa' }])).kind).toBe('value');
  expect(await (await bench({ play: failing(3, busy) })).outcome('migrate', [{ id: 'sa' }])).toEqual({
    kind: 'null',
    cause: 'the mirror is busy',
  });
});

test('what fails for good is null at once; a journal that cannot be written suspends', async () => {
  const final = await bench({ play: failing(1, () => new ConvergeError('git', 'broken mirror')) });
  expect(await final.outcome('migrate', [{ id: 'sa' }])).toEqual({ kind: 'null', cause: 'broken mirror' });
  const full = await bench({ play: failing(1, () => new ConvergeError('journal', 'disk full')) });
  await expect(full.outcome('migrate', [{ id: 'sa' }])).rejects.toMatchObject({ reason: 'storage' });
});
