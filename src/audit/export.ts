import { createReadStream, existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

import { requireNode } from '../node-version.ts';

requireNode();
// After the check: an older Node would stumble over what these import.
const { readArguments } = await import('../arguments.ts');
const { count } = await import('../domain/amounts.ts');
const { journalPlace } = await import('../config.ts');
const { messageOf } = await import('../domain/errors.ts');
const { eventsOfDatabase, eventsOfFile } = await import('../journal/sealed-events.ts');
const { checkChain } = await import('./chain.ts');
const { auditLines } = await import('./lines.ts');

const USAGE = `usage: npm run --silent audit -- [<data directory>] [--run <run>] > audit.jsonl
       npm run --silent audit -- --verify <file>`;

type Asked =
  | { readonly verify: string }
  /** `directory`: undefined for the journal that the environment names. `run`: null for all. */
  | { readonly directory: string | undefined; readonly run: string | null };

function asked(): Asked {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { run: { type: 'string' }, verify: { type: 'string' } } });
  const { run, verify } = values;
  const [directory, ...more] = positionals;
  if (verify !== undefined && (run !== undefined || directory !== undefined))
    throw new Error('Found --verify with more beside it, expected it with a file and nothing else.');
  if (more.length > 0) throw new Error(`Found ${positionals.join(' ')}, expected one data directory at most.`);
  return verify === undefined ? { directory, run: run ?? null } : { verify };
}

async function verify(file: string): Promise<boolean> {
  const checked = await checkChain(createInterface({ input: createReadStream(file), crlfDelay: Infinity }));
  if (checked.kind === 'whole') console.log(`${file}: ${count(checked.lines, 'line')}, unbroken. The last has the hash ${checked.head}.`);
  else console.error(`${file}, line ${checked.line}: ${checked.why}.`);
  return checked.kind === 'whole';
}

async function write({ directory, run }: Exclude<Asked, { verify: string }>): Promise<boolean> {
  // A directory that is named needs no environment.
  const { databaseUrl, dataDirectory } = directory === undefined ? journalPlace() : { databaseUrl: null, dataDirectory: directory };
  const file = resolve(dataDirectory, 'journal.sqlite');
  const inDatabase = databaseUrl !== null;
  if (!inDatabase && !existsSync(file))
    throw new Error(`Found no ${file}, expected the journal of a data directory, or DATABASE_URL.\n\n${USAGE}`);
  const lines = auditLines(inDatabase ? eventsOfDatabase(databaseUrl) : eventsOfFile(file), run);
  for (;;) {
    const next = await lines.next();
    if (next.done === true) {
      const { lines: written, head, broken, unsealed, unreadable, known } = next.value;
      const from = inDatabase ? 'DATABASE_URL' : file;
      for (const problem of broken) console.error(`BROKEN: ${problem}.`);
      if (unsealed > 0)
        console.error(`${count(unsealed, 'event is', 'events are')} of versions without seals: nothing shows whether they were changed.`);
      if (unreadable > 0)
        console.error(`${count(unreadable, 'event')} cannot be read by this version: each stands as "unreadable", with its hash.`);
      console.error(`From ${from}.`);
      if (!known) console.error(`Found no run ${run}, expected the id of one in ${from}, such as stands at the end of its status comment.`);
      console.error(`${count(written, 'line')}. Keep the hash of the last elsewhere: ${head}`);
      return known && broken.length === 0;
    }
    if (!process.stdout.write(`${next.value}\n`)) await new Promise((resolve) => process.stdout.once('drain', resolve));
  }
}

const what = readArguments(USAGE, asked);
try {
  if (!('verify' in what ? await verify(what.verify) : await write(what))) process.exitCode = 1;
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = 1;
}
