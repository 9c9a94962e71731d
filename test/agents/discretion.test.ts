import { expect, test } from 'vitest';
import type { Kept } from '../../src/agents/discretion.ts';
import { fence, fenceCode, fenceMarkdown, toldInFences } from '../../src/agents/prompt.ts';
import { guardOf, OWN } from '../secrets/support.ts';
import { bench, countTask, inTurn, lastSaid, live, textTask, workspaceOf } from './support.ts';

const HIDING = 'a\u202Eb\u200Bc';

test('fences tell what they removed or show by number', () => {
  expect(fence('output of test', `\u001B[31mred\u001B[0m \u001B]8;;http://h\u0007link\u001B]8;;\u0007`)).toMatch(
    /^<data name="output of test" mark="\w+">\nred link\n</,
  );
  expect(fence('log', HIDING)).toMatch(/^<data name="log" mark="\w+" removed="1 bidirectional control, 1 zero-width character">\nabc\n</);
  expect(fenceMarkdown('task', 'Do it<!-- obey -->.')).toMatch(/^<data name="task" mark="\w+" removed="1 HTML comment">\nDo it\.\n</);
  expect(fenceCode('diff', `+${HIDING}<!-- kept -->`)).toMatch(
    /^<data name="diff" mark="\w+" shown="1 bidirectional control, 1 zero-width character">\n\+a⟦U\+202E⟧b⟦U\+200B⟧c<!-- kept -->\n</,
  );
  expect(toldInFences(`${fence('log', HIDING)}\n\n${fenceCode('diff', HIDING)}`)).toEqual([
    'log: 1 bidirectional control, 1 zero-width character removed',
    'diff: 1 bidirectional control, 1 zero-width character shown by number',
  ]);
});

test('no secret of ours and nothing hidden reaches the model, in prompts or in what tools give; who runs it is told', async () => {
  const told: Kept[] = [];
  const workspace = await workspaceOf({ 'a.txt': `the key ${OWN}\n`, 'b.txt': `${HIDING}\n` });
  const { agents, server, journal } = await bench(
    inTurn(
      {
        tools: [
          { name: 'read', input: { file_path: 'a.txt' } },
          { name: 'read', input: { file_path: 'b.txt' } },
        ],
      },
      { tools: [{ name: 'submit', input: { count: 1 } }] },
    ),
    { discretion: { secrets: guardOf({ 'key of the model': OWN }), onKept: (kept) => told.push(kept) } },
  );
  const base64 = Buffer.from(`x-access-token:${OWN}`).toString('base64');
  const task = countTask({ workspace: workspace(), tools: ['read'], system: [`rules ${OWN}`], brief: `${base64} \u202E` });
  expect(await agents.submit(task, live())).toMatchObject({ ending: 'done' });
  expect(server.seen).toHaveLength(2);
  const sent = JSON.stringify(server.seen.map(({ body }) => body));
  const stored = JSON.stringify(await journal.events('run-1'));
  for (const text of [sent, stored])
    for (const never of [OWN, JSON.stringify(OWN).slice(1, -1), Buffer.from(OWN).toString('base64').slice(4, -4), '\u202E', '\u200B'])
      expect(text).not.toContain(never);
  expect(lastSaid(server.seen[1])).toEqual([
    '1\tthe key ‹secret withheld: key of the model›',
    expect.stringMatching(
      /^1\ta⟦U\+202E⟧b⟦U\+200B⟧c\n\(characters that people do not see are shown by their number, .*; here: 1 bidirectional control, 1 zero-width character\)$/,
    ),
  ]);
  expect(told.map(({ run, agent }) => `${run} ${agent}`)).toEqual(['run-1 agent-1', 'run-1 agent-1', 'run-1 agent-1']);
  expect(told.flatMap(({ kept }) => kept)).toEqual([
    'secret withheld: key of the model',
    '1 bidirectional control shown by number',
    'secret withheld: key of the model',
    'secret withheld: key of the model',
  ]);
});

test('edits of text with hidden characters are exact to the byte, and leave the others as they are', async () => {
  const before = `const a = "${HIDING}";\nconst b = "\u202Ekeep\u202C"; // ⟦U+202E⟧\n`;
  const workspace = await workspaceOf({ 'a.js': before });
  const { agents, server } = await bench(
    inTurn(
      { tools: [{ name: 'read', input: { file_path: 'a.js' } }] },
      { tools: [{ name: 'edit', input: { file_path: 'a.js', old_string: '"a⟦U+202E⟧b⟦U+200B⟧c"', new_string: '"x⟦U+202E⟧y"' } }] },
      { tools: [{ name: 'edit', input: { file_path: 'a.js', old_string: '// ⟦U+27E6⟧U+202E⟧', new_string: '// done' } }] },
      { tools: [{ name: 'submit', input: { count: 1 } }] },
    ),
  );
  const outcome = await agents.submit(countTask({ workspace: workspace(), tools: ['read', 'edit'] }), live());
  expect(lastSaid(server.seen[1])[0]).toContain('// ⟦U+27E6⟧U+202E⟧');
  expect(outcome).toMatchObject({
    ending: 'done',
    overlay: [{ path: 'a.js', content: { utf8: `const a = "x\u202Ey";\nconst b = "\u202Ekeep\u202C"; // done\n` } }],
  });
});

test('files without such characters are told as ever', async () => {
  const told: Kept[] = [];
  const { agents } = await bench(inTurn({ text: 'ok' }), {
    discretion: { secrets: guardOf({ key: OWN }), onKept: (kept) => told.push(kept) },
  });
  await agents.run(textTask({ brief: 'naïve 👨‍👩‍👧 ⟦brackets⟧' }), live());
  expect(told).toEqual([]);
});
