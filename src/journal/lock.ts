import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { ConvergeError, messageOf } from '../domain/errors.ts';

export interface Lock {
  release(): void;
}

/**
 * Keeps every other process from writing this data directory. Held as `BEGIN EXCLUSIVE` on a file of its own, so that the journal itself can
 * still be read by others, and the operating system frees it at once when the process is killed.
 * Ends in a ConvergeError of kind `journal` when another process holds it.
 */
export function holdLock(directory: string): Lock {
  const path = join(directory, 'journal.lock');
  const sqlite = new DatabaseSync(path);
  try {
    sqlite.exec('BEGIN EXCLUSIVE');
  } catch (thrown) {
    sqlite.close();
    throw refusal(directory, thrown);
  }
  return { release: () => sqlite.close() };
}

function refusal(directory: string, thrown: unknown): ConvergeError {
  if (!/database is locked/u.test(messageOf(thrown))) {
    return new ConvergeError(
      'journal',
      `The journal's lock file in ${directory} cannot be used: ${messageOf(thrown)}. Remove journal.lock if it is damaged.`,
      {
        cause: thrown,
      },
    );
  }
  return new ConvergeError(
    'journal',
    `Another Converge process is writing the data directory ${directory}. One directory belongs to one process: stop the other one, or give this one a directory of its own with DATA_DIR.`,
    { cause: thrown },
  );
}
