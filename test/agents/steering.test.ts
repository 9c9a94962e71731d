import { expect, test } from 'vitest';
import { Suspended } from '../../src/domain/errors.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { openSqliteJournal } from '../../src/journal/sqlite.ts';
import { bench, call, live, openTestJournal, RUN, temporary, textTask, type Script, type Seen } from './support.ts';

const KNOWN = 'claude-opus-4-8';
const UNSURE = 'claude-sonnet-5-5';
const TOOLS = ['read'] as const;

/** Reads twice, then answers: what was answered before tells where it is. */
const work: Script = ({ body }) => {
  const turns = body.messages.filter(({ role }) => role === 'assistant').length;
  return turns < 2 ? { tools: [{ name: 'read', input: { file_path: `${turns}.js` }, id: `t${turns}` }] } : { text: 'Done.' };
};

function say(journal: Journal, id: string, text: string): Promise<unknown> {
  return journal.append(RUN, [{ type: 'run.amended', id, by: 'mona', amendment: { kind: 'steer', text }, hash: 'h' }]);
}

function roles(seen: Seen | undefined): string {
  return (seen?.body.messages ?? []).map(({ role }) => role.slice(0, 1)).join('');
}

/** Without breakpoints, which move with each turn. */
function messagesOf(seen: Seen | undefined) {
  return (seen?.body.messages ?? []).map(({ role, content }) => ({
    role,
    content: content.map((block) => ({ ...block, cache_control: undefined })),
  }));
}

function times(seen: Seen | undefined, text: string): number {
  return JSON.stringify(seen?.body.messages).split(text).length - 1;
}

test('a steer reaches an agent at work before its next request, once, and as the system’s word; what was sent before is unchanged', async () => {
  const journal = await openTestJournal();
  const { agents, server } = await bench(
    async (seen, n) => {
      if (n === 1) await say(journal, '7', 'Keep the names.');
      return work(seen, n);
    },
    { journal },
  );
  expect(await agents.run(textTask({ model: KNOWN, tools: TOOLS }), live())).toMatchObject({ ending: 'done' });
  const [first, second, third] = server.seen;
  expect([roles(first), roles(second), roles(third)]).toEqual(['u', 'uaus', 'uausau']);
  expect(server.seen.map((seen) => times(seen, 'Keep the names.'))).toEqual([0, 1, 1]);
  expect(messagesOf(third).slice(0, 4)).toEqual(messagesOf(second));
  expect(messagesOf(second).slice(0, 1)).toEqual(messagesOf(first));
  expect(second?.body.system).toEqual(first?.body.system);

  // All later ones hear it at their beginning, after their brief.
  await agents.run(textTask({ id: 'agent-2', model: KNOWN, tools: TOOLS }), live());
  expect(server.seen.slice(3).map(roles)).toEqual(['us', 'usau', 'usauau']);
});

test('a model of which nobody knows is tried once; when it refuses, steers are text at the end of what was said', async () => {
  const journal = await openTestJournal();
  const told: string[] = [];
  const refusing: Script = (seen, n) =>
    seen.body.messages.some(({ role }) => role === 'system')
      ? { status: 400, error: { type: 'invalid_request_error', message: "role 'system' is not supported" } }
      : work(seen, n);
  const { agents, server } = await bench(refusing, { journal, onPlainSteers: (model) => told.push(model) });
  await say(journal, '7', 'Keep the names.');
  await say(journal, '8', 'Keep the order.');
  expect(await agents.run(textTask({ model: UNSURE, tools: TOOLS }), live())).toMatchObject({ ending: 'done' });
  expect(server.seen.map(roles)).toEqual(['uss', 'u', 'uau', 'uauau']);
  expect(server.seen[1]?.body.messages[0]?.content.map(({ text }) => String(text).slice(0, 25))).toEqual([
    'How many files are there?',
    '<instruction from="mona">',
    '<instruction from="mona">',
  ]);
  expect(told).toEqual([UNSURE]);
  await agents.run(textTask({ id: 'agent-2', model: UNSURE, tools: TOOLS }), live());
  expect(server.seen.slice(4).map(roles)).toEqual(['u', 'uau', 'uauau']);
  expect(told).toEqual([UNSURE]);
});

