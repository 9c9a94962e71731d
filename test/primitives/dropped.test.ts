import { expect, test } from 'vitest';
import type { Agents } from '../../src/agents/agent.ts';
import { Suspended } from '../../src/domain/errors.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { RUN, shard, type Play } from '../verify/support.ts';
import { bench, diligent, id } from './support.ts';

const SHARDS = [shard('sa', ['src/a.js']), shard('sb', ['src/b.js'], { after: ['sa'] })];

async function drop(journal: Journal, ...shards: readonly string[]): Promise<void> {
  await journal.append(RUN, [{ type: 'run.amended', id: shards.join(), by: 'ada', amendment: { kind: 'drop', shards }, hash: 'h' }]);
}

test('a dropped shard begins nothing, and neither does what needs it', async () => {
  const { journal, outcome, agents } = await bench({ shards: SHARDS });
  await drop(journal, 'sa');
  expect(await outcome('migrate', [{ id: 'sa' }])).toEqual({ kind: 'null', cause: 'dropped by @ada' });
  expect(await outcome('migrate', [{ id: 'sb' }])).toEqual({ kind: 'null', cause: 'needs `sa`, dropped by @ada' });
  expect(agents.tasks).toEqual([]);
});

/** As the real pool does: a conversation whose signal aborts is suspended, and nothing else ends this one. */
function endless(begin: () => Promise<void>): Agents {
  const converse = async (_task: unknown, signal: AbortSignal): Promise<never> => {
    const aborted = Promise.withResolvers<never>();
    const stop = (): void => aborted.reject(new Suspended('stopping', 'interrupted'));
    signal.addEventListener('abort', stop);
    await begin();
    if (signal.aborted) stop();
    return aborted.promise;
  };
  return { run: converse, submit: converse };
}

test('dropped in the middle, a call is interrupted and comes to null with the cause; a sibling goes on; what settled before stays', async () => {
  const first = await bench({ shards: [shard('sa', ['src/a.js']), shard('sb', ['src/b.js'])] });
  const { journal, there } = first;
  const change = id(await first.call('migrate', { id: 'sa' }));
  const second = await bench({ journal, there, ports: { agents: endless(() => drop(journal, 'sb')) } });
  expect(await second.outcome('migrate', [{ id: 'sb' }])).toEqual({ kind: 'null', cause: 'dropped by @ada' });
  const third = await bench({ journal, there, play: diligent });
  expect(await third.call('accept', change, id(await third.call('review', change)))).toEqual({ shard: 'sa', change: change.id });
});

test('a stop in the middle settles nothing, whatever is dropped', async () => {
  const stop = new AbortController();
  const { journal, there } = await bench({ shards: SHARDS });
  const other = await bench({ journal, there, signal: stop.signal, ports: { agents: endless(async () => stop.abort()) } });
  await expect(other.outcome('migrate', [{ id: 'sa' }])).rejects.toMatchObject({ name: 'Suspended', reason: 'stopping' });
});

test('what was dropped is not accepted, and what was made on it neither', async () => {
  const { journal, call, wrong } = await bench({ shards: SHARDS });
  const under = id(await call('migrate', { id: 'sa' }));
  const upper = id(await call('migrate', { id: 'sb' }, { on: [under] }));
  const [one, two] = [id(await call('review', under)), id(await call('review', upper))];
  await drop(journal, 'sa');
  expect(await wrong('accept', under, one)).toContain('cannot be accepted: dropped by @ada');
  expect(await wrong('accept', upper, two)).toContain('cannot be accepted: needs `sa`, dropped by @ada');
});

test('tried again, a shard has its rounds anew; what was said of a change stands', async () => {
  const { plan } = await bench();
  const whole = await bench({ plan: { limits: { ...plan.limits, rounds: 1 } }, play: objecting });
  const { call, wrong, journal } = whole;
  const change = id(await call('migrate', { id: 'sa' }));
  await call('review', change);
  const [migrated] = (await journal.calls(RUN)).map(({ key }) => key);
  const other = id(await call('migrate', { id: 'sa' }, { prompt: 'otherwise' }));
  expect(await wrong('review', other)).toContain('found 1 reviews of this shard before, expected at most the 1 rounds');
  await journal.append(RUN, [
    { type: 'generation.opened', generation: 2, id: '1', by: 'ada', shards: ['sa'], calls: migrated === undefined ? [] : [migrated] },
  ]);
  expect(await call('review', other)).toMatchObject({ outcome: 'revise' });
  expect(await wrong('review', change)).toContain('it has its verdict, `revise`');
});

let tries = 0;
/** Each migration is other work, and no verifier is content. */
const objecting: Play = async (task) => {
  if (task.role === 'verifier') {
    const evidence = { kind: 'lines', before: '', after: 'export const a = fresh' };
    return {
      answer: { findings: [{ rule: 'G1', severity: 'blocking', path: 'src/a.js', line: 2, side: 'RIGHT', claim: 'no', evidence }] },
    };
  }
  tries += 1;
  await task.workspace.write('src/a.js', Buffer.from(`import { fresh } from "./lib.js";\nexport const a = fresh(2, ${tries});\n`));
  return { answer: { summary: 'again' } };
};
