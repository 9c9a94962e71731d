import { expect, test } from 'vitest';
import type { SwitchedOff } from '../../src/domain/switched-off.ts';
import { bench, live, openTestJournal, RUN, textTask, type Script } from './support.ts';

/** Reads twice, then answers. */
const work: Script = ({ body }) => {
  const turns = body.messages.filter(({ role }) => role === 'assistant').length;
  return turns < 2 ? { tools: [{ name: 'read', input: { file_path: `${turns}.js` }, id: `t${turns}` }] } : { text: 'Done.' };
};

test('switched off while the model answers: the answer is kept, nothing more is asked or reserved; switched on, nothing is asked twice', async () => {
  let off: SwitchedOff | null = null;
  const journal = await openTestJournal();
  const { agents, server, events } = await bench(
    (seen, n) => {
      if (n === 1) off = { reason: 'a leak' };
      return work(seen, n);
    },
    { journal, off: () => off },
  );
  const task = textTask({ tools: ['read'] });
  await expect(agents.run(task, live())).rejects.toMatchObject({
    reason: 'switched-off',
    message: expect.stringContaining('The operator has switched Converge off (a leak)'),
  });
  expect(server.seen).toHaveLength(1);
  expect(await journal.openReservations(RUN)).toEqual([]);
  expect((await events()).filter(({ type }) => type === 'spend.charged')).not.toEqual([]);

  const before = (await events()).filter(({ type }) => type === 'spend.reserved' || type === 'agent.started').length;
  await expect(agents.run(textTask({ id: 'another' }), live())).rejects.toMatchObject({ reason: 'switched-off' });
  expect((await events()).filter(({ type }) => type === 'spend.reserved' || type === 'agent.started')).toHaveLength(before);
  expect(server.seen).toHaveLength(1);

  off = null;
  expect(await agents.run(task, live())).toMatchObject({ ending: 'done' });
  expect(server.seen).toHaveLength(3);
});

test('wherever it is written that the repository may not spend any more, agents of the run ask nothing until the run goes on, or is tried again', async () => {
  const journal = await openTestJournal();
  const { agents, server } = await bench(
    async (seen, n) => {
      if (n === 1) await journal.append(RUN, [{ type: 'run.paused', reason: 'not-allowed', message: 'The list is shorter.' }]);
      return work(seen, n);
    },
    { journal },
  );
  const task = textTask({ tools: ['read'] });
  await expect(agents.run(task, live())).rejects.toMatchObject({ reason: 'not-allowed', message: 'The list is shorter.' });
  await expect(agents.run(textTask({ id: 'another' }), live())).rejects.toMatchObject({ reason: 'not-allowed' });
  expect(server.seen).toHaveLength(1);
  await journal.append(RUN, [{ type: 'run.resumed' }]);
  expect(await agents.run(task, live())).toMatchObject({ ending: 'done' });
  expect(server.seen).toHaveLength(3);
});

test.each(['authentication', 'spending-limit'] as const)(
  'B2 a run that paused for the account of another process (%s) asks nothing here either: what is being answered is kept, and all goes on with the run',
  async (reason) => {
    const journal = await openTestJournal();
    const { agents, server, events } = await bench(
      async (seen, n) => {
        if (n === 1) await journal.append(RUN, [{ type: 'run.paused', reason, message: 'Elsewhere.' }]);
        return work(seen, n);
      },
      { journal },
    );
    const task = textTask({ tools: ['read'] });
    // The reason for which a driver that goes on gives the call out again.
    await expect(agents.run(task, live())).rejects.toMatchObject({ reason: 'stopping' });
    expect(server.seen).toHaveLength(1);
    expect(await journal.checkpoints(RUN, task.id)).not.toEqual([]);
    expect(await journal.openReservations(RUN)).toEqual([]);
    await journal.append(RUN, [{ type: 'run.resumed' }]);
    expect(await agents.run(task, live())).toMatchObject({ ending: 'done' });
    expect(server.seen).toHaveLength(3);
    expect((await events()).filter(({ type }) => type === 'spend.charged').length).toBeGreaterThanOrEqual(3);
  },
);
