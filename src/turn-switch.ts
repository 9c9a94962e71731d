import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { requireNode } from './node-version.ts';

requireNode();
// After the check: an older Node would stumble over what these import.
const { readArguments } = await import('./arguments.ts');
const { journalPlace } = await import('./config.ts');
const { messageOf } = await import('./domain/errors.ts');
const { EVERYWHERE, reasonIn, SWITCH_SCOPE } = await import('./domain/switched-off.ts');
const { openPostgresJournal } = await import('./journal/postgres.ts');
const { SWITCH_FILE } = await import('./switch.ts');

/** For every process on the database where there is one, else for the one that uses the data directory. */
async function turn(off: boolean, reason: string): Promise<string> {
  const { databaseUrl, dataDirectory } = journalPlace();
  if (databaseUrl === null) {
    const directory = resolve(dataDirectory);
    // No process looks into another directory: a file there would switch nothing off, and say that it did.
    if (!['journal.sqlite', 'journal.lock'].some((name) => existsSync(join(directory, name))))
      throw new Error(
        `Found no journal in ${directory}, expected the data directory of a Converge: set DATA_DIR, or DATABASE_URL, as it has them`,
      );
    const file = join(directory, SWITCH_FILE);
    if (off) writeFileSync(file, `${reason}\n`);
    else rmSync(file, { force: true });
    return file;
  }
  const journal = await openPostgresJournal({ url: databaseUrl });
  try {
    await journal.append(SWITCH_SCOPE, [{ type: 'switch.turned', off, reason, by: 'command', where: EVERYWHERE }]);
  } finally {
    await journal.close();
  }
  return 'every App and worker on DATABASE_URL';
}

const USAGE = `usage: npm run switch -- off ["<reason>"]
       npm run switch -- on`;

interface Turn {
  readonly to: 'off' | 'on';
  readonly reason: string;
}

function asked(): Turn {
  const [to, ...words] = process.argv.slice(2);
  // A reason may begin with a dash; an option that is not known must not switch anything.
  const option = words.find((word) => /^-\S*$/u.test(word));
  if (option !== undefined) throw new Error(`Found ${option}, expected no options.`);
  if (to !== 'off' && to !== 'on') throw new Error(`Found ${to ?? 'nothing'}, expected off or on.`);
  if (to === 'on' && words.length > 0) throw new Error(`Found ${words.join(' ')} after on, expected nothing more.`);
  return { to, reason: reasonIn(words.join(' ')) };
}

const { to, reason } = readArguments(USAGE, asked);
try {
  console.log(`Switched ${to}: ${await turn(to === 'off', reason)}.`);
} catch (error) {
  console.error(`The switch could not be turned: ${messageOf(error)}`);
  process.exitCode = 1;
}
