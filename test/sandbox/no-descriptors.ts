import { closeSync, openSync } from 'node:fs';
import { MemoryWatch } from '../../src/sandbox/process-tree.ts';

/* Watches itself while it has no file descriptor left, then gives them back: ends with 0 once the watch sees that it has more than a byte. */

const held: number[] = [];
try {
  for (;;) held.push(openSync('/dev/null', 'r'));
} catch {
  new MemoryWatch().watch(process.pid, 1, () => process.exit(0));
}
setTimeout(() => held.forEach((descriptor) => closeSync(descriptor)), 700);
setTimeout(() => process.exit(2), 30_000);
