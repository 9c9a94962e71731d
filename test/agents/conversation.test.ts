import { expect, test } from 'vitest';
import { z } from 'zod';
import { MICRO } from '../../src/domain/budget.ts';
import { bench, call, countTask, inTurn, lastSaid, live, submission, submit, textTask, workspaceOf } from './support.ts';
import { spendingOf } from '../journal/support.ts';

test('the text of the last reply is the answer', async () => {
  const { agents, server, events, journal } = await bench(inTurn({ text: 'There are 3.' }));
  const outcome = await agents.run(textTask(), live());
  expect(outcome).toEqual({ ending: 'done', answer: 'There are 3.', text: 'There are 3.', overlay: [] });
  const [seen] = server.seen;
  expect(seen?.headers.authorization).toBe('Bearer test-key');
  expect(seen?.body).toMatchObject({ model: 'claude-sonnet-5-5', stream: true, max_tokens: 32_000, output_config: { effort: 'high' } });
  for (const never of ['temperature', 'top_p', 'tool_choice', 'thinking', 'thread', 'tools']) expect(seen?.body).not.toHaveProperty(never);
  const types = (await events()).map((event) => event.type);
  expect(types.filter((type) => /^(agent|spend)/.test(type))).toEqual(['agent.started', 'spend.reserved', 'spend.charged', 'agent.ended']);
  expect((await events()).at(-1)).toMatchObject({ type: 'agent.ended', agent: 'agent-1', ending: 'done', cause: '', turns: 1 });
  // 100 tokens in at $2 and 50 out at $10 a million.
  expect(await spendingOf(journal, 'run-1')).toMatchObject({ spent: 700, reserved: 0, usage: { input: 100, output: 50 } });
});

test('a model that is off without adaptive thinking is told to think', async () => {
  const { agents, server } = await bench(inTurn({ text: 'ok' }));
  await agents.run(textTask({ model: 'claude-opus-4-8', effort: 'xhigh' }), live());
  expect(server.seen[0]?.body).toMatchObject({ thinking: { type: 'adaptive' }, max_tokens: 64_000, output_config: { effort: 'xhigh' } });
});

test('tools run in their order, their answers go back, thinking comes back unchanged', async () => {
  const workspace = await workspaceOf({ 'a.js': 'one\n', 'b.js': 'two\n' });
  const { agents, server } = await bench(
    inTurn(
      {
        thinking: 'Let me look.',
        tools: [
          { name: 'glob', input: { pattern: '**/*.js' } },
          { name: 'read', input: { file_path: 'a.js' } },
        ],
      },
      {
        tools: [
          { name: 'edit', input: { file_path: 'a.js', old_string: 'one', new_string: 'uno' } },
          { name: 'edit', input: { file_path: 'a.js', old_string: 'uno', new_string: 'eins' } },
        ],
      },
      { tools: [{ name: 'submit', input: { count: 2 } }], text: 'Two.' },
    ),
  );
  const outcome = await agents.submit(countTask({ workspace: workspace(), tools: ['edit', 'read', 'glob'] }), live());
  expect(outcome).toEqual({
    ending: 'done',
    answer: { count: 2 },
    text: 'Two.',
    overlay: [{ path: 'a.js', mode: '100644', content: { utf8: 'eins\n' } }],
  });
  expect(server.seen[0]?.body.tools?.map((tool) => tool.name)).toEqual(['read', 'glob', 'edit', 'submit']);
  expect(lastSaid(server.seen[1])).toEqual(['a.js\nb.js', '1\tone']);
  expect(server.seen[1]?.body.messages[1]?.content[0]).toEqual({ type: 'thinking', thinking: 'Let me look.', signature: 'sig-1' });
  expect(lastSaid(server.seen[2])).toEqual(['Edited `a.js`: 1 place.', 'Edited `a.js`: 1 place.']);
});

test('unknown tools and malformed input are told, and the conversation goes on', async () => {
  const { agents, server } = await bench(
    inTurn(
      {
        tools: [
          { name: 'bash', input: { command: 'ls' } },
          { name: 'read', input: { path: 'a' } },
          { name: 'glob', input: {}, json: '{"pattern": "**' },
        ],
      },
      submit({ count: 0 }),
    ),
  );
  const outcome = await agents.submit(countTask({ tools: ['read', 'glob'] }), live());
  expect(outcome.ending).toBe('done');
  const said = lastSaid(server.seen[1]);
  expect(said[0]).toBe('There is no tool `bash`. Your tools are `read`, `glob`, `submit`.');
  expect(said[1]).toContain('the input of `read` does not fit');
  expect(said[1]).toContain('`file_path`');
  expect(said[1]).toContain('"path"');
  const errors = server.seen[1]?.body.messages.at(-1)?.content.map((block) => block['is_error']);
  expect(errors?.slice(0, 2)).toEqual([true, true]);
});

