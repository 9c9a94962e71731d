import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

/** What a contestant's process says of itself. */
export const Result = z.object({
  seconds: z.number(),
  /** Of the process while it worked, user and system. */
  cpuSeconds: z.number(),
  peakMegabytes: z.number(),
  turns: z.number(),
});
export type Result = z.infer<typeof Result>;

export interface Task {
  readonly url: string;
  readonly agents: number;
  readonly concurrency: number;
}

/** A simulated model in a process of its own. */
export async function startModel(latencyMs: number, bytes = 0): Promise<{ readonly url: string; end(): void }> {
  const child = spawn(process.execPath, [fileURLToPath(new URL('model.ts', import.meta.url)), String(latencyMs), String(bytes)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [url] = z.tuple([z.string()]).parse(await once(createInterface({ input: child.stdout }), 'line'));
  return { url, end: () => child.kill() };
}

const Scripts = z.object({ scripts: z.object({ start: z.string() }) });

/** The flags with which `npm start` has Node run Converge. */
export const OUR_FLAGS: readonly string[] =
  Scripts.parse(JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))).scripts.start.match(/--max-[\w=-]+/gu) ??
  [];

export interface Circumstances {
  readonly environment?: Readonly<Record<string, string>>;
  /** Of Node; its own unless told. */
  readonly flags?: readonly string[];
}

/** Runs a module in a process of its own, so that nobody's memory or garbage counts as another's. It answers one task with one Result. */
export async function contest(module: string, task: Task, { environment = {}, flags = [] }: Circumstances = {}): Promise<Result> {
  const child = fork(fileURLToPath(new URL(module, import.meta.url)), [JSON.stringify(task)], {
    env: { ...process.env, ...environment },
    execArgv: [...flags],
  });
  const [message] = z.tuple([z.unknown(), z.unknown()]).parse(await once(child, 'message'));
  child.kill();
  return Result.parse(message);
}
