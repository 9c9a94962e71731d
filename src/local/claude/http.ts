import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Refusal } from './refusals.ts';

/** A request body larger than the API takes. */
const MAX_BODY = 32 * 1024 * 1024;

export async function write(response: ServerResponse, text: string): Promise<void> {
  if (text === '') {
    response.flushHeaders();
    return;
  }
  await new Promise<void>((resolve) => response.write(text, () => resolve()));
}

/** Resolves when the other side has gone. */
export async function gone(response: ServerResponse): Promise<void> {
  await new Promise<void>((resolve) => response.once('close', resolve));
}

/** Null: larger than the API takes. */
export async function readBody(incoming: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size <= MAX_BODY) chunks.push(bytes);
  }
  return size > MAX_BODY ? null : Buffer.concat(chunks).toString('utf8');
}

/** Undefined when it is no JSON. */
export function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

export function standardHeaders(): Record<string, string> {
  return {
    'request-id': 'req_local',
    'anthropic-ratelimit-requests-limit': '4000',
    'anthropic-ratelimit-requests-remaining': '3999',
    'anthropic-ratelimit-requests-reset': '2026-01-01T00:00:00Z',
  };
}

export function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { ...standardHeaders(), 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
}

export function refuse(response: ServerResponse, { status, type, message }: Refusal): void {
  json(response, status, { type: 'error', error: { type, message }, request_id: 'req_local' });
}
