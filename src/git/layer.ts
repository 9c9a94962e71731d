import { bytesOf } from '../domain/change.ts';
import type { FileMode, Overlay } from '../domain/change.ts';
import { ConvergeError } from '../domain/errors.ts';
import type { ObjectWriter, Writing } from './object-writer.ts';
import { checkPath } from './paths.ts';
import { rawName } from './trees.ts';
import type { TreeEntry, Trees } from './trees.ts';

/** What layers are made in. */
export interface ObjectStore {
  readonly trees: Trees;
  readonly writer: ObjectWriter;
}

/**
 * Writes the tree that `overlays`, laid over `tree` in order, make, and gives its id. Within one overlay deletions come first, so that a file may become
 * a directory. Deleting what is not there does nothing. ConvergeError of kind `git`: a refused path, a link or submodule in the way, a file where a directory is.
 */
export async function layer({ trees, writer }: ObjectStore, tree: string, overlays: readonly Overlay[]): Promise<string> {
  const writing = writer.begin();
  const laid = await lay({ trees, writing }, tree, overlays);
  await writing.settled();
  return laid;
}

export interface Loom {
  readonly trees: Trees;
  readonly writing: Writing;
}

/** The same, but git can read it only when the writing is settled. */
export async function lay(loom: Loom, tree: string, overlays: readonly Overlay[]): Promise<string> {
  const root = new Directory(loom, await loom.trees.entries(tree));
  for (const overlay of overlays) {
    for (const edit of overlay) if ('deleted' in edit) await root.remove(place(edit.path));
    for (const edit of overlay) {
      if (!('deleted' in edit)) {
        await root.put(place(edit.path), { mode: edit.mode, id: loom.writing.add('blob', bytesOf(edit.content)) });
      }
    }
  }
  return root.write();
}

/** A path on its way down: what is left of it, and the whole for messages. */
interface Place {
  readonly path: string;
  readonly parts: readonly string[];
}

function place(path: string): Place {
  return { path, parts: checkPath(path).split('/').map(rawName) };
}

/** A directory under change: only directories on the way of an edit are ever read. */
class Directory {
  readonly #loom: Loom;
  readonly #entries: Map<string, TreeEntry | Directory>;

  constructor(loom: Loom, entries: readonly TreeEntry[]) {
    this.#loom = loom;
    this.#entries = new Map(entries.map((entry) => [entry.name, entry]));
  }

  async remove({ path, parts: [name = '', ...rest] }: Place): Promise<void> {
    const there = await this.#open(name);
    if (rest.length > 0) {
      if (!(there instanceof Directory)) return;
      await there.remove({ path, parts: rest });
      if (there.#entries.size === 0) this.#entries.delete(name);
      return;
    }
    if (there === undefined) return;
    if (there instanceof Directory) throw new ConvergeError('git', `\`${path}\` is a directory: only files can be removed.`);
    refuseSpecial(there, path);
    this.#entries.delete(name);
  }

  async put({ path, parts: [name = '', ...rest] }: Place, file: { readonly mode: FileMode; readonly id: string }): Promise<void> {
    const there = await this.#open(name);
    if (rest.length > 0) {
      if (there !== undefined && !(there instanceof Directory)) {
        refuseSpecial(there, path);
        throw new ConvergeError(
          'git',
          `\`${path}\` cannot be written: \`${path.split('/').slice(0, -rest.length).join('/')}\` is a file, not a directory.`,
        );
      }
      const below = there ?? new Directory(this.#loom, []);
      await below.put({ path, parts: rest }, file);
      this.#entries.set(name, below);
      return;
    }
    if (there instanceof Directory) throw new ConvergeError('git', `\`${path}\` cannot be written: it is a directory.`);
    if (there !== undefined) refuseSpecial(there, path);
    this.#entries.set(name, { mode: file.mode, name, id: file.id });
  }

  write(): string {
    const entries = [...this.#entries].map(([name, entry]) =>
      entry instanceof Directory ? { mode: '40000', name, id: entry.write() } : entry,
    );
    return this.#loom.trees.write(this.#loom.writing, entries);
  }

  async #open(name: string): Promise<TreeEntry | Directory | undefined> {
    const there = this.#entries.get(name);
    if (there === undefined || there instanceof Directory || there.mode !== '40000') return there;
    const opened = new Directory(this.#loom, await this.#loom.trees.entries(there.id));
    this.#entries.set(name, opened);
    return opened;
  }
}

function refuseSpecial(entry: TreeEntry, path: string): void {
  if (entry.mode === '120000')
    throw new ConvergeError('git', `\`${path}\` cannot be changed: there is a symbolic link, and links are never followed or written.`);
  if (entry.mode === '160000')
    throw new ConvergeError('git', `\`${path}\` cannot be changed: there is a submodule, and submodules are never written.`);
}
