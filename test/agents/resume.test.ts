import { expect, test } from 'vitest';
import { Suspended } from '../../src/domain/errors.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { openSqliteJournal } from '../../src/journal/sqlite.ts';
import {
  bench,
  call,
  countTask,
  inTurn,
  lastSaid,
  live,
  openTestJournal,
  RUN,
  submission,
  submit,
  temporary,
  textTask,
  workspaceOf,
  type Reply,
  type Script,
} from './support.ts';
import { spendingOf } from '../journal/support.ts';

/** A little work in five replies: every kind of step once. */
const WORK: readonly Reply[] = [
  { thinking: 'Where?', tools: [{ name: 'read', input: { file_path: 'a.js' }, id: 't0' }] },
  { tools: [{ name: 'edit', input: { file_path: 'a.js', old_string: 'one', new_string: 'two' }, id: 't1' }] },
  { text: 'I forgot to submit.' },
  {
    tools: [
      { name: 'write', input: { file_path: 'b.js', content: 'new\n' }, id: 't2' },
      { name: 'remove', input: { file_path: 'c.js' }, id: 't3' },
    ],
  },
  submit({ count: 2 }),
];
const FILES = { 'a.js': 'one\n', 'c.js': 'gone\n', 'd.js': 'kept\n' };
const TOOLS = ['read', 'edit', 'write', 'remove'] as const;

/** What was answered before, by the length of the conversation: a model without memory. */
const script: Script = ({ body }) => {
  const turns = body.messages.filter((message) => message.role === 'assistant').length;
  return WORK[turns] ?? 'refused-connection';
};

async function undisturbed(): Promise<{ outcome: unknown; hashes: string[] }> {
  const workspace = await workspaceOf(FILES);
  const { agents, server } = await bench(script);
  const outcome = await agents.submit(countTask({ workspace: workspace(), tools: TOOLS }), live());
  return { outcome, hashes: server.seen.map((seen) => seen.hash) };
}

test('D4 killed at any stored turn, a conversation goes on with all its edits: the same outcome, and no stored response is asked for again', async () => {
  const whole = await undisturbed();
  expect(whole.outcome).toMatchObject({ ending: 'done', answer: { count: 2 } });
  expect(whole.hashes).toHaveLength(5);
  const workspace = await workspaceOf(FILES);

  for (let kill = 1; kill <= 9; kill++) {
    const directory = temporary();
    const first = await openSqliteJournal({ directory });
    const stop = new AbortController();
    let stored = 0;
    // The process dies at the moment at which the n-th part of a turn is on disk.
    const dying = withCheckpoint(first, async (...args) => {
      await first.checkpoint(...args);
      stored += 1;
      if (stored < kill) return;
      stop.abort();
      throw new Suspended('stopping', 'killed');
    });
    const before = await bench(script, { journal: dying });
    await expect(before.agents.submit(countTask({ workspace: workspace(), tools: TOOLS }), stop.signal)).rejects.toMatchObject({
      reason: 'stopping',
    });
    await first.close();

    const journal = await openTestJournal(directory);
    const after = await bench(script, { journal });
    const outcome = await after.agents.submit(countTask({ workspace: workspace(), tools: TOOLS }), live());
    expect(outcome).toEqual(whole.outcome);
    const hashes = [...before.server.seen, ...after.server.seen].map((seen) => seen.hash);
    expect(hashes).toEqual(whole.hashes);
    expect((await after.events()).at(-1)).toMatchObject({ ending: 'done', turns: 5 });
  }
}, 30_000);

test('an examination learns after a kill, too, how often it objected', async () => {
  const directory = temporary();
  const heard: number[] = [];
  const examine = (_answer: { count: number }, before: number): Promise<readonly string[]> => {
    heard.push(before);
    return Promise.resolve(before === 0 ? ['Count again.'] : []);
  };
  const task = () => countTask({ submit: submission({ examine }) });
  const stop = new AbortController();
  const first = await openSqliteJournal({ directory });
  const dying = withCheckpoint(first, async (run, agent, turn) => {
    await first.checkpoint(run, agent, turn);
    if (turn.part === 'response') return;
    stop.abort();
    throw new Suspended('stopping', 'killed');
  });
  const before = await bench(() => submit({ count: 2 }), { journal: dying });
  await expect(before.agents.submit(task(), stop.signal)).rejects.toMatchObject({ reason: 'stopping' });
  await first.close();

  const after = await bench(() => submit({ count: 3 }), { journal: await openTestJournal(directory) });
  expect(await after.agents.submit(task(), live())).toMatchObject({ ending: 'done', answer: { count: 3 } });
  expect(heard).toEqual([0, 1]);
});

