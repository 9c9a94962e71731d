import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { test } from 'vitest';

const PROGRAM = fileURLToPath(new URL('no-descriptors.ts', import.meta.url));

test.skipIf(!existsSync('/proc/self/statm'))(
  'a watch of memory outlives a time without file descriptors, and sees again after it',
  async () => {
    await promisify(execFile)('/bin/sh', ['-c', 'ulimit -n 100 && exec "$0" "$1"', process.execPath, PROGRAM]);
  },
);
