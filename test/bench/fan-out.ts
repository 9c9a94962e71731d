import { contest, type Result, startModel, type Task } from './contest.ts';
import { atLeast, atMost, type Bench, median, round, type Table } from './table.ts';

const AGENTS = 1000;
const LATENCY = 50;
const LANES = 16;
const IDEAL = (AGENTS * 2 * LATENCY) / LANES / 1000;
const ROUNDS = 3;

interface Contestant {
  readonly name: string;
  readonly module: string;
  readonly durable: string;
}

const RAW: Contestant = { name: 'raw HTTP (the floor)', module: 'raw.ts', durable: 'no' };
const BARE: Contestant = { name: 'SDK, streaming, p-queue', module: 'bare-sdk.ts', durable: 'no' };
const OURS: Contestant = { name: 'Converge, SQLite', module: 'converge.ts', durable: 'each turn' };

/** 1,000 agents of two turns of 50 ms, 16 at once; and, saturated, 1 ms and 64 at once. */
export const bench: Bench = {
  name: 'fan-out',
  run: async (): Promise<Table> => {
    const slow = await rounds(LATENCY, { agents: AGENTS, concurrency: LANES }, [RAW, BARE, OURS]);
    const fast = await rounds(1, { agents: AGENTS, concurrency: 64 }, [RAW, BARE, OURS]);
    const of = (measured: typeof slow, { name }: Contestant): Result => {
      const found = measured.get(name);
      if (found === undefined) throw new Error(`${name} was not measured`);
      return found;
    };
    const rate = (contestant: Contestant): number => of(fast, contestant).turns / of(fast, contestant).seconds;
    return {
      title: `fan-out: ${AGENTS} agents × 2 turns × ${LATENCY} ms, ${LANES} at once (ideal ${IDEAL} s); saturated: 1 ms, 64 at once`,
      columns: ['who', '÷ ideal', 'CPU ms/turn', 'peak MB', 'durable', 'saturated: turns/s', '÷ raw'],
      rows: [RAW, BARE, OURS].map((one) => {
        const { seconds, cpuSeconds, turns, peakMegabytes } = of(slow, one);
        return [
          one.name,
          round(seconds / IDEAL),
          round((cpuSeconds * 1000) / turns),
          Math.round(peakMegabytes),
          one.durable,
          Math.round(rate(one)),
          round(rate(one) / rate(RAW)),
        ];
      }),
      verdicts: [
        atMost('makespan ÷ bare SDK', of(slow, OURS).seconds / of(slow, BARE).seconds, 1.04),
        atMost('peak memory ÷ bare SDK', of(slow, OURS).peakMegabytes / of(slow, BARE).peakMegabytes, 1.3),
        atLeast('saturated: turns per second ÷ raw', rate(OURS) / rate(RAW), 0.25),
      ],
    };
  },
};

/** Medians of rounds that are interleaved, so that what the machine does beside them meets all alike. */
async function rounds(latency: number, task: Omit<Task, 'url'>, contestants: readonly Contestant[]): Promise<ReadonlyMap<string, Result>> {
  const model = await startModel(latency);
  const results = new Map<string, Result[]>(contestants.map(({ name }) => [name, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const { name, module } of contestants) results.get(name)?.push(await contest(module, { ...task, url: model.url }));
  }
  model.end();
  const middle = (name: string, figure: (result: Result) => number): number => median((results.get(name) ?? []).map(figure));
  return new Map(
    contestants.map(({ name }) => [
      name,
      {
        seconds: middle(name, ({ seconds }) => seconds),
        cpuSeconds: middle(name, ({ cpuSeconds }) => cpuSeconds),
        peakMegabytes: middle(name, ({ peakMegabytes }) => peakMegabytes),
        turns: middle(name, ({ turns }) => turns),
      },
    ]),
  );
}
