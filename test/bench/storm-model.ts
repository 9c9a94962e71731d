import { answer } from './answer.ts';
import { createServer, type ServerResponse } from 'node:http';
import { once } from 'node:events';

/*
 * A simulated Messages API with limits, in a process of its own: 50 ms, then the stream of events; a conversation's first answer is a tool call, its second is the end.
 * The first part of the path is the weather: `cap` admits 8 at once and refuses the others, `cap-after` says `retry-after: 1` with it, `random` refuses 17 of 100 by chance, whatever
 * is asked. `GET /<weather>/counts` tells how many were answered and refused, and begins anew. Prints its address.
 */

const LATENCY_MS = 50;
const ADMITTED = 8;
const REFUSED = 0.17;
const WHY = [
  [429, 'rate_limit_error'],
  [529, 'overloaded_error'],
  [500, 'api_error'],
] as const;

/** Park and Miller's numbers, so that the weather is the same for everybody. */
function numbers(): () => number {
  let seed = 20_261_122;
  return () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
}

interface Weather {
  active: number;
  answered: number;
  refused: number;
  random: () => number;
}

const weathers = new Map<string, Weather>();
const fresh = (): Weather => ({ active: 0, answered: 0, refused: 0, random: numbers() });

const CALL = answer('tool_use', { type: 'tool_use', id: 'toolu_1', name: 'glob', input: {} }, [
  { type: 'input_json_delta', partial_json: '{"pattern":"src/*.js"}' },
]);
const END = answer('end_turn', { type: 'text', text: '' }, [{ type: 'text_delta', text: 'Nothing was found.' }]);

function refuse(response: ServerResponse, [status, type]: readonly [number, string], headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify({ type: 'error', error: { type, message: type } }));
}

const server = createServer((request, response) => {
  const [, name = '', rest] = (request.url ?? '').split('/');
  const weather = weathers.get(name) ?? fresh();
  weathers.set(name, weather);
  if (rest === 'counts') {
    response.end(JSON.stringify({ answered: weather.answered, refused: weather.refused }));
    weathers.delete(name);
    return;
  }
  const pieces: Buffer[] = [];
  request.on('data', (piece: Buffer) => pieces.push(piece));
  request.on('end', () => {
    const isRefused = name === 'random' ? weather.random() < REFUSED : weather.active >= ADMITTED;
    if (isRefused) {
      weather.refused += 1;
      const why = name === 'random' ? (WHY[weather.refused % WHY.length] ?? WHY[0]) : WHY[0];
      return refuse(response, why, name === 'cap-after' ? { 'retry-after': '1' } : {});
    }
    weather.active += 1;
    const body = Buffer.concat(pieces).includes('"tool_result"') ? END : CALL;
    setTimeout(() => {
      weather.active -= 1;
      weather.answered += 1;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(body);
    }, LATENCY_MS);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const address = server.address();
console.log(`http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`);
