import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { test } from 'vitest';

const PROGRAM = fileURLToPath(new URL('no-descriptors.ts', import.meta.url));
const DESCRIPTORS = 100;

test.skipIf(!existsSync('/proc/self/statm'))(
  'a watch of memory outlives a time without file descriptors, and sees again after it, with fewer of them than the machine has processes',
  async () => {
    const others = Array.from({ length: DESCRIPTORS }, () => spawn('sleep', ['60'], { stdio: 'ignore' }));
    try {
      await promisify(execFile)('/bin/sh', ['-c', `ulimit -n ${DESCRIPTORS} && exec "$0" "$1"`, process.execPath, PROGRAM]);
    } finally {
      for (const other of others) other.kill('SIGKILL');
    }
  },
);
