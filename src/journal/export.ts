import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { requireNode } from '../node-version.ts';

requireNode();
// After the check: an older Node would stumble over what these import.
const { readArguments } = await import('../arguments.ts');
const { count } = await import('../domain/amounts.ts');
const { journalPlace } = await import('../config.ts');
const { messageOf } = await import('../domain/errors.ts');
const { eventLine, readableEvents } = await import('./salvage.ts');
const { eventsOfDatabase } = await import('./sealed-events.ts');

const USAGE = 'usage: npm run --silent export -- [<data directory>] > events.jsonl';

function asked(): string | undefined {
  const { positionals } = parseArgs({ allowPositionals: true });
  if (positionals.length > 1) throw new Error(`Found ${positionals.join(' ')}, expected one data directory at most.`);
  return positionals[0];
}

async function* linesOf(url: string): AsyncGenerator<string> {
  for await (const { id, scope, n, at, body } of eventsOfDatabase(url)) yield eventLine({ id, scope, n, at, body });
}

/** Every event that can be read, to standard output; gives whether that was to the end. */
async function write(lines: Iterable<string> | AsyncIterable<string>, from: string): Promise<boolean> {
  let events = 0;
  try {
    for await (const line of lines) {
      events += 1;
      if (!process.stdout.write(`${line}\n`)) await new Promise((resolve) => process.stdout.once('drain', resolve));
    }
    console.error(`${count(events, 'event')} of ${from}`);
    return true;
  } catch (error) {
    console.error(`${count(events, 'event')} of ${from}, and then no more: ${messageOf(error)}`);
    return false;
  }
}

async function exportFrom(directory: string | undefined): Promise<boolean> {
  // A directory that is named needs no environment, which may be what is broken.
  const { databaseUrl, dataDirectory } = directory === undefined ? journalPlace() : { databaseUrl: null, dataDirectory: directory };
  if (databaseUrl !== null) return write(linesOf(databaseUrl), 'DATABASE_URL');
  const file = resolve(dataDirectory, 'journal.sqlite');
  if (existsSync(file)) return write(readableEvents(file), file);
  console.error(`Found no ${file}, expected the journal of a data directory: name it, or set DATA_DIR or DATABASE_URL.\n\n${USAGE}`);
  return false;
}

const directory = readArguments(USAGE, asked);
try {
  if (!(await exportFrom(directory))) process.exitCode = 1;
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = 1;
}
