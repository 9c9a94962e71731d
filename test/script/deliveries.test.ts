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
    // A slow machine does not break a handful off before its end.
    limits: { heartbeatMs: 60_000, ...limits },
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

/** As many calls at once; where nothing keeps the script, their results go to it alone, then in twos, fours and so on. */
const ask = (many: number): string => `const asked = Array.from({ length: ${many} }, (_, at) => agent(String(at)));\n`;

const takenIn = (drains: readonly Drain[]): readonly number[] => drains.map(({ taken }) => taken);

test('results that are known together are taken in their order, each with all that follows from it before the next', async () => {
  const { end, drains } = await played(
    `${ask(7)}const order = [];
for (const [at, one] of asked.entries()) one.then(() => order.push('settled ' + at)).then(() => order.push('and then ' + at));
await Promise.all(asked);
return order;`,
    (arg) => arg,
  );
  expect(end).toMatchObject({ value: Array.from({ length: 7 }, (_, at) => [`settled ${at}`, `and then ${at}`]).flat() });
  expect(takenIn(drains)).toEqual([0, 1, 2, 4]);
});

test('after one with which the script told something or issued a call, none is taken before the host has heard of it, and the next goes alone', async () => {
  const { end, drains } = await played(
    `${ask(7)}await asked[1];
log('two are there');
await asked[5];
const more = agent('more');
await asked[6];
return await more;`,
    (arg) => arg,
  );
  expect(end).toMatchObject({ value: 'more' });
  expect(drains.map(({ taken, tells, calls }) => ({ taken, tells: tells.length, calls: calls.length }))).toEqual([
    { taken: 0, tells: 0, calls: 7 },
    { taken: 1, tells: 0, calls: 0 },
    { taken: 1, tells: 1, calls: 0 },
    { taken: 1, tells: 0, calls: 0 },
    { taken: 2, tells: 0, calls: 0 },
    { taken: 1, tells: 0, calls: 1 },
    { taken: 1, tells: 0, calls: 0 },
    { taken: 1, tells: 0, calls: 0 },
  ]);
});

test('a script that has returned takes nothing more of what it was handed', async () => {
  const { end, drains } = await played(`${ask(3)}asked[2].then(() => log('after the end'));\nawait asked[1];\nreturn 7;`, (arg) => arg);
  expect(end).toMatchObject({ value: 7 });
  expect(drains.map(({ taken, tells }) => ({ taken, tells: tells.length }))).toEqual([
    { taken: 0, tells: 0 },
    { taken: 1, tells: 0 },
    { taken: 1, tells: 0 },
  ]);
});

test('a script that was stopped takes nothing more of what it was handed', async () => {
  const { end } = await played(`${ask(3)}await asked[1];\nagent('one too many');\nawait asked[2];\nreturn 8;`, (arg) => arg, { calls: 3 });
  expect(end).toMatchObject({ kind: 'failed', fault: 'limit' });
});

test('large results go one by one, so that the thread holds no more than one of them', async () => {
  const { end, drains } = await played(`${ask(4)}return (await Promise.all(asked)).map((one) => one.length);`, () => 'x'.repeat(700_000));
  expect(end).toMatchObject({ value: [700_000, 700_000, 700_000, 700_000] });
  expect(takenIn(drains)).toEqual([0, 1, 1, 1, 1]);
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
