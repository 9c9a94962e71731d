import Anthropic from '@anthropic-ai/sdk';
import type { MessageParam, Tool } from '@anthropic-ai/sdk/resources/messages';
import PQueue from 'p-queue';
import { measure, task } from './contestant.ts';

/* The SDK, streaming, with p-queue around it: what one writes in an hour. Not durable. */

const { url, agents, concurrency } = task();
const client = new Anthropic({ apiKey: 'k', baseURL: url, maxRetries: 0 });
const tools: Tool[] = [
  {
    name: 'glob',
    description: 'Files that match.',
    input_schema: { type: 'object', properties: { pattern: { type: 'string' } }, required: ['pattern'] },
  },
];
const SYSTEM = 'You look at a repository and change nothing. '.repeat(60);

await measure(async () => {
  const queue = new PQueue({ concurrency });
  let turns = 0;
  await queue.addAll(
    Array.from({ length: agents }, (_, at) => async () => {
      const messages: MessageParam[] = [{ role: 'user', content: `Look at part ${at}.` }];
      for (;;) {
        const message = await client.messages
          .stream({ model: 'claude-sonnet-5-5', max_tokens: 8000, system: SYSTEM, tools, messages })
          .finalMessage();
        turns += 1;
        if (message.stop_reason !== 'tool_use') return;
        messages.push({ role: 'assistant', content: message.content });
        messages.push({
          role: 'user',
          content: message.content.flatMap((block) =>
            block.type === 'tool_use' ? [{ type: 'tool_result' as const, tool_use_id: block.id, content: 'src/a.js\nsrc/b.js' }] : [],
          ),
        });
      }
    }),
  );
  return turns;
});
