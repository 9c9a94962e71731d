import { readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TEMPORARY_OBJECT } from './objects.ts';
import { isAlive, processIdentity } from './process-identity.ts';

/** Names the process that uses the mirror; below the bare repository, where git ignores it. */
const OWNER = 'converge-owner';

/**
 * Takes a bare repository over from a process that is gone: its lock files and half-written objects are removed. When the owner still lives (this process,
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
  const temporary = `${file}-${process.pid}`;
  await writeFile(temporary, await processIdentity());
  await rename(temporary, file);
}
