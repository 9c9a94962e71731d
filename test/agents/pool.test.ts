import { expect, test } from 'vitest';
import { bench, live, textTask } from './support.ts';

const LONG = 'A rule that everybody follows. '.repeat(300);

test('the first request of a wave goes ahead until its response begins', async () => {
  const began = Promise.withResolvers<void>();
  const events: string[] = [];
  const { agents, server } = await bench(async (_seen, n) => {
    events.push(`request ${n}`);
    if (n === 1) await began.promise;
    return { begunThen: () => Promise.resolve({ text: 'ok' }) };
  });
  const all = Array.from({ length: 6 }, (_, n) => agents.run(textTask({ id: `a${n}`, system: [LONG] }), live()));
  // Another prefix has nothing to wait for.
  expect(await agents.run(textTask({ id: 'other', system: ['Another.'] }), live())).toMatchObject({ ending: 'done' });
  expect(events).toHaveLength(2);
  began.resolve();
  await Promise.all(all);
  expect(server.seen).toHaveLength(7);
  // Warm now: nobody waits for anybody.
  const later = await Promise.all(Array.from({ length: 3 }, (_, n) => agents.run(textTask({ id: `b${n}`, system: [LONG] }), live())));
  expect(later.every((outcome) => outcome.ending === 'done')).toBe(true);
});

test('when the one ahead fails, the next goes ahead', async () => {
  const { agents, server } = await bench((_seen, n) =>
    n === 1 ? { status: 400, error: { type: 'invalid_request_error', message: 'odd' } } : { text: 'ok' },
  );
  const all = await Promise.all(Array.from({ length: 3 }, (_, n) => agents.run(textTask({ id: `a${n}`, system: [LONG] }), live())));
  expect(all.map((outcome) => outcome.ending).toSorted()).toEqual(['done', 'done', 'failed']);
  expect(server.seen).toHaveLength(3);
});

test('conversations at once are bounded for a run, and each is told in the census', async () => {
  const { agents, server, events } = await bench(
    () => ({ begunThen: () => new Promise((resolve) => setImmediate(() => resolve({ text: 'ok' }))) }),
    { concurrency: 3 },
  );
  await Promise.all(Array.from({ length: 12 }, (_, n) => agents.run(textTask({ id: `a${n}` }), live())));
  expect(server.peak()).toBeLessThanOrEqual(3);
  let living = 0;
  let most = 0;
  for (const event of await events()) {
    if (event.type === 'agent.started') living += 1;
    if (event.type === 'agent.ended') living -= 1;
    most = Math.max(most, living);
  }
  expect(living).toBe(0);
  expect(most).toBe(3);
});

test('who waits for a place stops when told to, without a word in the journal', async () => {
  const hold = Promise.withResolvers<void>();
  const { agents, events } = await bench(
    async () => {
      await hold.promise;
      return { text: 'ok' };
    },
    { concurrency: 1 },
  );
  const first = agents.run(textTask({ id: 'first' }), live());
  const stop = new AbortController();
  const second = agents.run(textTask({ id: 'second' }), stop.signal);
  stop.abort();
  await expect(second).rejects.toMatchObject({ reason: 'stopping' });
  hold.resolve();
  expect((await first).ending).toBe('done');
  await agents.close();
  expect((await events()).filter((event) => event.type === 'agent.started').map((event) => event.agent)).toEqual(['first']);
});
