import { z } from 'zod';
import type { Result, Task } from './contest.ts';

const schema = z.object({ url: z.string(), agents: z.number(), concurrency: z.number() });

/** The task of this process. */
export function task(): Task {
  return schema.parse(JSON.parse(process.argv[2] ?? ''));
}

/** Measures `work`, which gives its number of turns, and tells the process that asked. */
export async function measure(work: () => Promise<number>): Promise<void> {
  const started = performance.now();
  const before = process.cpuUsage();
  const turns = await work();
  const { user, system } = process.cpuUsage(before);
  const result: Result = {
    seconds: (performance.now() - started) / 1000,
    cpuSeconds: (user + system) / 1e6,
    peakMegabytes: process.resourceUsage().maxRSS / 1024,
    turns,
  };
  process.send?.(result, () => process.exit());
}
