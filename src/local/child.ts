import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { z } from 'zod';
import { inheritedEnvironment } from '../config.ts';
import { Reply } from './parent.ts';

/** A process that answers questions (parent.ts). */
export interface Child {
  ask<Answer>(question: string, value: unknown, answer: z.ZodType<Answer>): Promise<Answer>;
  /** Ends it and waits for its end. */
  end(signal?: NodeJS.Signals): Promise<void>;
  /** Resolves when it has ended, with its exit code. */
  readonly ended: Promise<number | null>;
  /** Of the process; 0 when it could not be started. */
  readonly pid: number;
}

export interface ChildOptions {
  /** Module beside this one. */
  readonly entry: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Told each line that the process prints. */
  readonly onLine: (line: string) => void;
}

export function startChild({ entry, environment = {}, onLine }: ChildOptions): Child {
  const child = fork(fileURLToPath(new URL(entry, import.meta.url)), {
    env: { ...inheritedEnvironment(), ...environment },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  for (const stream of [child.stdout, child.stderr]) lines(stream, onLine);
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  const { promise: ended, resolve } = Promise.withResolvers<number | null>();
  child.once('exit', (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`${entry} ended with ${code} before it answered`));
    resolve(code);
  });
  child.on('message', (message) => {
    const reply = Reply.safeParse(message);
    if (!reply.success) return;
    const asked = waiting.get(reply.data.id);
    waiting.delete(reply.data.id);
    if ('problem' in reply.data) asked?.reject(new Error(reply.data.problem));
    else asked?.resolve(reply.data.answer);
  });
  let last = 0;
  return {
    ended,
    pid: child.pid ?? 0,
    ask: async (question, value, answer) => {
      const asked = Promise.withResolvers<unknown>();
      last += 1;
      waiting.set(last, asked);
      child.send({ id: last, ask: question, with: value });
      return answer.parse(await asked.promise);
    },
    end: async (signal = 'SIGTERM') => {
      child.kill(signal);
      await ended;
    },
  };
}

function lines(stream: ChildProcess['stdout'], onLine: (line: string) => void): void {
  let rest = '';
  stream?.setEncoding('utf8').on('data', (piece: string) => {
    const parts = `${rest}${piece}`.split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) onLine(part);
  });
}
