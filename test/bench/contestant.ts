import { z } from 'zod';
import type { Result, Task } from './contest.ts';

const schema = z.object({ url: z.string(), agents: z.number(), concurrency: z.number() });

/** The task of this process. */
export function task(): Task {
  return schema.parse(JSON.parse(process.argv[2] ?? ''));
}

/** Measures `work`, which gives its number of turns, and tells the process that asked; with what processes beside this one used. */
export async function measure(
  work: () => Promise<number>,
  beside: () => Promise<Pick<Result, 'cpuSeconds' | 'peakMegabytes'>> = () => Promise.resolve({ cpuSeconds: 0, peakMegabytes: 0 }),
): Promise<void> {
  const started = performance.now();
  const before = process.cpuUsage();
  const turns = await work();
  const { user, system } = process.cpuUsage(before);
  const seconds = (performance.now() - started) / 1000;
  const others = await beside();
  const result: Result = {
    seconds,
    cpuSeconds: (user + system) / 1e6 + others.cpuSeconds,
    peakMegabytes: process.resourceUsage().maxRSS / 1024 + others.peakMegabytes,
    turns,
  };
  process.send?.(result, () => process.exit());
}