/** The same journal with one verb replaced. */
function withCheckpoint(journal: Journal, checkpoint: Journal['checkpoint']): Journal {
  return new Proxy(journal, {
    get: (target, name) => {
      const value: unknown = name === 'checkpoint' ? checkpoint : Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

test('told to stop while the model answers: the response is finished, stored, and its tools run at the next start', async () => {
  const journal = await openTestJournal();
  const workspace = await workspaceOf(FILES);
  const stop = new AbortController();
  const { agents, server } = await bench(
    (_seen, n) =>
      n === 1
        ? {
            begunThen: () => {
              stop.abort();
              return Promise.resolve(call('edit', { file_path: 'a.js', old_string: 'one', new_string: 'two' }));
            },
          }
        : submit({ count: 1 }),
    { journal, timings: { drain: 5000 } },
  );
  const task = () => countTask({ workspace: workspace(), tools: TOOLS });
  await expect(agents.submit(task(), stop.signal)).rejects.toMatchObject({ reason: 'stopping' });
  expect((await spendingOf(journal, RUN)).reserved).toBe(0);
  const outcome = await agents.submit(task(), live());
  expect(outcome).toMatchObject({ ending: 'done', overlay: [{ path: 'a.js', content: { utf8: 'two\n' } }] });
  expect(server.seen).toHaveLength(2);
  expect(lastSaid(server.seen[1])).toEqual(['Edited `a.js`: 1 place.']);
});

test('told to stop with no time left: the request is broken off and charged in full', async () => {
  const stop = new AbortController();
  const { agents, journal, events } = await bench(() => ({
    begunThen: () => {
      stop.abort();
      return new Promise(() => undefined);
    },
  }));
  await expect(agents.run(textTask(), stop.signal)).rejects.toMatchObject({ reason: 'stopping' });
  const { spent, reserved } = await spendingOf(journal, RUN);
  expect(spent).toBeGreaterThan(320_000);
  expect(reserved).toBe(0);
  expect((await events()).at(-1)).toMatchObject({ type: 'agent.ended', ending: 'suspended' });
});

test('a file taken back to its first state stays so when the conversation goes on', async () => {
  const journal = await openTestJournal();
  const open = await workspaceOf(FILES);
  const revised = async () => {
    const workspace = open();
    // A reviser begins on the change under revision.
    await workspace.restore([
      { path: 'a.js', mode: '100644', content: { utf8: 'changed\n' } },
      { path: 'n.js', mode: '100644', content: { utf8: 'new\n' } },
    ]);
    return workspace;
  };
  const stop = new AbortController();
  const { agents } = await bench(
    (_seen, n) => {
      if (n === 2) {
        stop.abort();
        return 'refused-connection';
      }
      return n === 1
        ? {
            tools: [
              { name: 'write', input: { file_path: 'a.js', content: 'one\n' } },
              { name: 'remove', input: { file_path: 'n.js' } },
            ],
          }
        : submit({ count: 0 });
    },
    { journal },
  );
  await expect(agents.submit(countTask({ workspace: await revised(), tools: TOOLS }), stop.signal)).rejects.toMatchObject({
    reason: 'stopping',
  });
  expect(await agents.submit(countTask({ workspace: await revised(), tools: TOOLS }), live())).toMatchObject({
    ending: 'done',
    overlay: [],
  });
});

test('a journal that cannot be written suspends as storage', async () => {
  const journal = await openSqliteJournal({ directory: temporary() });
  const { agents } = await bench(inTurn({ text: 'ok' }), { journal });
  await journal.close();
  await expect(agents.run(textTask(), live())).rejects.toMatchObject({ name: 'Suspended', reason: 'storage' });
});

test('an answer and what it cost are on disk together: a kill never finds the one without the other', async () => {
  const workspace = await workspaceOf(FILES);
  const journal = await openTestJournal();
  const { agents } = await bench(script, { journal });
  const stored: Promise<readonly unknown[]>[] = [];
  const task = countTask({ workspace: workspace(), tools: TOOLS });
  journal.watch(RUN, ({ event }) => {
    if (event.type === 'spend.charged')
      stored.push(journal.checkpoints(RUN, task.id).then((turns) => turns.filter(({ part }) => part === 'response')));
  });
  await agents.submit(task, live());
  expect((await Promise.all(stored)).map((responses) => responses.length)).toEqual([1, 2, 3, 4, 5]);
});
