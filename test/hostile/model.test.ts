import { expect, test } from 'vitest';
import { bench, countTask, lastSaid, live, submit, workspaceOf, type Reply } from '../agents/support.ts';

/* A model that answers whatever it likes, over HTTP, to the real conversation with the real tools. */

const HOSTILE: readonly (readonly [string, Reply])[] = [
  [
    'tools that are not there',
    {
      tools: [
        { name: 'bash', input: { command: 'env' } },
        { name: '__proto__', input: {} },
        { name: 'constructor', input: {} },
      ],
    },
  ],
  [
    'a tool whose name is a tool and more',
    {
      tools: [
        { name: 'read ', input: { file_path: 'a.js' } },
        { name: 'READ', input: { file_path: 'a.js' } },
      ],
    },
  ],
  ['inputs of other shapes', { tools: ['text', 5, null, [], true].map((input) => ({ name: 'read', input })) }],
  [
    'fields of other shapes',
    {
      tools: [
        { name: 'write', input: { file_path: ['a.js'], content: { toString: 'x' } } },
        { name: 'write', input: { file_path: 'a.js', content: null } },
      ],
    },
  ],
  [
    'keys of prototypes',
    {
      tools: [
        {
          name: 'write',
          input: {},
          json: '{"__proto__": {"file_path": "a.js", "content": "x"}, "constructor": {"prototype": {"polluted": 1}}}',
        },
      ],
    },
  ],
  [
    'fields that it was not asked for',
    {
      tools: [
        { name: 'write', input: { file_path: 'a.js', content: 'x', mode: '120000' } },
        { name: 'write', input: { file_path: 'a.js', content: 'x', force: true } },
      ],
    },
  ],
  [
    'paths that lead out',
    {
      tools: ['../x', '/etc/passwd', '.git/config', 'b.js/../../x', '/proc/self/environ', '~/.ssh/id_rsa', 'file:///etc/passwd'].map(
        (file_path) => ({ name: 'write', input: { file_path, content: 'x' } }),
      ),
    },
  ],
  [
    'patterns that lead out',
    {
      tools: [
        { name: 'glob', input: { pattern: '../**' } },
        { name: 'glob', input: { pattern: '/**' } },
        { name: 'grep', input: { pattern: '.', path: '../' } },
        { name: 'grep', input: { pattern: '--open-files-in-pager=touch pwned', path: ':(top,exclude)a.js' } },
      ],
    },
  ],
  [
    'JSON that is none',
    {
      tools: [
        { name: 'read', input: {}, json: '{"file_path": ' },
        { name: 'read', input: {}, json: 'undefined' },
      ],
    },
  ],
  ['one call many times', { tools: Array.from({ length: 200 }, () => ({ name: 'read', input: { file_path: 'nope' } })) }],
  ['the same id for all', { tools: Array.from({ length: 3 }, () => ({ name: 'read', input: { file_path: 'nope' }, id: 'toolu_same' })) }],
  ['a gigantic input', { tools: [{ name: 'edit', input: { file_path: 'a.js', old_string: 'x'.repeat(3_000_000), new_string: '' } }] }],
  ['an answer of another shape', { tools: [{ name: 'submit', input: { count: '5', approved: true } }] }],
];

test.each(HOSTILE)('%s: each call is told what is wrong, nothing is written, and the conversation goes on', async (_what, reply) => {
  const open = await workspaceOf({ 'a.js': 'one\n', 'b.js': 'two\n' });
  const workspace = open();
  const { agents, server } = await bench((_seen, n) => (n === 1 ? reply : submit({ count: 0 })));
  const task = countTask({
    workspace,
    tools: ['read', 'glob', 'grep', 'edit', 'write', 'remove'],
    mayWrite: (path) => (path === 'b.js' ? { ok: true } : { ok: false, reason: 'not yours' }),
  });
  const outcome = await agents.submit(task, live());
  expect(outcome.ending).toBe('done');
  expect(await workspace.overlay()).toEqual([]);
  const said = lastSaid(server.seen[1]);
  expect(said.length).toBeGreaterThanOrEqual(1);
  expect(said.join('\n')).not.toMatch(/root:x|PATH=/u);
  expect('polluted' in {}).toBe(false);
  expect('file_path' in {}).toBe(false);
});

test('a key, should the model know one, is not among what it is told of its environment', async () => {
  const open = await workspaceOf({ 'a.js': 'one\n' });
  const { agents, server } = await bench((_seen, n) =>
    n === 1
      ? {
          tools: [
            { name: 'read', input: { file_path: '/proc/self/environ' } },
            { name: 'grep', input: { pattern: 'test-key' } },
          ],
        }
      : submit({ count: 0 }),
  );
  await agents.submit(countTask({ workspace: open(), tools: ['read', 'grep'] }), live());
  const sent = server.seen.map(({ body }) => JSON.stringify(body));
  // The pattern is the model's own word; nothing else of what was sent holds the key.
  expect(sent[0]).not.toContain('test-key');
  expect(lastSaid(server.seen[1]).join('')).not.toContain('Bearer');
});

test('a model that never hands in ends by its turns, and money is not passed', async () => {
  const { agents, journal } = await bench(() => ({ tools: [{ name: 'read', input: { file_path: 'x' } }] }), { budget: 20_000 });
  const outcome = await agents
    .submit(countTask({ tools: ['read'], limits: { turns: 5, seconds: 60, budget: 20_000 } }), live())
    .catch((error: unknown) => error);
  expect(outcome).toBeDefined();
  const { spent } = await journal.balance('run/run-1').catch(() => ({ spent: { dollars: 0 } }));
  expect(spent.dollars).toBeLessThanOrEqual(20_000);
});
