import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { shell } from './confinement.ts';
import type { Confinement, Job, Launch } from './confinement.ts';
import { linkMounts } from './mount-points.ts';

/** Told in every report. */
export const UNCONFINED = "commands ran without a sandbox (operator's choice)";

/** `sandbox: none`, the operator's explicit word: an environment made from nothing, and limits of time, memory and output; nothing else holds. */
export function unconfined(searchPath: string): Confinement {
  return {
    kind: 'none',
    caveats: [UNCONFINED],
    launch: async (job: Job): Promise<Launch> => {
      const [home, temporary] = [join(job.scratch, 'home'), join(job.scratch, 'tmp')];
      await Promise.all([mkdir(home), mkdir(temporary), linkMounts(job.directory, job.mounts)]);
      const [file = '', ...args] = shell(job.run, job.args);
      return {
        file,
        args,
        directory: job.directory,
        environment: {
          PATH: `${dirname(process.execPath)}:${searchPath}`,
          HOME: home,
          TMPDIR: temporary,
          LANG: 'C.UTF-8',
          CI: 'true',
          NO_COLOR: '1',
        },
        inputs: [],
        tellsStart: false,
      };
    },
  };
}
