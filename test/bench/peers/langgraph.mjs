import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import { Annotation, END, START, StateGraph } from '@langchain/langgraph';
import { SqliteSaver } from '@langchain/langgraph-checkpoint-sqlite';
import PQueue from 'p-queue';
import { measure, task } from '../contestant.ts';

/* LangGraph with a node for each turn, its SQLite checkpointer, and the SDK: what it has is written before the next node begins (`durability: 'sync'`). */

const { url, agents, concurrency } = task();
const client = new Anthropic({ apiKey: 'k', baseURL: url, maxRetries: 0 });
const tools = [
  {
    name: 'glob',
    description: 'Files that match.',
    input_schema: { type: 'object', properties: { pattern: { type: 'string' } }, required: ['pattern'] },
  },
];
const SYSTEM = 'You look at a repository and change nothing. '.repeat(60);

const State = Annotation.Root({
  messages: Annotation({ reducer: (before, more) => before.concat(more), default: () => [] }),
  done: Annotation({ reducer: (_, now) => now, default: () => false }),
});
let turns = 0;
const turn = async ({ messages }) => {
  const message = await client.messages
    .stream({ model: 'claude-sonnet-5-5', max_tokens: 8000, system: SYSTEM, tools, messages })
    .finalMessage();
  turns += 1;
  const said = { role: 'assistant', content: message.content };
  if (message.stop_reason !== 'tool_use') return { messages: [said], done: true };
  const content = message.content.flatMap((block) =>
    block.type === 'tool_use' ? [{ type: 'tool_result', tool_use_id: block.id, content: 'src/a.js\nsrc/b.js' }] : [],
  );
  return { messages: [said, { role: 'user', content }], done: false };
};

const directory = mkdtempSync(join(tmpdir(), 'converge-bench-'));
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
const graph = new StateGraph(State)
  .addNode('turn', turn)
  .addEdge(START, 'turn')
  .addConditionalEdges('turn', ({ done }) => (done ? END : 'turn'))
  .compile({ checkpointer: SqliteSaver.fromConnString(join(directory, 'checkpoints.sqlite')) });

await measure(async () => {
  const queue = new PQueue({ concurrency });
  await queue.addAll(
    Array.from({ length: agents }, (_, at) => async () => {
      const messages = [{ role: 'user', content: `Look at part ${at}.` }];
      await graph.invoke({ messages }, { configurable: { thread_id: String(at) }, durability: 'sync' });
    }),
  );
  return turns;
});
