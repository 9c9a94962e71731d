import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Journal } from '../journal/journal.ts';
import { runFacts } from './run-facts.ts';
import { runPage } from './run-page.ts';

export interface WebParts {
  /** Answers true when it handled the request. */
  readonly webhooks: (request: IncomingMessage, response: ServerResponse) => Promise<boolean | void> | boolean | void;
  readonly journal: Journal;
}

/** The hook, health, and the page of a run (and the same as JSON); nothing else is served. */
export function serveWeb(parts: WebParts): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    answer(parts, request, response).catch((error: unknown) => {
      if (!response.headersSent) response.writeHead(500, { 'content-type': 'text/plain' });
      response.end(error instanceof Error ? 'Converge could not answer this.' : '');
    });
  };
}

async function answer({ webhooks, journal }: WebParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = new URL(request.url ?? '/', 'http://converge').pathname;
  if (request.method === 'GET' && path === '/healthz') {
    await journal.unfinished();
    send(response, { status: 200, type: 'text/plain', body: 'ok\n' });
    return;
  }
  const [, run, json] = /^\/runs\/([0-9a-f]{10})(\.json)?$/u.exec(path) ?? [];
  if (request.method === 'GET' && run !== undefined && json !== undefined) {
    const facts = await runFacts(journal, run);
    send(response, { status: facts === null ? 404 : 200, type: 'application/json', body: `${JSON.stringify(facts)}\n` });
    return;
  }
  if (request.method === 'GET' && run !== undefined) {
    const page = await runPage(journal, run);
    send(
      response,
      page === null
        ? { status: 404, type: 'text/plain', body: `There is no run ${run} here.\n` }
        : { status: 200, type: 'text/html', body: page },
    );
    return;
  }
  const handled = await webhooks(request, response);
  if (handled === false && !response.headersSent) send(response, { status: 404, type: 'text/plain', body: 'Nothing is here.\n' });
}

function send(response: ServerResponse, { status, type, body }: { status: number; type: string; body: string }): void {
  response.writeHead(status, {
    'content-type': `${type}; charset=utf-8`,
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  });
  response.end(body);
}
