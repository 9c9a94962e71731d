import { lstat, readdir, readlink, stat, statfs } from 'node:fs/promises';
import type { Stats } from 'node:fs';
import { join } from 'node:path';
import { processTree } from './process-tree.ts';

const INTERVAL = 250;
/** Files that one command may write: a disk is full without places for names, too. */
const FILES = 1_000_000;

interface Watched {
  /** Directories that the command writes to. */
  readonly directories: readonly string[];
  readonly pid: number;
  /** Bytes. */
  readonly limit: number;
  readonly over: () => void;
}

interface Free {
  readonly bytes: number;
  readonly files: number;
}

/**
 * Watches what commands write to disk. Asking the file system how much is free costs nothing; only when more than a limit is gone, by whomever,
 * the command's own files are counted: those that changed since it began, and those that it deleted and holds open.
 */
export class DiskWatch {
  readonly #watched = new Set<() => Promise<void>>();
  #timer: NodeJS.Timeout | null = null;

  /** Calls `over` once when the command has written more than its limit; the function that is given back ends the watch. */
  watch(watched: Watched): () => void {
    const since = Date.now() - 1_000;
    let most: Free = { bytes: 0, files: 0 };
    let looking = false;
    const look = async (): Promise<void> => {
      if (looking) return;
      looking = true;
      const free = await freeAt(watched.directories[0] ?? '/');
      most = { bytes: Math.max(most.bytes, free.bytes), files: Math.max(most.files, free.files) };
      const suspicious = most.bytes - free.bytes > watched.limit || most.files - free.files > FILES;
      if (suspicious && (await isOver(watched, since)) && this.#watched.has(look)) {
        end();
        watched.over();
      }
      looking = false;
    };
    const end = (): void => {
      this.#watched.delete(look);
      if (this.#watched.size > 0 || this.#timer === null) return;
      clearInterval(this.#timer);
      this.#timer = null;
    };
    this.#watched.add(look);
    void look();
    this.#timer ??= setInterval(() => {
      for (const each of this.#watched) void each();
    }, INTERVAL).unref();
    return end;
  }
}

async function freeAt(directory: string): Promise<Free> {
  const { bavail, bsize, ffree } = await statfs(directory).catch(() => ({ bavail: 0, bsize: 0, ffree: 0 }));
  return { bytes: bavail * bsize, files: ffree };
}

async function isOver({ directories, pid, limit }: Watched, since: number): Promise<boolean> {
  const count = new Count(since, limit);
  for (const directory of directories) await count.directory(directory);
  await count.deleted(pid, directories[0] ?? '/');
  return count.isOver;
}

class Count {
  readonly #since: number;
  readonly #limit: number;
  readonly #seen = new Set<number>();
  #bytes = 0;
  #hidden = false;

  constructor(since: number, limit: number) {
    this.#since = since;
    this.#limit = limit;
  }

  /** A directory that cannot be looked into while the disk fills up is taken for the reason. */
  get isOver(): boolean {
    return this.#hidden || this.#bytes > this.#limit || this.#seen.size > FILES;
  }

  /** Links are not followed. Names may be any bytes. */
  async directory(path: string | Buffer): Promise<void> {
    const names = await readdir(path, { encoding: 'buffer' }).catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
      this.#hidden = true;
      return [];
    });
    for (const name of names) {
      if (this.isOver) return;
      const at = Buffer.concat([Buffer.from(path), Buffer.from('/'), name]);
      const facts = await lstat(at).catch(() => null);
      if (facts === null) continue;
      this.#add(facts);
      if (facts.isDirectory()) await this.directory(at);
    }
  }

  /** Files without a name that the command's processes hold open on the disk of `directory`. */
  async deleted(pid: number, directory: string): Promise<void> {
    const device = (await stat(directory).catch(() => null))?.dev;
    for (const process of await processTree(pid)) {
      const folder = `/proc/${process}/fd`;
      for (const name of await readdir(folder).catch(() => [])) {
        if (!(await readlink(join(folder, name)).catch(() => '')).endsWith(' (deleted)')) continue;
        const facts = await stat(join(folder, name)).catch(() => null);
        if (facts !== null && facts.nlink === 0 && facts.dev === device) this.#add(facts);
      }
    }
  }

  /** The time of a file's last change of state is the kernel's, and no program can set it. */
  #add({ ctimeMs, ino, blocks }: Stats): void {
    if (ctimeMs < this.#since || this.#seen.has(ino)) return;
    this.#seen.add(ino);
    this.#bytes += blocks * 512;
  }
}
