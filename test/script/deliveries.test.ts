import { expect, test } from 'vitest';
import type { Json } from '../../src/domain/json.ts';
import type { Delivery, Drain, ScriptEnd, ScriptLimits } from '../../src/script/protocol.ts';
import { runSandboxed } from '../../src/script/sandbox.ts';
import { BUDGET, META, value, VIEW } from './support.ts';

interface Played {
  readonly end: ScriptEnd;
  readonly drains: readonly Drain[];
}

/** Every call is answered at once with what `answer` makes of its first argument, all answers together. */
async function played(body: string, answer: (arg: Json) => Json, limits: Partial<ScriptLimits> = {}): Promise<Played> {
  const drains: Drain[] = [];
  const known: Delivery[] = [];
  const end = await runSandboxed({
    source: META + body,
    view: VIEW,
    limits,
    port: {
      drained: (drain) => {
        drains.push(drain);
        known.splice(0, drain.taken);
        for (const { id, args } of drain.calls) known.push({ id, outcome: value(answer(args[0] ?? null)), budget: BUDGET, failure: null });
        return Promise.resolve();
      },
      next: () => Promise.resolve([...known]),
    },
  });
  return { end, drains };
}

const ASK = `const asked = Array.from({ length: 4 }, (_, at) => agent(String(at)));`;

test('results that are known together are taken in their order, each with all that follows from it before the next', async () => {
  const { end, drains } = await played(
    `const order = [];
${ASK}
for (const [at, one] of asked.entries()) one.then(() => order.push('settled ' + at)).then(() => order.push('and then ' + at));
await Promise.all(asked);
return order;`,
    (arg) => arg,
  );
  expect(end).toMatchObject({
    value: ['settled 0', 'and then 0', 'settled 1', 'and then 1', 'settled 2', 'and then 2', 'settled 3', 'and then 3'],
  });
  expect(drains.map(({ taken }) => taken)).toEqual([0, 4]);
});

test('after one with which the script told something or issued a call, none is taken before the host has heard of it', async () => {
  const { end, drains } = await played(
    `${ASK}
await asked[0];
log('one is there');
await asked[1];
await asked[2];
const more = agent('more');
await asked[3];
return await more;`,
    (arg) => arg,
  );
  expect(end).toMatchObject({ value: 'more' });
  expect(drains.map(({ taken, tells, calls }) => ({ taken, tells: tells.length, calls: calls.length }))).toEqual([
    { taken: 0, tells: 0, calls: 4 },
    { taken: 1, tells: 1, calls: 0 },
    { taken: 2, tells: 0, calls: 1 },
    { taken: 2, tells: 0, calls: 0 },
  ]);
});

test('large results go one by one, so that the thread holds no more than one of them', async () => {
  const { end, drains } = await played(
    `${ASK}
return (await Promise.all(asked)).map((one) => one.length);`,
    () => 'x'.repeat(700_000),
  );
  expect(end).toMatchObject({ value: [700_000, 700_000, 700_000, 700_000] });
  expect(drains.map(({ taken }) => taken)).toEqual([0, 1, 1, 1, 1]);
});

test('many slices that each compute a while are not taken for a thread that hangs', { timeout: 120_000 }, async () => {
  const { end } = await played(
    `return (await parallel(Array.from({ length: 200 }, (_, at) => async () => {
  await agent(String(at));
  let sum = 0;
  for (let turn = 0; turn < 300_000; turn += 1) sum += turn;
  return sum;
}))).length;`,
    (arg) => arg,
    { sliceMs: 500, silenceMs: 250, heartbeatMs: 50, cpuMs: 100_000 },
  );
  expect(end).toMatchObject({ value: 200 });
});
