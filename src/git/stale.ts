import { createHash } from 'node:crypto';
import { readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { inflate } from 'node:zlib';
import { TEMPORARY_OBJECT } from './objects.ts';
import { isAlive, processIdentity } from './process-identity.ts';

/** Names the process that uses the mirror; below the bare repository, where git ignores it. */
const OWNER = 'converge-owner';

/** The kernel has written a file to the disk within this time, in milliseconds. */
const WRITTEN_BACK = 5 * 60_000;

/**
 * Takes a bare repository over from a process that is gone: its lock files and
 * half-written objects are removed, and so are those of its last minutes that a loss of power spoilt. When the owner still lives (this process,
 * opening it once more, or another) nothing is touched.
 */
export async function takeOver(directory: string): Promise<void> {
  const file = join(directory, OWNER);
  const owner = await readFile(file, 'utf8').catch(() => '');
  if (await isAlive(owner)) return;
  for (const entry of await readdir(directory, { withFileTypes: true, recursive: true })) {
    const stale =
      entry.name.endsWith('.lock') || entry.name.startsWith(TEMPORARY_OBJECT) || /^tmp_(?:pack|idx|rev|mtimes|obj)_/u.test(entry.name);
    if (entry.isFile() && stale) await rm(join(entry.parentPath, entry.name), { force: true });
    if (entry.isDirectory() && /^(?:incoming-|tmp_objdir-)/u.test(entry.name))
      await rm(join(entry.parentPath, entry.name), { recursive: true, force: true });
  }
  await removeSpoilt(join(directory, 'objects'));
  const temporary = `${file}-${process.pid}`;
  await writeFile(temporary, await processIdentity());
  await rename(temporary, file);
}

/** Of the youngest loose objects, those whose bytes are not what their names say. */
async function removeSpoilt(objects: string): Promise<void> {
  const loose: { readonly path: string; readonly time: number }[] = [];
  for (const folder of (await readdir(objects).catch(() => [])).filter((name) => /^[0-9a-f]{2}$/u.test(name))) {
    for (const name of await readdir(join(objects, folder))) {
      const path = join(objects, folder, name);
      loose.push({ path, time: (await stat(path)).mtimeMs });
    }
  }
  const newest = loose.reduce((time, object) => Math.max(time, object.time), 0);
  for (const { path, time } of loose) if (time > newest - WRITTEN_BACK && !(await isWhole(path))) await rm(path, { force: true });
}

async function isWhole(path: string): Promise<boolean> {
  const body = await decompress(await readFile(path)).catch(() => Buffer.alloc(0));
  return createHash('sha1').update(body).digest('hex').endsWith(basename(path));
}

const decompress = promisify(inflate);
