import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { deflate, deflateSync } from 'node:zlib';
import { ConvergeError } from '../domain/errors.ts';

export type ObjectType = 'blob' | 'tree' | 'commit';

/** An object that is not yet on the disk. */
export interface FreshObject {
  readonly id: string;
  readonly type: ObjectType;
  readonly body: Uint8Array;
}

/** Objects up to this size are compressed at once, in bytes: a few tenths of a millisecond. */
const SMALL = 64 * 1_024;

/** Name of the temporary files that a killed process may leave in `objects/`. */
export const TEMPORARY_OBJECT = 'tmp_obj_';

const compress = promisify(deflate);

/** As git does, but fast rather than small. */
export async function deflated(bytes: Uint8Array): Promise<Buffer> {
  return bytes.byteLength <= SMALL ? deflateSync(bytes, { level: 1 }) : compress(bytes, { level: 1 });
}

/** Git's id of an object, in 40 hex digits. */
export function objectId(type: ObjectType, body: Uint8Array): string {
  return createHash('sha1').update(`${type} ${body.byteLength}\0`).update(body).digest('hex');
}

/** What a loose file holds, before it is deflated. */
export function formatObject(type: ObjectType, body: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${type} ${body.byteLength}\0`), body]);
}

/** The id, when it is one: what goes into git's arguments must not be an option. ConvergeError of kind `git` when it is not. */
export function checkId(id: string): string {
  if (!/^[0-9a-f]{40}$/u.test(id)) throw new ConvergeError('git', `An object id has 40 hex digits; found \`${id.slice(0, 80)}\`.`);
  return id;
}
