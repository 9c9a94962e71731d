import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { OUR_FLAGS, startModel } from './contest.ts';
import { atMost, type Bench, round, type Table } from './table.ts';

const AGENTS = 1000;
const LANES = 16;
/** Of text in a final answer, as agents write them. */
const BYTES = 4000;
const Seen = z.object({ came: z.number(), answered: z.number(), newest: z.number() });

/** 1,000 agents of two turns, killed at half way, started again. */
export const bench: Bench = {
  name: 'resume',
  run: async (): Promise<Table> => {
    const directory = mkdtempSync(join(tmpdir(), 'converge-resume-'));
    const model = await startModel(50, BYTES);
    const seen = async (): Promise<z.infer<typeof Seen>> => Seen.parse(await (await fetch(model.url)).json());
    const launch = (): ChildProcess => {
      const task = { url: model.url, agents: AGENTS, concurrency: LANES, directory };
      return fork(fileURLToPath(new URL('resuming.ts', import.meta.url)), [JSON.stringify(task)], { execArgv: [...OUR_FLAGS] });
    };
    try {
      const first = launch();
      await once(first, 'message');
      while ((await seen()).came < AGENTS) await new Promise((resolve) => setTimeout(resolve, 20));
      first.kill('SIGKILL');
      await once(first, 'exit');
      const killed = await seen();
      const stored = storedIn(directory);

      const second = launch();
      await once(second, 'message');
      const up = Date.now();
      while ((await seen()).came === killed.came) await new Promise((resolve) => setTimeout(resolve, 5));
      const { newest } = await seen();
      await once(second, 'message');
      const { came } = await seen();
      const payload = AGENTS * payloadOfAgent();
      const answerOnce = payload - AGENTS * BYTES;
      const bytes = bytesIn(directory);
      return {
        title: `resume: ${AGENTS} agents × 2 turns, ${LANES} at once, SIGKILL after ${killed.came} requests`,
        columns: ['figure', 'value'],
        rows: [
          ['requests in all', came],
          ['of these more than without the kill', came - AGENTS * 2],
          ['on their way at the kill', killed.came - stored],
          ['seconds from up to the first new call', round((newest - up) / 1000)],
          ['bytes in the journal’s files', bytes],
          ['bytes of payload', payload],
          ['bytes journaled ÷ payload, each last answer counted once', round(bytes / answerOnce)],
        ],
        verdicts: [
          atMost('extra model calls (limit: those in flight)', came - AGENTS * 2, killed.came - stored),
          atMost('seconds to the first new call', Math.max(0, newest - up) / 1000, 0.5),
          atMost('bytes journaled ÷ payload', bytes / payload, 2),
        ],
        notes: [
          'payload: what the models answered and the tools said, as JSON, and the prompts of the calls; an agent’s last answer twice: as a turn and as the result of its call',
          'the journal’s files have all events, indexes and free pages too',
        ],
      };
    } finally {
      model.end();
      rmSync(directory, { recursive: true, force: true });
    }
  },
};

function storedIn(directory: string): number {
  const database = new DatabaseSync(join(directory, 'journal.sqlite'), { readOnly: true });
  const { n } = z.object({ n: z.number() }).parse(database.prepare("SELECT count(*) AS n FROM checkpoint WHERE part = 'response'").get());
  database.close();
  return n;
}

function bytesIn(directory: string): number {
  return readdirSync(directory).reduce((sum, name) => sum + (name.startsWith('journal') ? statSync(join(directory, name)).size : 0), 0);
}

/** A call with its result, a tool's call with its answer, and the final text once as the model said it and once as the script got it. */
function payloadOfAgent(): number {
  const call = JSON.stringify({ type: 'tool_use', id: 'toolu_1', name: 'glob', input: { pattern: 'src/*.js' } }).length;
  const told = JSON.stringify({ type: 'tool_result', tool_use_id: 'toolu_1', content: 'src/a.js\nsrc/b.js' }).length;
  return call + told + 2 * BYTES + JSON.stringify({ prompt: 'Look at part 100.', label: 'part 100' }).length;
}
