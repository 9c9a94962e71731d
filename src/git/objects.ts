import { createHash, randomUUID } from 'node:crypto';
import { access, mkdir, open, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { deflate } from 'node:zlib';

export type ObjectType = 'blob' | 'tree' | 'commit';

const compress = promisify(deflate);

/** Name of the temporary files that a killed process may leave in `objects/`. */
export const TEMPORARY_OBJECT = 'tmp_obj_';

/** Git's id of an object, in 40 hex digits. */
export function objectId(type: ObjectType, body: Uint8Array): string {
  return createHash('sha1').update(`${type} ${body.byteLength}\0`).update(body).digest('hex');
}

/** Writes a loose object below `objects` (a repository's directory of that name) and gives its id. Whole or not at all. */
export async function writeObject(objects: string, type: ObjectType, body: Uint8Array): Promise<string> {
  const id = objectId(type, body);
  const folder = join(objects, id.slice(0, 2));
  const target = join(folder, id.slice(2));
  if (await exists(target)) return id;
  const bytes = await compress(Buffer.concat([Buffer.from(`${type} ${body.byteLength}\0`), body]), { level: 1 });
  const temporary = join(objects, `${TEMPORARY_OBJECT}${randomUUID()}`);
  await mkdir(folder, { recursive: true });
  try {
    const file = await open(temporary, 'wx', 0o444);
    try {
      await file.writeFile(bytes);
      // A machine that loses power must not leave an empty object that every later run takes for whole.
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
  return id;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
