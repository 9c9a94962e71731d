import { createHash } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { z } from 'zod';
import type { AgentTask, Submission } from '../../src/agents/agent.ts';
import type { Clock } from '../../src/agents/clock.ts';
import { openAgents } from '../../src/agents/open-agents.ts';
import type { Timings } from '../../src/agents/timings.ts';
import { MICRO } from '../../src/domain/budget.ts';
import type { RunEvent } from '../../src/domain/events.ts';
import type { Workspace } from '../../src/git/workspace.ts';
import type { SwitchedOff } from '../../src/domain/switched-off.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { openSqliteJournal } from '../../src/journal/sqlite.ts';
import { Origin } from '../git/origin.ts';
import { anAllowance } from '../journal/support.ts';
import { guardOf } from '../secrets/support.ts';
import type { DiscretionParts } from '../../src/agents/discretion.ts';

const block = z.looseObject({ type: z.string(), cache_control: z.unknown().optional() });
const requestSchema = z.looseObject({
  model: z.string(),
  max_tokens: z.number(),
  system: z.array(block).optional(),
  tools: z.array(z.looseObject({ name: z.string(), description: z.string(), input_schema: z.looseObject({}) })).optional(),
  messages: z.array(z.object({ role: z.enum(['user', 'assistant', 'system']), content: z.array(block) })),
});
type ModelBody = z.infer<typeof requestSchema>;

export interface Seen {
  readonly body: ModelBody;
  readonly headers: IncomingHttpHeaders;
  /** Equal requests have equal hashes. */
  readonly hash: string;
}

export interface Reply {
  readonly text?: string;
  readonly thinking?: string;
  readonly tools?: readonly { readonly name: string; readonly input: unknown; readonly id?: string; readonly json?: string }[];
  readonly stopReason?: string;
  readonly stopDetails?: unknown;
  readonly usage?: Record<string, unknown>;
}
interface ErrorReply {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly error: { readonly type: string; readonly message: string; readonly details?: unknown };
}
type Broken = 'broken' | 'error-event' | 'refused-connection' | 'silent';
/** What the server answers; a function is called when the response has begun and gives how it goes on. */
export type Answer = Reply | ErrorReply | Broken | { readonly begunThen: () => Promise<Reply> };
export type Script = (seen: Seen, n: number) => Answer | Promise<Answer>;

interface ModelServer {
  readonly url: string;
  readonly seen: Seen[];
  /** Requests being answered, at most at once. */
  readonly peak: () => number;
}

/** A Messages API on loopback that answers what the script says. */
async function modelServer(script: Script): Promise<ModelServer> {
  const seen: Seen[] = [];
  let active = 0;
  let peak = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8');
      const one: Seen = {
        body: requestSchema.parse(JSON.parse(text)),
        headers: request.headers,
        hash: createHash('sha256').update(text).digest('hex'),
      };
      seen.push(one);
      active += 1;
      peak = Math.max(peak, active);
      response.on('close', () => (active -= 1));
      void Promise.resolve(script(one, seen.length)).then((answer) => play(response, answer, one));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { url: `http://127.0.0.1:${address.port}`, seen, peak: () => peak };
}

let replies = 0;

