import { hash, randomUUID } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
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
  return hash('sha1', formatObject(type, body));
}

function formatObject(type: ObjectType, body: Uint8Array): Buffer {
  const head = `${type} ${body.byteLength}\0`;
  const whole = Buffer.allocUnsafe(head.length + body.byteLength);
  whole.write(head, 'latin1');
  whole.set(body, head.length);
  return whole;
}

/** Writes a loose object below `objects` (a repository's directory of that name) and gives its id. Whole or not at all,
 * but not forced to the disk: what a loss of power spoils is found by `takeOver`. */
export async function writeObject(objects: string, type: ObjectType, body: Uint8Array): Promise<string> {
  const whole = formatObject(type, body);
  const id = hash('sha1', whole);
  const folder = join(objects, id.slice(0, 2));
  const target = join(folder, id.slice(2));
  if (existsSync(target)) return id;
  const bytes = whole.length <= SMALL ? deflateSync(whole, { level: 1 }) : await compress(whole, { level: 1 });
  const temporary = join(folder, `${TEMPORARY_OBJECT}${randomUUID()}`);
  try {
    mkdirSync(folder, { recursive: true });
    // One file of the page cache: turns through the thread pool cost several times as much.
    writeWhole(temporary, bytes);
    renameSync(temporary, target);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new ConvergeError(
      'git',
      `The mirror cannot be written: ${messageOf(error)}. Make room in the data directory, or make it writable.`,
      { retry: 'later', cause: error },
    );
  }
  return id;
}

function writeWhole(path: string, bytes: Buffer): void {
  const descriptor = openSync(path, 'wx', 0o444);
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at);
  } finally {
    closeSync(descriptor);
  }
}
