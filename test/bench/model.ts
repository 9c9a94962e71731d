import { answer } from './answer.ts';
import { createServer } from 'node:http';
import { once } from 'node:events';

/*
 * A simulated Messages API in a process of its own, as little of one as possible: after a fixed time the same stream of events. A conversation's first answer is a tool call, its
 * second is the end. `node model.ts LATENCY_MS [BYTES]`: with so many bytes of text in each answer; prints its address. `GET /` gives how many requests came, how many were
 * answered, and when the newest came.
 */

const latency = Number(process.argv[2] ?? '50');
const padding = 'Word by word it goes on. '.repeat(Math.ceil(Number(process.argv[3] ?? '0') / 25));
let came = 0;
let answered = 0;
let newest = 0;

const CALL = answer('tool_use', { type: 'tool_use', id: 'toolu_1', name: 'glob', input: {} }, [
  { type: 'input_json_delta', partial_json: '{"pattern":' },
  { type: 'input_json_delta', partial_json: '"src/*.js"}' },
]);
const END = answer('end_turn', { type: 'text', text: '' }, [
  { type: 'text_delta', text: 'All of it was looked at, ' },
  { type: 'text_delta', text: `and nothing was found. ${padding}` },
]);
/** Only a conversation that goes on has one. */
const TOOL_RESULT = Buffer.from('"tool_result"');

const server = createServer((request, response) => {
  if (request.method === 'GET') {
    response.end(JSON.stringify({ came, answered, newest }));
    return;
  }
  came += 1;
  newest = Date.now();
  const pieces: Buffer[] = [];
  request.on('data', (piece: Buffer) => pieces.push(piece));
  request.on('end', () => {
    const body = Buffer.concat(pieces).includes(TOOL_RESULT) ? END : CALL;
    setTimeout(() => {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'content-length': body.length });
      response.end(body, () => (answered += 1));
    }, latency);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const address = server.address();
console.log(`http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`);
