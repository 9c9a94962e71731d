import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import Anthropic from '@anthropic-ai/sdk';
import type { MessageParam, Tool } from '@anthropic-ai/sdk/resources/messages';
import PQueue from 'p-queue';
import { z } from 'zod';
import { crowd, type Ended } from './many-agents.ts';
import { atMost, round, type Bench, type Table } from './table.ts';

const AGENTS = 1000;
const AT_ONCE = 16;
/** Seconds of 1,000 agents × 2 turns × 50 ms, at as many at once as are let in. */
const IDEAL = { cap: 12.5, 'cap-after': 12.5, random: 6.25 } as const;
type Weather = keyof typeof IDEAL;
const NAMES: Readonly<Record<Weather, string>> = { cap: '8 let in', 'cap-after': '8 let in, retry-after: 1', random: '17 % by chance' };
const SYSTEM = 'You look at a repository and change nothing. '.repeat(60);

interface Measured extends Ended {
  readonly ideal: number;
  readonly refused: number;
  /** Of all requests. */
  readonly share: number;
}

type Who = (url: string) => Promise<Ended>;

const converge: Who = (url) => crowd({ url, agents: AGENTS, concurrency: AT_ONCE, system: [SYSTEM] });

const tools: Tool[] = [
  {
    name: 'glob',
    description: 'Files that match.',
    input_schema: { type: 'object', properties: { pattern: { type: 'string' } }, required: ['pattern'] },
  },
];

/** The SDK with its own retries, and p-queue around it: not durable. */
const sdk =
  (maxRetries: number): Who =>
  async (url) => {
    const client = new Anthropic({ apiKey: 'k', baseURL: url, maxRetries, logLevel: 'off' });
    const queue = new PQueue({ concurrency: AT_ONCE });
    const started = performance.now();
    let lost = 0;
    await queue.addAll(
      Array.from({ length: AGENTS }, (_, at) => async () => {
        const messages: MessageParam[] = [{ role: 'user', content: `Look at part ${at}.` }];
        try {
          for (;;) {
            const message = await client.messages
              .stream({ model: 'claude-sonnet-5-5', max_tokens: 8000, system: SYSTEM, tools, messages })
              .finalMessage();
            if (message.stop_reason !== 'tool_use') return;
            const results = message.content.flatMap((block) =>
              block.type === 'tool_use' ? [{ type: 'tool_result' as const, tool_use_id: block.id, content: 'Nothing.' }] : [],
            );
            messages.push({ role: 'assistant', content: message.content }, { role: 'user', content: results });
          }
        } catch {
          lost += 1;
        }
      }),
    );
    return { seconds: (performance.now() - started) / 1000, lost };
  };

const counts = z.object({ answered: z.number(), refused: z.number() });

async function measure(server: string, weather: Weather, who: Who): Promise<Measured> {
  const ended = await who(`${server}/${weather}`);
  const { answered, refused } = counts.parse(await (await fetch(`${server}/${weather}/counts`)).json());
  return { ...ended, ideal: ended.seconds / IDEAL[weather], refused, share: refused / (answered + refused) };
}

/** How agents come through limits and faults of the model service, beside the SDK's own retries. */
export const bench: Bench = {
  name: 'storm',
  async run(): Promise<Table> {
    const child = spawn(process.execPath, [fileURLToPath(new URL('storm-model.ts', import.meta.url))], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const [line]: unknown[] = await once(child.stdout, 'data');
      const server = String(line).trim();
      const rows: (string | number)[][] = [];
      const verdicts = [];
      const all: readonly (readonly [string, Who])[] = [
        ['Converge', converge],
        ['SDK + p-queue, 2 retries', sdk(2)],
        ['SDK + p-queue, 8 retries', sdk(8)],
      ];
      for (const weather of ['cap', 'cap-after', 'random'] as const) {
        for (const [name, who] of all) {
          const got = await measure(server, weather, who);
          rows.push([`${NAMES[weather]}: ${name}`, round(got.ideal), round(got.seconds), got.lost, got.refused, round(got.share * 100)]);
          if (who !== converge) continue;
          verdicts.push(
            atMost(`${NAMES[weather]}: agents lost`, got.lost, 0),
            atMost(`${NAMES[weather]}: makespan ÷ ideal`, got.ideal, weather === 'random' ? 1.5 : 1.1),
          );
          // By chance 17 of 100 are refused whatever is done.
          if (weather !== 'random') verdicts.push(atMost(`${NAMES[weather]}: requests refused, %`, got.share * 100, 10));
        }
      }
      return {
        title: `storm: ${AGENTS} agents × 2 turns × 50 ms, ${AT_ONCE} wanted at once`,
        columns: ['server: who', '÷ ideal', 'seconds', 'agents lost', 'refused', 'refused %'],
        rows,
        verdicts,
        notes: ['An agent that was lost did not do its turns: its seconds are no achievement.'],
      };
    } finally {
      child.kill();
    }
  },
};
