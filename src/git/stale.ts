import { createHash } from 'node:crypto';
import { readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { inflate } from 'node:zlib';
import { TEMPORARY_OBJECT } from './objects.ts';
import { isAlive, processIdentity } from './process-identity.ts';
import { plumbing, plumbingText } from './spawn.ts';
import type { GitPlace } from './spawn.ts';

/** Names the process that uses the mirror; below the bare repository, where git ignores it. */
const OWNER = 'converge-owner';

/** The kernel has written a file to the disk within this time, in milliseconds. */
const WRITTEN_BACK = 5 * 60_000;

/**
 * Takes a bare repository over from a process that is gone: its lock files,
 * half-written objects and refs that name nothing are removed, and so are those of its last minutes when a loss of power spoilt some. When the owner still lives (this process,
 * opening it once more, or another) nothing is touched.
 */
export async function takeOver(directory: string): Promise<void> {
  const file = join(directory, OWNER);
  const owner = await readFile(file, 'utf8').catch(() => '');
  if (await isAlive(owner)) return;
  for (const entry of await readdir(directory, { withFileTypes: true, recursive: true })) {
    const stale =
      entry.name.endsWith('.lock') || entry.name.startsWith(TEMPORARY_OBJECT) || /^tmp_(?:pack|idx|rev|mtimes|obj)_/u.test(entry.name);
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && (stale || (await isSpoiltRef(directory, path)))) await rm(path, { force: true });
    if (entry.isDirectory() && /^(?:incoming-|tmp_objdir-)/u.test(entry.name)) await rm(path, { recursive: true, force: true });
  }
  await removeSpoilt(join(directory, 'objects'));
  const temporary = `${file}-${process.pid}`;
  await writeFile(temporary, await processIdentity());
  await rename(temporary, file);
}

/** Drops refs whose objects are gone: with one of them git refuses every fetch. */
export async function dropDangling(place: GitPlace): Promise<void> {
  const refs = (await plumbingText(place, ['for-each-ref', '--format=%(objectname) %(refname)'])).split('\n').filter((line) => line !== '');
  const ids = refs.map((line) => `${line.slice(0, 40)}\n`).join('');
  const found = (await plumbingText(place, ['cat-file', '--batch-check=%(objectname)'], { input: ids })).split('\n');
  const dangling = refs.filter((_, index) => found[index]?.endsWith(' missing') === true).map((line) => line.slice(41));
  await plumbing(place, ['update-ref', '--stdin', '-z'], { input: dangling.map((ref) => `delete ${ref}\0\0`).join('') });
}

async function isSpoiltRef(directory: string, path: string): Promise<boolean> {
  return path.startsWith(join(directory, 'refs/')) && !/^[0-9a-f]{40}\n$/u.test(await readFile(path, 'latin1'));
}

/**
 * The loose objects of the last minutes, all of them, when the bytes of one are not what its name says: after a loss of power others may be missing, and what is older
 * names nothing that is younger. So whatever is there afterwards is there with all that it names.
 */
async function removeSpoilt(objects: string): Promise<void> {
  const loose: { readonly path: string; readonly time: number }[] = [];
  for (const folder of (await readdir(objects).catch(() => [])).filter((name) => /^[0-9a-f]{2}$/u.test(name))) {
    for (const name of await readdir(join(objects, folder))) {
      const path = join(objects, folder, name);
      loose.push({ path, time: (await stat(path)).mtimeMs });
    }
  }
  const newest = loose.reduce((time, object) => Math.max(time, object.time), 0);
  const young = loose.filter(({ time }) => time > newest - WRITTEN_BACK);
  for (const { path } of young) {
    if (await isWhole(path)) continue;
    for (const object of young) await rm(object.path, { force: true });
    return;
  }
}

async function isWhole(path: string): Promise<boolean> {
  const body = await decompress(await readFile(path)).catch(() => Buffer.alloc(0));
  return createHash('sha1').update(body).digest('hex').endsWith(basename(path));
}

const decompress = promisify(inflate);
