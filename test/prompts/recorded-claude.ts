import { createServer, type ServerResponse } from 'node:http';
import { z } from 'zod';
import { comparable, type Exchange } from './archive.ts';

const Reply = z.object({
  text: z.string().optional(),
  tools: z.array(z.object({ name: z.string(), input: z.unknown().optional() })).optional(),
  stop_reason: z.string().optional(),
});

export interface RecordedClaude {
  readonly url: string;
  /** Requests that nobody played, in words: where they first differ from the nearest one that somebody did. */
  readonly drift: readonly string[];
  /** Ids of the exchanges that were asked for. */
  readonly asked: ReadonlySet<string>;
  close(): Promise<void>;
}

/** A Messages API that answers what was played by hand, word for word, and nothing else. */
export async function startRecordedClaude(exchanges: readonly Exchange[]): Promise<RecordedClaude> {
  const known = new Map(exchanges.map((exchange) => [comparable(exchange.body), exchange]));
  const drift: string[] = [];
  const asked = new Set<string>();
  const server = createServer((request, response) => {
    if (request.method !== 'POST') {
      // What the models can do is asked of every service at the start; nobody played that.
      response.writeHead(404, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ type: 'error', error: { type: 'not_found_error', message: 'only messages were played' } }));
      return;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
      const print = comparable(body);
      const exchange = known.get(print);
      if (exchange === undefined) {
        drift.push(difference(print, [...known.keys()]));
        response.writeHead(400, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ type: 'error', error: { type: 'invalid_request_error', message: 'nobody played this request' } }));
        return;
      }
      asked.add(exchange.id);
      stream(response, exchange);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { url: `http://127.0.0.1:${port}`, drift, asked, close: () => new Promise((resolve) => server.close(() => resolve())) };
}

function difference(print: string, known: readonly string[]): string {
  const common = (other: string): number => {
    let at = 0;
    while (at < print.length && print[at] === other[at]) at += 1;
    return at;
  };
  const nearest = known.map((other) => ({ other, at: common(other) })).toSorted((a, b) => b.at - a.at)[0];
  if (nearest === undefined) return 'nothing was played at all';
  return `played: …${nearest.other.slice(Math.max(0, nearest.at - 120), nearest.at + 200)}…\nasked:  …${print.slice(Math.max(0, nearest.at - 120), nearest.at + 200)}…`;
}

/** The same events, with the same ids, as the hand-played API sent. */
function stream(response: ServerResponse, { id, body, reply }: Exchange): void {
  const { text, tools = [], stop_reason } = Reply.parse(reply);
  const content = [
    ...(text === undefined || text === '' ? [] : [{ type: 'text' as const, text, citations: null }]),
    ...tools.map((tool, at) => ({ type: 'tool_use' as const, id: `toolu_${id}_${at}`, name: tool.name, input: tool.input ?? {} })),
  ];
  const send = (type: string, data: object): boolean => response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`);
  const usage = { input_tokens: 1000, output_tokens: 100, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
  response.writeHead(200, { 'content-type': 'text/event-stream', 'request-id': `msg_${id}` });
  send('message_start', {
    message: {
      id: `msg_${id}`,
      type: 'message',
      role: 'assistant',
      model: body['model'],
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage,
    },
  });
  for (const [index, block] of content.entries()) {
    send('content_block_start', { index, content_block: block.type === 'text' ? { type: 'text', text: '' } : { ...block, input: {} } });
    send('content_block_delta', {
      index,
      delta:
        block.type === 'text'
          ? { type: 'text_delta', text: block.text }
          : { type: 'input_json_delta', partial_json: JSON.stringify(block.input) },
    });
    send('content_block_stop', { index });
  }
  send('message_delta', {
    delta: { stop_reason: stop_reason ?? (tools.length > 0 ? 'tool_use' : 'end_turn'), stop_sequence: null },
    usage: { output_tokens: 100 },
  });
  send('message_stop', {});
  response.end();
}