async function play(response: ServerResponse, answer: Answer, seen: Seen): Promise<void> {
  if (answer === 'refused-connection') {
    response.destroy();
    return;
  }
  if (answer === 'silent') return;
  if (typeof answer === 'object' && 'status' in answer) {
    response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers });
    response.end(JSON.stringify({ type: 'error', error: answer.error }));
    return;
  }
  const send = (type: string, data: object): void => void response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`);
  const usage = { input_tokens: 100, output_tokens: 1, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
  const id = `msg_${(replies += 1)}`;
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  send('message_start', {
    message: { id, type: 'message', role: 'assistant', model: seen.body.model, content: [], stop_reason: null, stop_sequence: null, usage },
  });
  send('ping', {});
  if (answer === 'broken') {
    response.write('event: content_block_start\ndata: {"type":"content_block_st', () => response.destroy());
    return;
  }
  if (answer === 'error-event') {
    send('error', { error: { type: 'overloaded_error', message: 'Overloaded' } });
    response.end();
    return;
  }
  const reply = 'begunThen' in answer ? await answer.begunThen() : answer;
  sendContent(send, reply, id);
  send('message_delta', {
    delta: {
      stop_reason: reply.stopReason ?? (reply.tools === undefined ? 'end_turn' : 'tool_use'),
      stop_sequence: null,
      ...(reply.stopDetails === undefined ? {} : { stop_details: reply.stopDetails }),
    },
    usage: { output_tokens: 50, ...reply.usage },
  });
  send('message_stop', {});
  response.end();
}

function sendContent(send: (type: string, data: object) => void, reply: Reply, id: string): void {
  const blocks: { start: object; delta: object }[] = [];
  if (reply.thinking !== undefined) {
    blocks.push({ start: { type: 'thinking', thinking: '', signature: '' }, delta: { type: 'thinking_delta', thinking: reply.thinking } });
  }
  if (reply.text !== undefined) blocks.push({ start: { type: 'text', text: '' }, delta: { type: 'text_delta', text: reply.text } });
  for (const [n, tool] of (reply.tools ?? []).entries()) {
    blocks.push({
      start: { type: 'tool_use', id: tool.id ?? `toolu_${id}_${n}`, name: tool.name, input: {} },
      delta: { type: 'input_json_delta', partial_json: tool.json ?? JSON.stringify(tool.input) },
    });
  }
  for (const [index, { start, delta }] of blocks.entries()) {
    send('content_block_start', { index, content_block: start });
    send('content_block_delta', { index, delta });
    if ('type' in start && start.type === 'thinking')
      send('content_block_delta', { index, delta: { type: 'signature_delta', signature: 'sig-1' } });
    send('content_block_stop', { index });
  }
}

export const refusal = (
  status: number,
  type: string,
  more: { headers?: Record<string, string>; message?: string; code?: string } = {},
): ErrorReply => ({
  status,
  headers: more.headers ?? {},
  error: { type, message: more.message ?? type, ...(more.code === undefined ? {} : { details: { error_code: more.code } }) },
});

/** Answers one after the other, whoever asks; the last again and again. */
export function inTurn(...answers: readonly Answer[]): Script {
  return (_seen, n) => answers[Math.min(n, answers.length) - 1] ?? 'refused-connection';
}

export const call = (name: string, input: unknown): Reply => ({ tools: [{ name, input }] });
export const submit = (input: unknown): Reply => call('submit', input);

/** What the last user message of a request says, block by block. */
export function lastSaid(seen: Seen | undefined): string[] {
  const last = seen?.body.messages.findLast((message) => message.role === 'user');
  return (last?.content ?? []).map((part) => String(part['content'] ?? part['text']));
}

/** Short, so that nothing waits; the steps between them stay those of production. */
const SHORT: Timings = {
  tries: 4,
  firstBackoff: 2,
  longestBackoff: 10,
  patience: 60_000,
  firstProbe: 60_000,
  longestProbe: 60_000,
  connect: 10_000,
  warm: 60_000,
  drain: 0,
};

export const RUN = 'run-1';

export async function openTestJournal(directory = temporary()): Promise<Journal> {
  const journal = await openSqliteJournal({ directory });
  onTestFinished(() => journal.close());
  return journal;
}

export function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), 'converge-agents-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

export interface Bench {
  readonly server: ModelServer;
  readonly journal: Journal;
  readonly agents: ReturnType<typeof openAgents>;
  readonly events: () => Promise<readonly RunEvent[]>;
}

export interface BenchOptions {
  readonly budget?: number;
  readonly concurrency?: number;
  /** Of the whole process; of one run it is `concurrency`. */
  readonly most?: number;
  readonly journal?: Journal;
  readonly timings?: Partial<Timings>;
  readonly clock?: Clock;
  readonly off?: () => SwitchedOff | null;
  readonly discretion?: DiscretionParts;
  readonly onPlainSteers?: (model: string) => void;
}

/** Real agents on a scripted model and a real journal. */
export async function bench(script: Script, options: BenchOptions = {}): Promise<Bench> {
  const server = await modelServer(script);
  const journal = options.journal ?? (await openTestJournal());
  const agents = openAgents({
    onPlainSteers: options.onPlainSteers ?? (() => {}),
    client: { apiKey: 'test-key', baseUrl: server.url },
    journal,
    allowanceOf: (run) => anAllowance(run, { dollars: options.budget ?? 100 * MICRO }, options.concurrency),
    timings: { ...SHORT, ...options.timings },
    off: options.off ?? (() => null),
    discretion: options.discretion ?? { secrets: guardOf() },
    ...(options.most === undefined ? {} : { concurrency: options.most }),
    ...(options.clock === undefined ? {} : { clock: options.clock }),
  });
  return { server, journal, agents, events: async () => (await journal.events(RUN)).map((stored) => stored.event) };
}

export async function workspaceOf(files: Readonly<Record<string, string | Buffer>>): Promise<() => Workspace> {
  const origin = new Origin(files);
  const repository = await origin.mirror();
  const { tree } = await repository.pin({ run: RUN, commit: origin.head() });
  return () => repository.workspace(tree);
}

/** For conversations that touch no file. */
const noFiles: Workspace = {
  tree: '4b825dc642cb6eb9a060e54bf8d69288fbee4904',
  read: () => Promise.resolve({ kind: 'absent' }),
  list: () => Promise.resolve([]),
  special: () => Promise.resolve([]),
  grep: () => Promise.resolve({ matches: [], cut: false }),
  write: () => Promise.resolve(),
  remove: () => Promise.resolve(),
  overlay: () => Promise.resolve([]),
  restore: () => Promise.resolve(),
};

const COUNT = z.strictObject({ count: z.int().min(0) });

export function submission(options: Partial<Submission<{ count: number }>> = {}): Submission<{ count: number }> {
  return { description: 'Hand in how many files there are.', schema: COUNT, attempts: 3, ...options };
}

type TextTask = AgentTask<string> & { readonly submit: null };
type CountTask = AgentTask<{ count: number }> & { readonly submit: Submission<{ count: number }> };

export function textTask(options: Partial<TextTask> = {}): TextTask {
  return {
    id: 'agent-1',
    run: RUN,
    role: 'reader',
    label: 'look around',
    phase: 'Survey',
    model: 'claude-sonnet-5-5',
    effort: 'high',
    system: ['You look around.', 'Guide: none.'],
    brief: 'How many files are there?',
    workspace: noFiles,
    tools: [],
    mayWrite: () => ({ ok: true }),
    checks: [],
    runCheck: () => Promise.reject(new Error('no checks here')),
    submit: null,
    limits: { turns: 20, seconds: 600, budget: 50 * MICRO },
    ...options,
  };
}

export function countTask(options: Partial<CountTask> = {}): CountTask {
  const { submit: _, ...rest } = textTask();
  return { ...rest, submit: submission(), ...options };
}

export const live = (): AbortSignal => new AbortController().signal;

export interface TestClock extends Clock {
  /** Lets so many milliseconds pass, and what was waiting for them happen. */
  pass(ms: number): Promise<void>;
  /** Goes on to the next moment for which something waits. */
  next(): Promise<void>;
}

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

/** A clock that stands still until it is told to go on. */
export function testClock(): TestClock {
  let now = 0;
  const sleepers = new Set<Sleeper>();
  const settle = async (): Promise<void> => {
    for (let n = 0; n < 20; n++) await Promise.resolve();
  };
  const earliest = (): Sleeper | undefined => {
    let first: Sleeper | undefined;
    for (const sleeper of sleepers) if (first === undefined || sleeper.at < first.at) first = sleeper;
    return first;
  };
  const wake = async (sleeper: Sleeper): Promise<void> => {
    now = Math.max(now, sleeper.at);
    sleeper.wake();
    await settle();
  };
  return {
    now: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        const sleeper = {
          at: now + ms,
          wake: () => {
            sleepers.delete(sleeper);
            resolve();
          },
        };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', sleeper.wake, { once: true });
        if (signal?.aborted === true) sleeper.wake();
      }),
    after: (ms, act) => {
      const sleeper = { at: now + ms, wake: () => void (sleepers.delete(sleeper) && act()) };
      sleepers.add(sleeper);
      return () => void sleepers.delete(sleeper);
    },
    async pass(ms) {
      const end = now + ms;
      for (let first = earliest(); first !== undefined && first.at <= end; first = earliest()) await wake(first);
      now = end;
      await settle();
    },
    async next() {
      await settle();
      const first = earliest();
      if (first !== undefined) await wake(first);
    },
  };
}
