import { execFile } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { z } from 'zod';
import { POSTGRES_HERE, startPostgres } from '../postgres.ts';
import { contest, OUR_FLAGS, type Result, startModel, type Task } from './contest.ts';
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
  /** Of Node; its own unless told. */
  readonly flags?: readonly string[];
}

const RAW: Contestant = { name: 'raw HTTP (the floor)', module: 'raw.ts', durable: 'no' };
const BARE: Contestant = { name: 'SDK, streaming, p-queue', module: 'bare-sdk.ts', durable: 'no' };
const OURS: Contestant = { name: 'Converge, SQLite', module: 'converge.ts', durable: 'each turn', flags: OUR_FLAGS };
const PEER: Contestant = { name: 'LangGraph, a node a turn, SQLite', module: 'peers/langgraph.mjs', durable: 'each turn' };
const SHARED: Contestant = {
  name: 'Converge, Postgres with pg-boss',
  module: 'converge-postgres.ts',
  durable: 'each turn',
  flags: OUR_FLAGS,
};

/** 1,000 agents of two turns of 50 ms, 16 at once; and, saturated, 1 ms and 64 at once. */
export const bench: Bench = {
  name: 'fan-out',
  run: async (): Promise<Table> => {
    const lack = await installPeers();
    const contestants = lack === null ? [RAW, BARE, OURS, PEER] : [RAW, BARE, OURS];
    const slow = await rounds(LATENCY, { agents: AGENTS, concurrency: LANES }, contestants);
    const fast = await rounds(1, { agents: AGENTS, concurrency: 64 }, contestants);
    const shared = await onPostgres();
    const of = (measured: typeof slow, { name }: Contestant): Result => {
      const found = measured.get(name);
      if (found === undefined) throw new Error(`${name} was not measured`);
      return found;
    };
    const rate = (contestant: Contestant): number => of(fast, contestant).turns / of(fast, contestant).seconds;
    return {
      title: `fan-out: ${AGENTS} agents × 2 turns × ${LATENCY} ms, ${LANES} at once (ideal ${IDEAL} s); saturated: 1 ms, 64 at once`,
      columns: ['who', '÷ ideal', 'CPU ms/turn', 'peak MB', 'durable', 'saturated: turns/s', '÷ raw'],
      rows: [
        ...contestants.map((one) => figures(one, of(slow, one)).concat(Math.round(rate(one)), round(rate(one) / rate(RAW)))),
        ...(shared === null ? [] : [[...figures(SHARED, shared.result), '', '']]),
      ],
      verdicts: [
        atMost('makespan ÷ bare SDK', of(slow, OURS).seconds / of(slow, BARE).seconds, 1.04),
        atMost('peak memory ÷ bare SDK', of(slow, OURS).peakMegabytes / of(slow, BARE).peakMegabytes, 1.3),
        atLeast('saturated: turns per second ÷ raw', rate(OURS) / rate(RAW), 0.25),
        ...(shared === null ? [] : [atMost('Postgres and pg-boss: makespan ÷ ideal', shared.result.seconds / IDEAL, 1.45)]),
      ],
      notes: [
        `Converge runs with the flags of \`npm start\` (${OUR_FLAGS.join(' ')}), the others with Node's own`,
        ...(lack === null ? [] : [`LangGraph was not measured: ${lack}`]),
        ...(shared === null ? ['no Postgres here: its row was not measured'] : shared.notes),
      ],
    };
  },
};

function figures({ name, durable }: Contestant, { seconds, cpuSeconds, turns, peakMegabytes }: Result): readonly (string | number)[] {
  return [name, round(seconds / IDEAL), round((cpuSeconds * 1000) / turns), Math.round(peakMegabytes), durable];
}

/** Peers are dependencies of their own folder and not of the product: installed from its lock file, once. Their prebuilt parts come with the packages. Gives why they are not there. */
async function installPeers(): Promise<string | null> {
  const folder = fileURLToPath(new URL('peers', import.meta.url));
  if (existsSync(join(folder, 'node_modules'))) return null;
  try {
    await promisify(execFile)('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: folder, timeout: 120_000 });
    return null;
  } catch (error) {
    rmSync(join(folder, 'node_modules'), { recursive: true, force: true });
    return `\`npm ci\` in ${folder} failed, it needs the npm registry (${error instanceof Error ? (error.message.trim().split('\n').at(-1) ?? '') : String(error)})`;
  }
}

/** One round, with a server that syncs each commit; and where its time went, as the server counted it. */
async function onPostgres(): Promise<{ readonly result: Result; readonly notes: readonly string[] } | null> {
  if (!POSTGRES_HERE) return null;
  const server = await startPostgres({ durable: true });
  const model = await startModel(LATENCY);
  const url = await server.database();
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements');
    const result = await contest(
      SHARED.module,
      { url: model.url, agents: AGENTS, concurrency: LANES },
      { environment: { BENCH_DATABASE: url }, flags: OUR_FLAGS },
    );
    const { rows } = await client.query(SPENT);
    const parts = z.array(Spent).parse(rows);
    const per = (number: number): number => round(number / AGENTS);
    return {
      result,
      notes: [
        'Postgres: CPU and memory are those of the App and its one worker, without the server',
        ...parts.map(
          ({ part, statements, seconds }) =>
            `Postgres, ${part}: ${per(statements)} statements an agent, ${round(seconds)} s of the server in all`,
        ),
      ],
    };
  } finally {
    await client.end();
    model.end();
    await server.stop();
  }
}

const Spent = z.object({ part: z.string(), statements: z.coerce.number(), seconds: z.coerce.number() });

/** What the server did for us, by who asked. Commits stand under their own name: they wait for the disk. */
const SPENT = `SELECT CASE WHEN query ILIKE '%pgboss%' THEN 'pg-boss' WHEN query ILIKE 'COMMIT%' THEN 'commits' WHEN query ILIKE '%claim%' THEN 'claims' ELSE 'journal' END AS part,
    sum(calls) AS statements, sum(total_exec_time) / 1000 AS seconds
  FROM pg_stat_statements JOIN pg_database ON pg_database.oid = dbid WHERE datname = current_database() GROUP BY 1 ORDER BY 3 DESC`;

/** Medians of rounds that are interleaved, so that what the machine does beside them meets all alike. */
async function rounds(latency: number, task: Omit<Task, 'url'>, contestants: readonly Contestant[]): Promise<ReadonlyMap<string, Result>> {
  const model = await startModel(latency);
  const results = new Map<string, Result[]>(contestants.map(({ name }) => [name, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const { name, module, flags = [] } of contestants)
      results.get(name)?.push(await contest(module, { ...task, url: model.url }, { flags }));
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
