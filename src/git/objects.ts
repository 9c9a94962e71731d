import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { deflate, deflateSync } from 'node:zlib';
import { ConvergeError, messageOf } from '../domain/errors.ts';

export type ObjectType = 'blob' | 'tree' | 'commit';

const compress = promisify(deflate);

/** Objects up to this size are compressed at once, in bytes: a few tenths of a millisecond. */
const SMALL = 64 * 1_024;

/** Name of the temporary files that a killed process may leave in `objects/`. */
export const TEMPORARY_OBJECT = 'tmp_obj_';

/** Git's id of an object, in 40 hex digits. */
export function objectId(type: ObjectType, body: Uint8Array): string {
  return createHash('sha1').update(`${type} ${body.byteLength}\0`).update(body).digest('hex');
}

/** Writes a loose object below `objects` (a repository's directory of that name) and gives its id. Whole or not at all,
 * but not forced to the disk: what a loss of power spoils is found by `takeOver`. */
export async function writeObject(objects: string, type: ObjectType, body: Uint8Array): Promise<string> {
  const id = objectId(type, body);
  const folder = join(objects, id.slice(0, 2));
  const target = join(folder, id.slice(2));
  // Looking up one name costs less than a turn through the thread pool.
  if (existsSync(target)) return id;
  const whole = Buffer.concat([Buffer.from(`${type} ${body.byteLength}\0`), body]);
  const bytes = whole.length <= SMALL ? deflateSync(whole, { level: 1 }) : await compress(whole, { level: 1 });
  const temporary = join(objects, `${TEMPORARY_OBJECT}${randomUUID()}`);
  try {
    mkdirSync(folder, { recursive: true });
    await writeFile(temporary, bytes, { flag: 'wx', mode: 0o444 });
    await rename(temporary, target);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw new ConvergeError(
      'git',
      `The mirror cannot be written: ${messageOf(error)}. Make room in the data directory, or make it writable.`,
      { retry: 'later', cause: error },
    );
  }
  return id;
}
