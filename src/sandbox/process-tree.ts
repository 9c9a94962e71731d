import { readFile, readdir } from 'node:fs/promises';
import PQueue from 'p-queue';
import { sharedOfMachine, unmappedBytes } from './shared-memory.ts';

interface ProcessFacts {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly bytes: number;
}

const INTERVAL = 250;
/** Files that one look has open at once. A fork bomb's thousands would use up every descriptor of this process. */
const OPEN = 16;
/** More processes at once are taken for a fork bomb: where this process is root, no other limit stops one. */
const PROCESSES = 1_024;

interface Watched {
  readonly limit: number;
  readonly over: () => void;
}

/** Watches the memory of whole process trees, which the limits of single processes cannot. Without Linux's /proc it sees nothing. */
export class MemoryWatch {
  readonly #watched = new Map<number, Watched>();
  #timer: NodeJS.Timeout | null = null;
  #page: number | null = null;
  #looking = false;

  /** Calls `over` once when the tree below `pid` holds more than `bytes`; the function that is given back ends the watch. */
  watch(pid: number, bytes: number, over: () => void): () => void {
    this.#watched.set(pid, { limit: bytes, over });
    this.#timer ??= setInterval(() => void this.#look(), INTERVAL).unref();
    return () => {
      this.#watched.delete(pid);
      if (this.#watched.size > 0 || this.#timer === null) return;
      clearInterval(this.#timer);
      this.#timer = null;
    };
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      this.#page ??= await pageSize();
      const page = this.#page;
      // It looks again in a moment.
      if (page === null) return;
      const [all, shared] = await Promise.all([processes(page), sharedOfMachine()]);
      const looks = [...this.#watched].map(async ([pid, watched]) => {
        const over = await isOver(treeOf(all, pid), { limit: watched.limit, page, shared });
        if (!over || this.#watched.get(pid) !== watched) return;
        this.#watched.delete(pid);
        watched.over();
      });
      await Promise.all(looks);
    } finally {
      this.#looking = false;
    }
  }
}

interface Bounds {
  /** Bytes, as `shared` and `page`. */
  readonly limit: number;
  readonly page: number;
  /** On the whole machine. */
  readonly shared: number;
}

/** What no process maps is looked for only where the machine has enough of it to pass the limit. */
async function isOver(tree: readonly ProcessFacts[], { limit, page, shared }: Bounds): Promise<boolean> {
  const bytes = tree.reduce((sum, process) => sum + process.bytes, 0);
  if (bytes > limit || tree.length > PROCESSES) return true;
  if (bytes + shared <= limit) return false;
  const unmapped = await unmappedBytes(
    tree.map(({ pid }) => pid),
    page,
  );
  return bytes + unmapped > limit;
}

/** Ids of a process, its descendants, and the members of the group it leads. */
export async function processTree(pid: number): Promise<readonly number[]> {
  return treeOf(await processes(0), pid).map((process) => process.pid);
}

function treeOf(all: readonly ProcessFacts[], root: number): readonly ProcessFacts[] {
  const children = Map.groupBy(all, (process) => process.parent);
  const found = new Map<number, ProcessFacts>();
  const queue = all.filter((process) => process.pid === root || process.group === root);
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    if (found.has(next.pid)) continue;
    found.set(next.pid, next);
    queue.push(...(children.get(next.pid) ?? []));
  }
  return [...found.values()];
}

async function processes(page: number): Promise<readonly ProcessFacts[]> {
  const ids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/u.test(name));
  const reading = new PQueue({ concurrency: OPEN });
  const read = ids.map((id) => async () => {
    const text = await readFile(`/proc/${id}/stat`, 'latin1').catch(() => null);
    // The second field is the program's name in brackets and may hold anything.
    const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
    return fields === undefined
      ? []
      : [{ pid: Number(id), parent: Number(fields[1]), group: Number(fields[2]), bytes: Number(fields[21]) * page }];
  });
  return (await reading.addAll(read)).flat();
}

/** Bytes of a page of memory, from what the kernel and Node tell of this process; null while it has no file descriptor left to ask with. */
async function pageSize(): Promise<number | null> {
  const pages = Number((await readFile('/proc/self/statm', 'latin1').catch(() => '')).split(' ')[1]);
  const ratio = residentBytes() / pages;
  if (Number.isNaN(ratio)) return null;
  return [4_096, 16_384, 65_536].reduce((best, size) => (Math.abs(size - ratio) < Math.abs(best - ratio) ? size : best));
}

function residentBytes(): number {
  try {
    return process.memoryUsage.rss();
  } catch {
    // Node reads a file for it.
    return Number.NaN;
  }
}
