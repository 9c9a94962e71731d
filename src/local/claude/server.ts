import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { Counts } from './counts.ts';
import { faultSchema, Faults } from './faults.ts';
import type { Fault } from './faults.ts';
import { gone, json, parseJson, readBody, refuse, standardHeaders, write } from './http.ts';
import { think } from './model/think.ts';
import { findModel, modelInfo, modelList } from './models.ts';
import { countTokens, PromptCache } from './prompt-cache.ts';
import { examineRequest } from './refusals.ts';
import { foreignThinking, replyTo } from './reply.ts';
import type { Thought } from './reply.ts';
import type { MessagesRequest } from './request.ts';
import { encodeEvent, streamEvents } from './stream.ts';

export interface LocalClaudeOptions {
  /** 0 or left out: any free one. */
  readonly port?: number;
  /** Until a response begins; 0 when left out. */
  readonly latencyMs?: number;
  /** Sees each request that is understood; the answer waits for it. */
  readonly onRequest?: (request: MessagesRequest) => void | Promise<void>;
}

export interface LocalClaude {
  /** For `ANTHROPIC_BASE_URL`; any key is accepted, none is refused. */
  readonly url: string;
  readonly counts: Counts;
  readonly faults: Faults;
  close(): Promise<void>;
}

/**
 * The Messages API on loopback, answered by a deterministic model that decides from each request alone (model/think.ts).
 * Besides the API: `GET /__counts`, and `POST /__faults` with a fault or a list of them (faults.ts).
 */
export async function startLocalClaude(options: LocalClaudeOptions = {}): Promise<LocalClaude> {
  const counts = new Counts();
  const faults = new Faults();
  const desk: Desk = {
    counts,
    faults,
    cache: new PromptCache(),
    latencyMs: options.latencyMs ?? 0,
    onRequest: options.onRequest ?? (() => undefined),
  };
  const server = createServer((incoming, response) => {
    handle(desk, { incoming, response }).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else
        refuse(response, {
          status: 500,
          type: 'api_error',
          message: error instanceof Error ? (error.stack ?? error.message) : String(error),
        });
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The local Claude listens on no port.');
  return {
    url: `http://127.0.0.1:${address.port}`,
    counts,
    faults,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Desk {
  readonly counts: Counts;
  readonly faults: Faults;
  readonly cache: PromptCache;
  readonly latencyMs: number;
  readonly onRequest: (request: MessagesRequest) => void | Promise<void>;
}

interface Exchange {
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
}

async function handle(desk: Desk, exchange: Exchange): Promise<void> {
  const { incoming, response } = exchange;
  const { pathname } = new URL(incoming.url ?? '/', 'http://local');
  const route = `${incoming.method} ${pathname}`;
  if (route === 'GET /__counts') return json(response, 200, desk.counts.snapshot());
  const body = await readBody(incoming);
  if (body === null) return refuse(response, { status: 413, type: 'request_too_large', message: 'Request exceeds the maximum size' });
  if (route === 'POST /__faults') return plantFaults(desk, response, body);
  if (incoming.headers['x-api-key'] === undefined && incoming.headers.authorization === undefined) {
    return refuse(response, { status: 401, type: 'authentication_error', message: 'x-api-key header is required' });
  }
  if (incoming.headers['anthropic-version'] === undefined) {
    return refuse(response, { status: 400, type: 'invalid_request_error', message: 'anthropic-version: header is required' });
  }
  if (route === 'GET /v1/models') return json(response, 200, modelList());
  if (incoming.method === 'GET' && pathname.startsWith('/v1/models/'))
    return tellModel(response, decodeURIComponent(pathname.slice('/v1/models/'.length)));
  if (route === 'POST /v1/messages') return converse(desk, response, body);
  if (route === 'POST /v1/messages/count_tokens') return tellTokens(response, body);
  return refuse(response, { status: 404, type: 'not_found_error', message: `${route} is not part of the local Claude` });
}

function plantFaults(desk: Desk, response: ServerResponse, body: string): void {
  const parsed = z.union([faultSchema, z.array(faultSchema)]).safeParse(parseJson(body));
  if (!parsed.success) return refuse(response, { status: 400, type: 'invalid_request_error', message: z.prettifyError(parsed.error) });
  desk.faults.next(...[parsed.data].flat());
  return json(response, 200, { waiting: desk.faults.waiting });
}

function tellModel(response: ServerResponse, id: string): void {
  const model = findModel(id);
  if (model === null) return refuse(response, { status: 404, type: 'not_found_error', message: `model: ${id}` });
  return json(response, 200, modelInfo(model));
}

function tellTokens(response: ServerResponse, body: string): void {
  const parsed = parseJson(body);
  const withLimit = typeof parsed === 'object' && parsed !== null ? { ...parsed, max_tokens: 1 } : parsed; // counting needs none
  const examined = examineRequest(withLimit);
  if (examined.kind === 'refused') return refuse(response, examined.refusal);
  return json(response, 200, { input_tokens: countTokens(examined.request) });
}

async function converse(desk: Desk, response: ServerResponse, body: string): Promise<void> {
  const examined = examineRequest(parseJson(body));
  const foreign = examined.kind === 'accepted' ? foreignThinking(examined.request) : null;
  if (examined.kind === 'refused' || foreign !== null) {
    desk.counts.refused();
    return refuse(
      response,
      examined.kind === 'refused' ? examined.refusal : { status: 400, type: 'invalid_request_error', message: foreign ?? '' },
    );
  }
  const { request, model } = examined;
  desk.counts.begin(request.model);
  try {
    await desk.onRequest(request);
    const fault = desk.faults.take(request);
    if (fault !== null) desk.counts.fault();
    if (fault?.kind === 'error') {
      for (const [name, value] of Object.entries(fault.headers)) response.setHeader(name, value);
      return json(response, fault.status, { type: 'error', error: fault.error });
    }
    if (fault?.kind === 'silence') return await gone(response);
    const account = desk.cache.account(request, model);
    if (desk.latencyMs > 0) await wait(desk.latencyMs);
    const { reply, output } = replyTo({ request, model, thought: thoughtFor(request, fault), input: account.usage });
    account.write();
    const usage = { ...account.usage, output };
    if (request.stream !== true) {
      if (fault?.kind === 'broken') return void response.destroy();
      desk.counts.answered(body, usage);
      return json(response, 200, reply);
    }
    response.writeHead(200, { ...standardHeaders(), 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
    const events = streamEvents(reply);
    const sent = fault?.kind === 'broken' ? events.slice(0, fault.afterEvents) : events;
    await write(response, sent.map(encodeEvent).join(''));
    if (fault?.kind === 'broken') return void response.destroy();
    if (!response.destroyed) desk.counts.answered(body, usage);
    response.end();
  } finally {
    desk.counts.end();
  }
}

function thoughtFor(request: MessagesRequest, fault: Fault | null): Thought {
  if (request.max_tokens === 0) return { stop_reason: 'max_tokens' };
  return fault?.kind === 'answer'
    ? { text: fault.text, tools: fault.tools, stop_reason: fault.stop_reason, stop_details: fault.stop_details }
    : think(request);
}