test('what fails the schema or the examination goes back, `attempts` times in all', async () => {
  const { agents, server, events } = await bench(inTurn(submit({ count: -1 }), submit({ count: 7 }), submit({ count: 8 })));
  const examine = ({ count }: { count: number }): Promise<string[]> => Promise.resolve([`There are not ${count} files.`]);
  const outcome = await agents.submit(countTask({ submit: submission({ examine }) }), live());
  expect(lastSaid(server.seen[1])[0]).toMatch(
    /^Your answer was not taken \(1 of 3 attempts used\):\n- `count`: .*\nCorrect it and call `submit` again/,
  );
  expect(lastSaid(server.seen[2])[0]).toContain('(2 of 3 attempts used):\n- There are not 7 files.');
  expect(outcome).toEqual({ ending: 'failed', cause: 'Its answer was not taken 3 times; the last time:\n- There are not 8 files.' });
  expect((await events()).at(-1)).toMatchObject({ ending: 'failed', turns: 3 });
});

test('an answer that is no object travels inside of one', async () => {
  const { agents, server } = await bench(inTurn(submit({ answer: ['a', 'b'] })));
  const task = { ...countTask(), submit: { description: 'Names.', schema: z.array(z.string()), attempts: 1 } };
  expect(await agents.submit(task, live())).toMatchObject({ ending: 'done', answer: ['a', 'b'] });
  expect(server.seen[0]?.body.tools?.[0]?.input_schema).toMatchObject({
    type: 'object',
    properties: { answer: { type: 'array' } },
    required: ['answer'],
  });
});

test('an answer in the reply of a failed edit is not taken, and costs no attempt', async () => {
  const workspace = await workspaceOf({ 'a.js': 'one\n' });
  const { agents, server } = await bench(
    inTurn(
      {
        tools: [
          { name: 'submit', input: { count: 1 } },
          { name: 'edit', input: { file_path: 'a.js', old_string: 'two', new_string: 'x' } },
        ],
      },
      submit({ count: 1 }),
    ),
  );
  const outcome = await agents.submit(countTask({ workspace: workspace(), tools: ['edit'], submit: submission({ attempts: 1 }) }), live());
  expect(lastSaid(server.seen[1])[0]).toContain('because another call of the same reply failed');
  expect(outcome).toMatchObject({ ending: 'done', overlay: [] });
});

test('ending without `submit` is reminded twice, then exhausted', async () => {
  const { agents, server } = await bench(inTurn({ text: 'I am done.' }));
  const outcome = await agents.submit(countTask(), live());
  expect(server.seen).toHaveLength(3);
  expect(lastSaid(server.seen[1])[0]).toContain('without calling `submit`');
  expect(outcome).toEqual({ ending: 'exhausted', cause: 'It ended its turn 3 times without an answer.' });
});

test('an empty reply is no answer, and is not sent back', async () => {
  const { agents, server } = await bench(inTurn({ text: '  ' }, { text: 'Here.' }));
  expect(await agents.run(textTask(), live())).toMatchObject({ ending: 'done', answer: 'Here.' });
  expect(server.seen[1]?.body.messages.map((message) => message.role)).toEqual(['user', 'user']);
});

test('a response cut off by max_tokens is asked for once more with room for more', async () => {
  const { agents, server } = await bench(inTurn({ text: 'The beg', stopReason: 'max_tokens' }, { text: 'The whole.' }));
  expect(await agents.run(textTask(), live())).toMatchObject({ ending: 'done', answer: 'The whole.' });
  expect(server.seen.map(({ body }) => body.max_tokens)).toEqual([32_000, 64_000]);
  expect(server.seen[1]?.body.messages).toEqual(server.seen[0]?.body.messages);
});

test('cut off twice is exhausted', async () => {
  const { agents, server } = await bench(inTurn({ text: 'The beg', stopReason: 'max_tokens' }));
  const outcome = await agents.run(textTask(), live());
  expect(outcome).toEqual({
    ending: 'exhausted',
    cause: 'Its response was cut off by max_tokens at 64000 tokens, after one that was cut off earlier.',
  });
  expect(server.seen).toHaveLength(2);
});

