import { lstat, mkdir, open, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ConvergeError } from '../domain/errors.ts';
import { pathFault } from '../git/paths.ts';
import type { Mount } from './confinement.ts';

/**
 * Makes the places in a checkout that mounts go to. Every part of the way must be a real directory: bubblewrap before 0.12 follows a link out of the
 * sandbox (CVE-2026-87766). No command of the repository runs in the checkout meanwhile.
 */
export async function makeMountPoints(directory: string, mounts: readonly Mount[]): Promise<void> {
  for (const { at, kind } of mounts) {
    const folder = kind === 'directory' ? at : dirname(at);
    await makeDirectories(directory, folder);
    if (kind === 'directory') continue;
    const target = join(directory, at);
    const there = await lstat(target).catch(() => null);
    if (there === null) await (await open(target, 'wx')).close();
    else if (!there.isFile()) throw blocked(at);
  }
}

/** The same without namespaces: links, which take the place of what is there. */
export async function linkMounts(directory: string, mounts: readonly Mount[]): Promise<void> {
  for (const { from, at } of mounts) {
    await makeDirectories(directory, dirname(at));
    await rm(join(directory, at), { recursive: true, force: true });
    await symlink(from, join(directory, at));
  }
}

async function makeDirectories(directory: string, folder: string): Promise<void> {
  if (folder === '.') return;
  if (pathFault(folder) !== null) throw blocked(folder);
  let current = directory;
  for (const part of folder.split('/')) {
    current = join(current, part);
    const there = await lstat(current).catch(() => null);
    if (there === null) await mkdir(current);
    else if (!there.isDirectory()) throw blocked(folder);
  }
}

function blocked(at: string): ConvergeError {
  return new ConvergeError('sandbox', `Nothing can be mounted at \`${at}\` of a checkout: something else than a directory is in the way.`);
}
