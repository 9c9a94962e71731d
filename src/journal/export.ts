import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { requireNode } from '../node-version.ts';

requireNode();
const { readableEvents } = await import('./salvage.ts');

const [directory = './data'] = process.argv.slice(2);
const file = join(directory, 'journal.sqlite');
if (!existsSync(file)) {
  console.error(
    `Found no ${file}, expected the journal of a data directory. Say which: npm run --silent export -- <directory> > events.jsonl`,
  );
  process.exit(1);
}
let count = 0;
try {
  for (const line of readableEvents(file)) {
    count += 1;
    if (!process.stdout.write(`${line}\n`)) await new Promise((resolve) => process.stdout.once('drain', resolve));
  }
  console.error(`${count} events of ${file}`);
} catch (thrown) {
  console.error(`${count} events of ${file}, and then no more: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  process.exitCode = 1;
}