test('a model that takes the system’s word when it is tried gets it ever after', async () => {
  const journal = await openTestJournal();
  const { agents, server } = await bench(work, { journal });
  await say(journal, '7', 'Keep the names.');
  await agents.run(textTask({ model: UNSURE, tools: TOOLS }), live());
  await agents.run(textTask({ id: 'agent-2', model: UNSURE, tools: TOOLS }), live());
  expect(server.seen.map(roles)).toEqual(['us', 'usau', 'usauau', 'us', 'usau', 'usauau']);
});

test('a request that is refused whatever its form ends the agent, and says nothing of the form', async () => {
  const journal = await openTestJournal();
  const told: string[] = [];
  const refuse: Script = () => ({ status: 400, error: { type: 'invalid_request_error', message: 'no' } });
  const { agents, server } = await bench(refuse, { journal, onPlainSteers: (model) => told.push(model) });
  await say(journal, '7', 'Keep the names.');
  expect(await agents.run(textTask({ model: UNSURE }), live())).toMatchObject({ ending: 'failed' });
  expect(server.seen.map(roles)).toEqual(['us', 'u']);
  expect(told).toEqual([]);
});

test('killed at any stored turn, the conversation goes on with the steer where it was', async () => {
  const play = async (kill: number): Promise<readonly string[]> => {
    const directory = temporary();
    const first = await openSqliteJournal({ directory });
    const stop = new AbortController();
    let stored = 0;
    const dying = withCheckpoint(first, async (...args) => {
      await first.checkpoint(...args);
      stored += 1;
      if (stored !== kill) return;
      stop.abort();
      throw new Suspended('stopping', 'killed');
    });
    const heard: Script = async (seen, n) => {
      if (n === 1) await say(first, '7', 'Keep the names.');
      return work(seen, n);
    };
    const before = await bench(heard, { journal: dying });
    const outcome = before.agents.run(textTask({ model: KNOWN, tools: TOOLS }), stop.signal);
    await (kill > 5 ? outcome : expect(outcome).rejects.toMatchObject({ reason: 'stopping' }));
    await first.close();
    const journal = await openTestJournal(directory);
    const after = await bench(work, { journal });
    if (kill <= 5) await after.agents.run(textTask({ model: KNOWN, tools: TOOLS }), live());
    return [...before.server.seen, ...after.server.seen].map(({ hash }) => hash);
  };
  const whole = await play(Infinity);
  expect(whole).toHaveLength(3);
  for (let kill = 1; kill <= 5; kill += 1) expect(await play(kill)).toEqual(whole);
});

test('while a person holds the run, nothing is asked; what is being answered is finished and kept', async () => {
  const journal = await openTestJournal();
  const asked = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  const { agents, server } = await bench(
    () => ({
      begunThen: async () => {
        asked.resolve();
        await held.promise;
        return call('read', { file_path: 'a.js' });
      },
    }),
    { journal },
  );
  const outcome = expect(agents.run(textTask({ tools: TOOLS }), live())).rejects.toMatchObject({ reason: 'person' });
  await asked.promise;
  await journal.signal(RUN, { id: '1', name: 'pause', by: 'mona', text: '' });
  let quiet = false;
  const waiting = agents.quiet(RUN).then(() => (quiet = true));
  await expect(agents.run(textTask({ id: 'agent-2' }), live())).rejects.toMatchObject({ reason: 'person' });
  expect(quiet).toBe(false);
  held.resolve();
  await outcome;
  await waiting;
  expect(server.seen).toHaveLength(1);
  expect((await journal.checkpoints(RUN, 'agent-1')).map(({ part }) => part)).toEqual(['response', 'results']);
  expect(await journal.openReservations(RUN)).toEqual([]);
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
