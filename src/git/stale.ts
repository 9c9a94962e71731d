import { createHash } from 'node:crypto';
import { readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { inflate } from 'node:zlib';
import { TEMPORARY_OBJECT } from './objects.ts';
import { OUR_PACK } from './pack.ts';
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
    const path = join(entry.parentPath, entry.name);
    const stale =
      entry.name.endsWith('.lock') ||
      path === join(directory, 'packed-refs.new') ||
      entry.name.startsWith(TEMPORARY_OBJECT) ||
      /^tmp_(?:pack|idx|rev|mtimes|obj)_/u.test(entry.name);
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
 * The loose objects of the last minutes and our packs of that time, all of them, when the bytes of one are not what its name says: after a loss of power others may be
 * missing, which packs on the disk may name, and what is older names nothing that is younger. So whatever is there afterwards is there with all that it names.
 */
async function removeSpoilt(objects: string): Promise<void> {
  const folders = (await readdir(objects).catch(() => [])).filter((name) => /^[0-9a-f]{2}$/u.test(name));
  const loose = (await Promise.all(folders.map((name) => filesIn(join(objects, name))))).flat();
  const packs = (await filesIn(join(objects, 'pack'))).filter(({ path }) => basename(path).startsWith(OUR_PACK));
  const newest = [...loose, ...packs].reduce((time, object) => Math.max(time, object.time), 0);
  const isYoung = ({ time }: Stored): boolean => time > newest - WRITTEN_BACK;
  const young = loose.filter(isYoung);
  for (const { path } of young) {
    if (await isWhole(path)) continue;
    // An index goes before its pack: without it git does not see the pack.
    const indexesFirst = packs.filter(isYoung).sort((a, b) => (a.path < b.path ? -1 : 1));
    for (const spoilt of [...indexesFirst, ...young]) await rm(spoilt.path, { force: true });
    return;
  }
}

interface Stored {
  readonly path: string;
  readonly time: number;
}

async function filesIn(folder: string): Promise<readonly Stored[]> {
  const stored: Stored[] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    const path = join(folder, name);
    stored.push({ path, time: (await stat(path)).mtimeMs });
  }
  return stored;
}

async function isWhole(path: string): Promise<boolean> {
  const body = await decompress(await readFile(path)).catch(() => Buffer.alloc(0));
  return createHash('sha1').update(body).digest('hex').endsWith(basename(path));
}

const decompress = promisify(inflate);
