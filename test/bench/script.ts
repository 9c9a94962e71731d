import type { CallPort, Delivery } from '../../src/script/protocol.ts';
import { runSandboxed } from '../../src/script/sandbox.ts';
import { type Bench, median, round, type Table } from './table.ts';

const CALLS = 5000;
const ROUNDS = 5;
const LONG = Array.from({ length: 80 }, (_, at) => `It says "number ${at}", and a line ends.\n`.padEnd(50, '.'));

interface Measured {
  readonly startUp: number;
  readonly each: number;
  readonly together: number;
  readonly pipeline: number;
  readonly megabytes: number;
}

/** The script's sandbox alone: what one primitive costs on its way out of it and back, what it takes to start one, and how much memory it has. */
export const bench: Bench = {
  name: 'script',
  run: async (): Promise<Table> => {
    const rounds: Measured[] = [];
    for (let at = 0; at < ROUNDS; at += 1) rounds.push(await once());
    const middle = (figure: (one: Measured) => number): number => round(median(rounds.map(figure)));
    return {
      title: `script: the sandbox, ${CALLS} calls, answered at once by a host that keeps no journal`,
      columns: ['figure', 'value'],
      rows: [
        ['start until the first call is out, ms', middle(({ startUp }) => startUp)],
        ['one call and its answer, one after the other, µs', middle(({ each }) => each * 1000)],
        ['one call and its answer, all in one parallel(), µs', middle(({ together }) => together * 1000)],
        [
          'one call and its answer of 4,000 characters, each followed by a call, in pipeline(), µs',
          middle(({ pipeline }) => pipeline * 1000),
        ],
        // What a round leaves free, the next one uses again.
        ['memory of the process more than before, MB', round(Math.max(...rounds.map(({ megabytes }) => megabytes)))],
      ],
      verdicts: [],
    };
  },
};

async function once(): Promise<Measured> {
  const before = process.memoryUsage.rss();
  const serial = await play(`for (let at = 0; at < ${CALLS}; at += 1) await files('x' + at);`);
  const together = await play(`await parallel(Array.from({ length: 4000 }, (_, at) => () => files('x' + at)));`);
  const stage = `(_, at) => files('x' + at)`;
  const pipeline = await play(`await pipeline(Array.from({ length: 500 }, (_, at) => at), ${stage}, ${stage}, ${stage});`, LONG);
  return {
    startUp: serial.first,
    each: serial.rest / CALLS,
    together: together.rest / 4000,
    pipeline: pipeline.rest / 1500,
    megabytes: Math.max(0, process.memoryUsage.rss() - before) / 1e6,
  };
}

/** Milliseconds until the first call, and from there to the end. */
async function play(body: string, answer = ['src/a.js']): Promise<{ readonly first: number; readonly rest: number }> {
  const started = performance.now();
  let first = 0;
  const waiting: number[] = [];
  let woken = Promise.withResolvers<void>();
  const budget = { total: null, spent: 0, dollars: { total: 1, spent: 0 } };
  const port: CallPort = {
    drained: async ({ taken, calls }) => {
      waiting.splice(0, taken);
      if (first === 0 && calls.length > 0) first = performance.now();
      waiting.push(...calls.map(({ id }) => id));
      woken.resolve();
    },
    next: async (): Promise<readonly Delivery[]> => {
      while (waiting.length === 0) {
        await woken.promise;
        woken = Promise.withResolvers<void>();
      }
      return waiting.slice(0, 64).map((id) => ({ id, budget, failure: null, outcome: { kind: 'value', value: answer } }));
    },
  };
  const source = `export const meta = { name: 'bench', description: 'calls', phases: [] };\n${body}`;
  const end = await runSandboxed({ source, view: { args: {}, shards: [], budget }, port, signal: new AbortController().signal });
  if (end.kind !== 'returned') throw new Error(end.message);
  return { first: first - started, rest: performance.now() - first };
}
