import { readFile, readdir, readlink, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';

/** Descriptors of one command that are looked at; with more of them what they hold is not known, and taken for too much. */
const DESCRIPTORS = 65_536;

/** Bytes of shared memory on the whole machine: what any command can hold in files without a disk is part of it. Without end where the kernel does not tell. */
export async function sharedOfMachine(): Promise<number> {
  const text = await readFile('/proc/meminfo', 'latin1').catch(() => '');
  return Number(/^Shmem:\s*(\d+) kB$/mu.exec(text)?.[1] ?? Infinity) * 1_024;
}

/**
 * Bytes that these processes keep in files without a disk, and that are in no process's own count: file systems in memory that are theirs alone, and files without a name.
 * What is mapped as well is in both counts, so as much as they map of files is taken off: the sum is never less than what cannot be reclaimed.
 */
export async function unmappedBytes(pids: readonly number[], page: number): Promise<number> {
  const held = (await inFileSystems(pids)) + (await withoutName(pids));
  if (held === 0) return 0;
  let mapped = 0;
  for (const pid of pids) mapped += Number((await readFile(`/proc/${pid}/statm`, 'latin1').catch(() => '')).split(' ')[2] ?? 0);
  return Math.max(0, held - mapped * page);
}

/** Of every mount that this process does not have itself, so that nobody else's is counted. */
async function inFileSystems(pids: readonly number[]): Promise<number> {
  const own = await namespaceOf('self');
  const first = new Map<string, number>();
  for (const pid of pids) first.set(await namespaceOf(pid), pid);
  first.delete(own);
  first.delete('');
  if (first.size === 0) return 0;
  const seen = new Set((await mountsOf('self')).map(({ device }) => device));
  let bytes = 0;
  for (const pid of first.values()) {
    for (const { device, at } of await mountsOf(pid)) {
      if (seen.has(device)) continue;
      seen.add(device);
      const { blocks, bfree, bsize } = await statfs(`/proc/${pid}/root${at}`).catch(() => ({ blocks: 0, bfree: 0, bsize: 0 }));
      bytes += (blocks - bfree) * bsize;
    }
  }
  return bytes;
}

function namespaceOf(pid: number | 'self'): Promise<string> {
  return readlink(`/proc/${pid}/ns/mnt`).catch(() => '');
}

/** Places of file systems in memory, as the process sees them. */
async function mountsOf(pid: number | 'self'): Promise<readonly { readonly device: string; readonly at: string }[]> {
  const text = await readFile(`/proc/${pid}/mountinfo`, 'utf8').catch(() => '');
  return text.split('\n').flatMap((line) => {
    const [, , device = '', , at = ''] = line.split(' ');
    const type = / - (\S+) /u.exec(line)?.[1];
    if (type !== 'tmpfs' && type !== 'ramfs') return [];
    return [{ device, at: at.replaceAll(/\\([0-7]{3})/gu, (_, octal: string) => String.fromCodePoint(Number.parseInt(octal, 8))) }];
  });
}

/** Of memfd_create. */
async function withoutName(pids: readonly number[]): Promise<number> {
  const seen = new Set<string>();
  let bytes = 0;
  let looked = 0;
  for (const pid of pids) {
    const folder = `/proc/${pid}/fd`;
    for (const name of await readdir(folder).catch(() => [])) {
      looked += 1;
      if (looked > DESCRIPTORS) return Infinity;
      const descriptor = join(folder, name);
      if (!(await readlink(descriptor).catch(() => '')).startsWith('/memfd:')) continue;
      const facts = await stat(descriptor).catch(() => null);
      if (facts === null || seen.has(`${facts.dev}:${facts.ino}`)) continue;
      seen.add(`${facts.dev}:${facts.ino}`);
      bytes += facts.blocks * 512;
    }
  }
  return bytes;
}
