import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { DEFAULT_SEARCH_PATH } from '../git/environment.ts';
import { bubblewrap } from '../sandbox/bubblewrap.ts';
import type { Confinement } from '../sandbox/confinement.ts';
import { DiskWatch } from '../sandbox/disk-watch.ts';
import { execute } from '../sandbox/execute.ts';
import { probeConfinement } from '../sandbox/probe.ts';
import { MemoryWatch } from '../sandbox/process-tree.ts';
import { unconfined } from '../sandbox/unconfined.ts';

export interface CiRun {
  readonly name: string;
  readonly conclusion: 'success' | 'failure';
  readonly summary: string;
}

const SECONDS = 600;
const MEMORY_MEGABYTES = 4096;
const DISK_MEGABYTES = 8192;
const TAIL = 6000;

/** A CI that is real: it runs the repository's own `npm test` on the files of a pushed commit, confined where the machine can. Without such a script there is no CI. */
export async function openCi(
  confinement: 'bubblewrap' | 'none',
): Promise<(directory: string, signal: AbortSignal) => Promise<readonly CiRun[]>> {
  const confined = await confine(confinement);
  const watch = new MemoryWatch();
  const diskWatch = new DiskWatch();
  return async (directory, signal) => {
    if (!(await hasTests(directory))) return [];
    const scratch = await mkdtemp(join(tmpdir(), 'converge-ci-'));
    try {
      const job = {
        directory,
        scratch,
        run: 'npm test',
        args: [],
        mounts: [],
        egress: null,
        seconds: SECONDS,
        memoryMegabytes: MEMORY_MEGABYTES,
      };
      const disk = { watch: diskWatch, directories: [directory, scratch], megabytes: DISK_MEGABYTES };
      const limits = { seconds: SECONDS, memoryMegabytes: MEMORY_MEGABYTES, watch, disk, signal };
      const result = await execute(await confined.launch(job), limits);
      return [
        {
          name: 'test',
          conclusion: result.ok ? 'success' : 'failure',
          summary: `\`npm test\` ended with ${result.exitCode}.\n\n\`\`\`\n${result.output.slice(-TAIL)}\n\`\`\``,
        },
      ];
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  };
}

async function confine(confinement: 'bubblewrap' | 'none'): Promise<Confinement> {
  const probed = confinement === 'none' ? null : await probeConfinement(DEFAULT_SEARCH_PATH);
  return probed?.kind === 'bubblewrap' ? bubblewrap(probed.host) : unconfined(DEFAULT_SEARCH_PATH);
}

const Manifest = z.object({ scripts: z.record(z.string(), z.string()).default({}) });

async function hasTests(directory: string): Promise<boolean> {
  try {
    return Manifest.parse(JSON.parse(await readFile(join(directory, 'package.json'), 'utf8'))).scripts['test'] !== undefined;
  } catch {
    return false;
  }
}
