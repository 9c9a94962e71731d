import { Agent, request } from 'node:http';
import PQueue from 'p-queue';
import { measure, task } from './contestant.ts';

/* The floor: nothing but HTTP. Not durable, reads nothing of what it is sent. */

const { url, agents, concurrency } = task();
const agent = new Agent({ keepAlive: true, maxSockets: concurrency });

function turn(body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = request(
      `${url}/v1/messages`,
      { method: 'POST', agent, headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) } },
      (response) => {
        response.on('data', () => {});
        response.on('end', () => resolve());
      },
    );
    asked.on('error', reject);
    asked.end(body);
  });
}

const FIRST = JSON.stringify({ messages: [{ role: 'user', content: 'Look at all of it.'.repeat(100) }] });
const SECOND = JSON.stringify({ messages: [{ role: 'user', content: [{ type: 'tool_result', content: 'x'.repeat(1800) }] }] });

await measure(async () => {
  const queue = new PQueue({ concurrency });
  await queue.addAll(
    Array.from({ length: agents }, () => async () => {
      await turn(FIRST);
      await turn(SECOND);
    }),
  );
  return agents * 2;
});
