import { createReadStream, existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

import { requireNode } from '../node-version.ts';

requireNode();
// After the check: an older Node would stumble over what these import.
const { journalPlace } = await import('../config.ts');
const { messageOf } = await import('../domain/errors.ts');
const { eventsOfDatabase, eventsOfFile } = await import('../journal/sealed-events.ts');
const { checkChain } = await import('./chain.ts');
const { auditLines } = await import('./lines.ts');

const FORM = 'npm run --silent audit -- [<data directory>] [--run <run>] > audit.jsonl, or npm run --silent audit -- --verify <file>';

async function verify(file: string): Promise<boolean> {
  const checked = await checkChain(createInterface({ input: createReadStream(file), crlfDelay: Infinity }));
  if (checked.kind === 'whole') console.log(`${file}: ${checked.lines} lines, unbroken. The last has the hash ${checked.head}.`);
  else console.error(`${file}, line ${checked.line}: ${checked.why}.`);
  return checked.kind === 'whole';
}

async function write(directory: string | undefined, run: string | null): Promise<boolean> {
  const { databaseUrl, dataDirectory } = journalPlace();
  const file = resolve(directory ?? dataDirectory, 'journal.sqlite');
  const inDatabase = directory === undefined && databaseUrl !== null;
  if (!inDatabase && !existsSync(file))
    throw new Error(`Found no ${file}, expected the journal of a data directory, or DATABASE_URL. ${FORM}`);
  const lines = auditLines(inDatabase ? eventsOfDatabase(databaseUrl) : eventsOfFile(file), run);
  for (;;) {
    const next = await lines.next();
    if (next.done === true) {
      const { lines: count, head, broken, unsealed, unreadable } = next.value;
      for (const problem of broken) console.error(`BROKEN: ${problem}.`);
      if (unsealed > 0) console.error(`${unsealed} events are of versions without seals: nothing shows whether they were changed.`);
      if (unreadable > 0) console.error(`${unreadable} events cannot be read by this version: each stands as "unreadable", with its hash.`);
      console.error(`From ${inDatabase ? 'DATABASE_URL' : file}.`);
      console.error(`${count} lines. Keep the hash of the last elsewhere: ${head}`);
      return broken.length === 0;
    }
    if (!process.stdout.write(`${next.value}\n`)) await new Promise((resolve) => process.stdout.once('drain', resolve));
  }
}

try {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { run: { type: 'string' }, verify: { type: 'string' } } });
  const sound = values.verify === undefined ? await write(positionals[0], values.run ?? null) : await verify(values.verify);
  if (!sound) process.exitCode = 1;
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = 1;
}
