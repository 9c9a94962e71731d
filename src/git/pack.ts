import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { deflated, type FreshObject } from './objects.ts';

/** What the names of our packs begin with: what is fetched names itself otherwise. */
export const OUR_PACK = 'pack-converge-';

const TYPES = { commit: 1, tree: 2, blob: 3 } as const;
/** Objects deflated between two turns of the event loop. */
const AT_ONCE = 64;

interface Entry {
  readonly id: string;
  readonly offset: number;
  readonly crc: number;
}

/**
 * Writes objects as one pack with its index (gitformat-pack, both of version 2; no deltas) into a repository's `objects/pack`. Both are on the disk before the index has its name, which
 * makes git see them: after a loss of power a pack is there whole or not at all. What it names besides may be loose and lost: `takeOver` drops it then.
 */
export async function writePack(directory: string, objects: readonly FreshObject[]): Promise<void> {
  const { pack, entries } = await format(objects);
  const checksum = pack.subarray(-20);
  const name = join(directory, OUR_PACK + checksum.toString('hex'));
  await mkdir(directory, { recursive: true });
  await place(join(directory, `tmp_pack_${randomUUID()}`), { bytes: pack, target: `${name}.pack` });
  await place(join(directory, `tmp_idx_${randomUUID()}`), { bytes: formatIndex(entries, checksum), target: `${name}.idx` });
}

async function format(objects: readonly FreshObject[]): Promise<{ readonly pack: Buffer; readonly entries: readonly Entry[] }> {
  const pieces = [Buffer.from('PACK'), words([2, objects.length])];
  const entries: Entry[] = [];
  let offset = 12;
  for (const [at, { id, type, body }] of objects.entries()) {
    if (at % AT_ONCE === AT_ONCE - 1) await turn();
    const head = entryHead(TYPES[type], body.byteLength);
    const bytes = await deflated(body);
    pieces.push(head, bytes);
    entries.push({ id, offset, crc: crc32(bytes, crc32(head)) });
    offset += head.length + bytes.length;
  }
  const whole = Buffer.concat(pieces);
  return { pack: Buffer.concat([whole, createHash('sha1').update(whole).digest()]), entries };
}

/** Type and size: four bits of the size in the first byte, seven in each that follows, the lowest first. */
function entryHead(type: number, size: number): Buffer {
  const bytes: number[] = [];
  let byte = (type << 4) | (size % 16);
  for (let rest = Math.floor(size / 16); rest > 0; rest = Math.floor(rest / 128)) {
    bytes.push(byte | 0x80);
    byte = rest % 128;
  }
  return Buffer.from([...bytes, byte]);
}

function formatIndex(entries: readonly Entry[], packChecksum: Buffer): Buffer {
  const sorted = [...entries].sort((a, b) => (a.id < b.id ? -1 : 1));
  const firsts = sorted.map(({ id }) => Number.parseInt(id.slice(0, 2), 16));
  let below = 0;
  const fanout = Array.from({ length: 256 }, (_, first) => {
    while ((firsts[below] ?? Infinity) <= first) below += 1;
    return below;
  });
  const whole = Buffer.concat([
    words([0xff744f63, 2, ...fanout]),
    Buffer.from(sorted.map(({ id }) => id).join(''), 'hex'),
    words(sorted.map(({ crc }) => crc)),
    words(sorted.map(({ offset }) => offset)),
    packChecksum,
  ]);
  return Buffer.concat([whole, createHash('sha1').update(whole).digest()]);
}

function words(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [at, value] of values.entries()) bytes.writeUInt32BE(value, at * 4);
  return bytes;
}

async function place(temporary: string, { bytes, target }: { readonly bytes: Buffer; readonly target: string }): Promise<void> {
  try {
    const file = await open(temporary, 'wx', 0o444);
    try {
      await file.writeFile(bytes);
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
