import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { json, parseJson, readBody, refuse } from '../../src/local/claude/http.ts';
import { countTokens, PromptCache, type InputUsage } from '../../src/local/claude/prompt-cache.ts';
import { examineRequest } from '../../src/local/claude/refusals.ts';
import { replyTo } from '../../src/local/claude/reply.ts';
import type { MessagesRequest } from '../../src/local/claude/request.ts';
import { encodeEvent, streamEvents } from '../../src/local/claude/stream.ts';
import { crowd } from './many-agents.ts';
import { atMost, round, type Bench, type Table } from './table.ts';

const AGENTS = 1000;
const TURNS = 4;
const LATENCY_MS = 20;
/** A rule of 100 bytes is 25 of the tokens of the scripted Claude: 20k of them are shared. */
const GUIDE = `${'A rule that every agent follows, as long as the others and as dull: one change at a time. '.padEnd(99)}\n`.repeat(800);
/** In units of the plain input price. */
const PRICE = { input: 1, cacheRead: 0.1, cacheWrite5m: 1.25, cacheWrite1h: 2 } as const;

interface Books {
  cost: number;
  /** If each token were written once, for all or for its conversation, and read ever after. */
  floor: number;
  uncached: number;
  requests: number;
  /** Requests that wrote the shared prefix. */
  prefixWrites: number;
}

const priced = (usage: InputUsage): number =>
  usage.input * PRICE.input +
  usage.cacheRead * PRICE.cacheRead +
  usage.cacheWrite5m * PRICE.cacheWrite5m +
  usage.cacheWrite1h * PRICE.cacheWrite1h;

/** The scripted Claude's refusals, accounting and stream, with a model that calls a tool in each turn but the last. */
async function startModel(): Promise<{ server: Server; url: string; books: Books }> {
  const cache = new PromptCache();
  const books: Books = { cost: 0, floor: 0, uncached: 0, requests: 0, prefixWrites: 0 };
  const server = createServer((incoming, response) => {
    void (async () => {
      const examined = examineRequest(parseJson((await readBody(incoming)) ?? ''));
      if (examined.kind === 'refused') return refuse(response, examined.refusal);
      const { request, model } = examined;
      const { usage, write } = cache.account(request, model);
      keep(books, request, usage);
      await new Promise((resolve) => setTimeout(resolve, LATENCY_MS));
      const turn = turnOf(request);
      const thought =
        turn < TURNS ? { tools: [{ name: 'glob', input: { pattern: `src/part-${turn}/*.js` } }] } : { text: 'Nothing was found.' };
      const { reply } = replyTo({ request, model, thought, input: usage });
      write();
      if (request.stream !== true) return json(response, 200, reply);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(streamEvents(reply).map(encodeEvent).join(''));
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return { server, url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`, books };
}

function turnOf({ messages }: MessagesRequest): number {
  return messages.filter(({ role }) => role === 'assistant').length + 1;
}

function keep(books: Books, request: MessagesRequest, usage: InputUsage): void {
  const total = countTokens(request);
  // What was there before: the conversation without its last exchange; before its first turn, what all share.
  const messages = turnOf(request) === 1 ? [] : request.messages.slice(0, -2);
  const known = countTokens({ ...request, messages });
  const first = books.requests === 0;
  books.requests += 1;
  books.cost += priced(usage);
  books.uncached += total;
  books.floor += known * (first ? PRICE.cacheWrite5m : PRICE.cacheRead) + (total - known) * PRICE.cacheWrite5m;
  if (usage.cacheWrite1h > 0) books.prefixWrites += 1;
}

async function measure(concurrency: number): Promise<Books> {
  const { server, url, books } = await startModel();
  try {
    const { lost } = await crowd({ url, agents: AGENTS, concurrency, system: ['You look at a repository.', GUIDE] });
    if (lost > 0 || books.requests !== AGENTS * TURNS) throw new Error(`${lost} lost, ${books.requests} requests`);
    return books;
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

const million = (tokens: number): number => round(tokens / 1e6);

/** What a wave's input costs, beside what it would cost at least. */
export const bench: Bench = {
  name: 'cache',
  async run(): Promise<Table> {
    const few = await measure(16);
    const many = await measure(256);
    const row = (name: string, books: Books, cost: number): (string | number)[] => [
      name,
      million(cost),
      round(cost / books.floor),
      cost === books.cost ? books.prefixWrites : '–',
    ];
    return {
      title: `cache: input of ${AGENTS} agents × ${TURNS} turns with a shared prefix of ${round(GUIDE.length / 4000)}k tokens`,
      columns: ['who', 'MTok-equivalents', '÷ floor', 'writes of the prefix'],
      rows: [
        ['floor: all that is shared written once, all else once for its conversation', million(few.floor), 1, 1],
        row('Converge, 16 at once', few, few.cost),
        row('Converge, 256 at once', many, many.cost),
        row('no cache', few, few.uncached),
      ],
      verdicts: [
        atMost('16 at once: ÷ floor', few.cost / few.floor, 1.03),
        atMost('16 at once: writes of the prefix', few.prefixWrites, 2),
        atMost('256 at once: ÷ floor', many.cost / many.floor, 1.03),
        atMost('256 at once: writes of the prefix', many.prefixWrites, 2),
      ],
      notes: [
        'By the accounting of the scripted Claude, in units of the plain input price: write 1.25, one hour 2, read 0.1. Time plays no part.',
      ],
    };
  },
};
