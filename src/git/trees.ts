import { ConvergeError } from '../domain/errors.ts';
import type { CatFile } from './cat-file.ts';
import type { Writing } from './object-writer.ts';

/** One entry of a git tree. Names are bytes: `name` holds one byte a character (latin1), so that no spelling is lost. */
export interface TreeEntry {
  readonly mode: string;
  readonly name: string;
  readonly id: string;
}

/** One file, link or submodule anywhere below a tree. `raw` is the path in bytes, `path` the same as text. */
export interface LeafEntry {
  readonly path: string;
  readonly raw: string;
  readonly mode: string;
  readonly id: string;
  readonly kind: 'file' | 'link' | 'submodule';
}

/** Entries of all trees that are kept, some hundred bytes each: a count of trees would say nothing of their size. */
const ENTRIES_KEPT = 2_000_000;
const WALKS_KEPT = 8;

/** Reads trees of the mirror; what was read is kept, since ids never change their meaning. */
export class Trees {
  readonly #objects: Pick<CatFile, 'read'>;
  readonly #most: number;
  readonly #trees = new Map<string, readonly TreeEntry[]>();
  #entriesKept = 0;
  readonly #walks = new Map<string, Promise<readonly LeafEntry[]>>();

  constructor(objects: Pick<CatFile, 'read'>, most = ENTRIES_KEPT) {
    this.#objects = objects;
    this.#most = most;
  }

  async entries(tree: string): Promise<readonly TreeEntry[]> {
    const kept = this.#trees.get(tree);
    if (kept !== undefined) return kept;
    const found = await this.#objects.read(tree);
    if (found?.type !== 'tree') throw missingTree(tree, found?.type);
    return this.#keep(tree, parseTree(found.bytes));
  }

  /** Adds a tree to what is being written and gives its id; it can be read here at once. */
  write(writing: Writing, entries: readonly TreeEntry[]): string {
    const id = writing.add('tree', formatTree(entries));
    this.#keep(id, entries);
    return id;
  }

  /** Forgets what was read and written: something that was written is not there after all. */
  forget(): void {
    this.#trees.clear();
    this.#entriesKept = 0;
    this.#walks.clear();
  }

  #keep(tree: string, entries: readonly TreeEntry[]): readonly TreeEntry[] {
    if (!this.#trees.has(tree)) this.#entriesKept += weight(entries);
    this.#trees.set(tree, entries);
    for (const [oldest, kept] of this.#trees) {
      if (this.#entriesKept <= this.#most || oldest === tree) break;
      this.#trees.delete(oldest);
      this.#entriesKept -= weight(kept);
    }
    return entries;
  }

  /** What is at a checked path, or null; the path `` is the tree itself. */
  async find(tree: string, path: string): Promise<TreeEntry | null> {
    let entry: TreeEntry = { mode: '40000', name: '', id: tree };
    for (const part of path.split('/')) {
      if (entry.mode !== '40000') return null;
      const name = rawName(part);
      const next: TreeEntry | undefined = (await this.entries(entry.id)).find((candidate) => candidate.name === name);
      if (next === undefined) return null;
      entry = next;
    }
    return entry;
  }

  /** Everything below a tree but directories, sorted by path. */
  async walk(tree: string): Promise<readonly LeafEntry[]> {
    const kept = this.#walks.get(tree);
    if (kept !== undefined) return kept;
    const walked = this.#walk(tree);
    this.#walks.set(tree, walked);
    const oldest = this.#walks.keys().next();
    if (this.#walks.size > WALKS_KEPT && oldest.done !== true) this.#walks.delete(oldest.value);
    walked.catch(() => this.#walks.delete(tree));
    return walked;
  }

  async #walk(root: string): Promise<readonly LeafEntry[]> {
    const leaves: LeafEntry[] = [];
    const descend = async (tree: string, prefix: string): Promise<void> => {
      const below: Promise<void>[] = [];
      for (const { mode, name, id } of await this.entries(tree)) {
        const raw = prefix + name;
        if (mode === '40000') below.push(descend(id, `${raw}/`));
        else leaves.push({ path: Buffer.from(raw, 'latin1').toString('utf8'), raw, mode, id, kind: kindOf(mode) });
      }
      await Promise.all(below);
    };
    await descend(root, '');
    return leaves.sort((a, b) => (a.path < b.path ? -1 : 1));
  }
}

/** `type`: of the other object that has this id. */
export function missingTree(tree: string, type?: string): ConvergeError {
  const other = type === undefined ? '' : `: it is a ${type}`;
  return new ConvergeError('git', `The tree ${tree} is not in the mirror${other}. Pin its commit, or lay its changes again.`);
}

/** A path's or part's bytes, one a character. */
export function rawName(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** Body of a git tree object: entries in git's order, where a directory sorts as if it ended in `/`. */
function formatTree(entries: readonly TreeEntry[]): Buffer {
  const keyed = entries.map((entry) => ({ entry, key: entry.mode === '40000' ? `${entry.name}/` : entry.name }));
  keyed.sort((a, b) => (a.key < b.key ? -1 : 1));
  const bytes = Buffer.allocUnsafe(entries.reduce((sum, { mode, name }) => sum + mode.length + name.length + 22, 0));
  let at = 0;
  for (const { mode, name, id } of keyed.map(({ entry }) => entry)) {
    at += bytes.write(`${mode} ${name}\0`, at, 'latin1');
    at += bytes.write(id, at, 'hex');
  }
  return bytes;
}

function parseTree(bytes: Buffer): readonly TreeEntry[] {
  const entries: TreeEntry[] = [];
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(0x20, at);
    const end = bytes.indexOf(0, space);
    // Old tools wrote directories as 040000.
    const mode = bytes.toString('latin1', at, space).replace(/^0+/u, '');
    entries.push({ mode, name: bytes.toString('latin1', space + 1, end), id: bytes.toString('hex', end + 1, end + 21) });
    at = end + 21;
  }
  return entries;
}

function kindOf(mode: string): LeafEntry['kind'] {
  if (mode === '120000') return 'link';
  return mode === '160000' ? 'submodule' : 'file';
}

/** The tree itself counts as well. */
function weight(entries: readonly TreeEntry[]): number {
  return entries.length + 1;
}