test('pause_turn goes on as it is', async () => {
  const { agents, server } = await bench(inTurn({ text: 'Wait', stopReason: 'pause_turn' }, { text: 'Done.' }));
  expect(await agents.run(textTask(), live())).toMatchObject({ ending: 'done', answer: 'Done.' });
  expect(server.seen[1]?.body.messages.map((message) => message.role)).toEqual(['user', 'assistant']);
});

test('a refusal ends as refused with its category', async () => {
  const { agents } = await bench(
    inTurn({ stopReason: 'refusal', stopDetails: { type: 'refusal', category: 'cyber', explanation: 'Not this.' } }),
  );
  expect(await agents.run(textTask(), live())).toEqual({ ending: 'refused', cause: 'The model refused (cyber): Not this.' });
});

test('a full context window is exhausted; an unknown stop reason fails', async () => {
  const full = await bench(inTurn({ text: 'x', stopReason: 'model_context_window_exceeded' }));
  expect(await full.agents.run(textTask(), live())).toMatchObject({
    ending: 'exhausted',
    cause: expect.stringContaining('context window'),
  });
  const odd = await bench(inTurn({ text: 'x', stopReason: 'compaction' }));
  expect(await odd.agents.run(textTask(), live())).toMatchObject({ ending: 'failed', cause: expect.stringContaining('`compaction`') });
});

test('the limit of turns: told two replies before the end, then exhausted', async () => {
  const { agents, server } = await bench(inTurn(call('glob', { pattern: '**' })));
  const outcome = await agents.submit(countTask({ tools: ['glob'], limits: { turns: 4, seconds: 60, budget: MICRO } }), live());
  expect(outcome).toEqual({ ending: 'exhausted', cause: 'It used all of its 4 turns without an answer.' });
  expect(server.seen).toHaveLength(4);
  expect(lastSaid(server.seen[2]).at(-1)).toContain('You have 2 replies left');
  expect(lastSaid(server.seen[3]).join()).not.toContain('replies left');
});

test('the limit of dollars for one agent: smaller responses first, then exhausted', async () => {
  const { agents, server } = await bench(inTurn({ ...call('glob', { pattern: '**' }), usage: { output_tokens: 9000 } }));
  const outcome = await agents.submit(countTask({ tools: ['glob'], limits: { turns: 20, seconds: 60, budget: 300_000 } }), live());
  expect(outcome).toMatchObject({
    ending: 'exhausted',
    cause: expect.stringMatching(/^It spent \$0\.\d\d of the \$0\.30 that one agent may/),
  });
  const sizes = server.seen.map(({ body }) => body.max_tokens);
  expect(sizes[0]).toBeLessThan(32_000);
  expect(sizes.at(-1)).toBeGreaterThanOrEqual(8000);
  expect(sizes).toEqual(sizes.toSorted((a, b) => b - a));
});

test('the limit of seconds breaks off a response', async () => {
  const { agents, journal } = await bench(() => ({ begunThen: () => new Promise(() => undefined) }));
  const outcome = await agents.run(textTask({ limits: { turns: 5, seconds: 0.05, budget: MICRO } }), live());
  expect(outcome).toEqual({ ending: 'exhausted', cause: 'It used all of its 0 s of work without an answer.' });
  const { spent, reserved } = await spendingOf(journal, 'run-1');
  expect(spent).toBeGreaterThan(300_000); // never learned: charged in full
  expect(reserved).toBe(0);
});

test('cache breakpoints: one hour after the system, rolling at the end, four at most', async () => {
  const turns = Array.from({ length: 6 }, () => call('glob', { pattern: '**' }));
  const { agents, server } = await bench(inTurn(...turns, submit({ count: 0 })));
  await agents.submit(countTask({ tools: ['glob'] }), live());
  for (const { body } of server.seen) {
    expect(body.system?.map((part) => part.cache_control)).toEqual([undefined, { type: 'ephemeral', ttl: '1h' }]);
    const marked = body.messages.flatMap((message, at) =>
      message.content.flatMap((part, index) =>
        part.cache_control === undefined ? [] : [{ at, last: index === message.content.length - 1 }],
      ),
    );
    expect(marked.length).toBeLessThanOrEqual(3);
    expect(marked.at(-1)).toEqual({ at: body.messages.length - 1, last: true });
  }
  // What one request marks at its end, the next finds again at the same place.
  const prefix = (n: number): unknown => server.seen[n]?.body.messages.length;
  expect(prefix(3)).toBe(7);
  const again = server.seen[3]?.body.messages[4]?.content.at(-1)?.cache_control;
  expect(again).toEqual({ type: 'ephemeral' });
});
