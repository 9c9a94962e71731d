import { bytesOf, contentOf } from '../domain/change.ts';
import type { Edit, FileMode, Overlay } from '../domain/change.ts';
import { ConvergeError } from '../domain/errors.ts';
import type { CatFile } from './cat-file.ts';
import { grepTree, matcher } from './grep.ts';
import { layer } from './layer.ts';
import type { ObjectWriter } from './object-writer.ts';
import { objectId } from './objects.ts';
import { checkPath } from './paths.ts';
import type { GitPlace } from './spawn.ts';
import type { LeafEntry, TreeEntry, Trees } from './trees.ts';
import type { FileRead, GrepOptions, GrepResult, Workspace } from './workspace.ts';

/** What a workspace reads from and, for searching, writes objects to. */
export interface WorkspaceSource {
  readonly place: GitPlace;
  readonly writer: ObjectWriter;
  readonly blobs: CatFile;
  readonly trees: Trees;
}

/** One path's edit in memory; `null` bytes mean that it is removed. */
type Held = { readonly bytes: Buffer; readonly mode: FileMode } | 'removed';

type There =
  | { readonly kind: 'file'; readonly bytes: Buffer; readonly mode: FileMode }
  | { readonly kind: 'file' | 'link'; readonly entry: TreeEntry }
  | { readonly kind: 'submodule' | 'directory' | 'absent' };

/** A workspace on a tree of the mirror: edits live in memory until `layer` or a search writes them as objects. */
export class TreeWorkspace implements Workspace {
  readonly tree: string;
  readonly #source: WorkspaceSource;
  readonly #held = new Map<string, Held>();

  constructor(source: WorkspaceSource, tree: string) {
    this.#source = source;
    this.tree = tree;
  }

  async read(path: string): Promise<FileRead> {
    const there = await this.#look(path);
    if ('bytes' in there) return { kind: 'file', bytes: Buffer.from(there.bytes), mode: there.mode };
    if (there.kind !== 'file' && there.kind !== 'link') return { kind: there.kind };
    const bytes = await this.#blob(there.entry.id, path);
    return there.kind === 'link'
      ? { kind: 'link', target: bytes.toString('utf8') }
      : { kind: 'file', bytes, mode: fileMode(there.entry.mode) };
  }

  /** What is at a path, without its content where that is not at hand. */
  async #look(path: string): Promise<There> {
    const held = this.#held.get(checkPath(path));
    if (held !== undefined && held !== 'removed') return { kind: 'file', ...held };
    if (this.#holdsBelow(path)) return { kind: 'directory' };
    if (held === 'removed') return { kind: 'absent' };
    const entry = await this.#source.trees.find(this.tree, path);
    if (entry === null) return { kind: 'absent' };
    if (entry.mode === '160000') return { kind: 'submodule' };
    if (entry.mode === '40000') return { kind: (await this.#allRemovedBelow(path)) ? 'absent' : 'directory' };
    return { kind: entry.mode === '120000' ? 'link' : 'file', entry };
  }

  async list(glob?: string): Promise<readonly string[]> {
    const paths = (await this.#leaves()).filter((leaf) => leaf.kind === 'file' && !this.#held.has(leaf.path)).map((leaf) => leaf.path);
    for (const [path, held] of this.#held) if (held !== 'removed') paths.push(path);
    return paths.filter(matcher(glob === undefined ? [] : [glob], paths)).sort();
  }

  async special(): Promise<readonly { readonly path: string; readonly kind: 'link' | 'submodule' }[]> {
    return (await this.#leaves()).flatMap(({ path, kind }) => (kind === 'file' ? [] : [{ path, kind }]));
  }

  async grep(pattern: string, options: GrepOptions = {}): Promise<GrepResult> {
    const tree = this.#held.size === 0 ? this.tree : await layer(this.#source, this.tree, [await this.overlay()]);
    return grepTree({ place: this.#source.place, tree, pattern, options });
  }

  async write(path: string, bytes: Uint8Array): Promise<void> {
    const held = this.#held.get(checkPath(path));
    const before = await this.#source.trees.find(this.tree, path);
    const mode = held !== undefined && held !== 'removed' ? held.mode : fileMode(before?.mode ?? '100644');
    await this.#put(path, { bytes: Buffer.from(bytes), mode });
  }

  async remove(path: string): Promise<void> {
    const there = await this.#look(path);
    if (there.kind === 'absent') throw new ConvergeError('git', `\`${path}\` cannot be removed: there is no such file.`);
    if (there.kind !== 'file')
      throw new ConvergeError('git', `\`${path}\` cannot be removed: it is a ${there.kind}, and only files can be.`);
    await this.#drop(path);
  }

  async overlay(): Promise<Overlay> {
    const edits: Edit[] = [];
    for (const [path, held] of this.#held) {
      edits.push(held === 'removed' ? { path, deleted: true } : { path, mode: held.mode, content: contentOf(held.bytes) });
    }
    return edits.sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  async restore(edits: Overlay): Promise<void> {
    for (const edit of edits) if ('deleted' in edit && (await this.#look(edit.path)).kind === 'file') await this.#drop(edit.path);
    for (const edit of edits) if (!('deleted' in edit)) await this.#put(edit.path, { bytes: bytesOf(edit.content), mode: edit.mode });
  }

  async #put(path: string, file: { readonly bytes: Buffer; readonly mode: FileMode }): Promise<void> {
    const parts = checkPath(path).split('/');
    for (let length = 1; length < parts.length; length += 1) {
      const above = parts.slice(0, length).join('/');
      const there = await this.#look(above);
      if (there.kind !== 'directory' && there.kind !== 'absent') {
        throw new ConvergeError('git', `\`${path}\` cannot be written: \`${above}\` is a ${there.kind}, not a directory.`);
      }
    }
    const there = await this.#look(path);
    if (there.kind !== 'file' && there.kind !== 'absent') {
      throw new ConvergeError(
        'git',
        `\`${path}\` cannot be written: it is a ${there.kind}${there.kind === 'directory' ? '' : ', and those are never followed or written'}.`,
      );
    }
    const before = await this.#source.trees.find(this.tree, path);
    const same = before !== null && fileMode(before.mode) === file.mode && before.id === objectId('blob', file.bytes);
    if (same) this.#held.delete(path);
    else this.#held.set(path, file);
  }

  async #drop(path: string): Promise<void> {
    const before = await this.#source.trees.find(this.tree, path);
    if (before === null || before.mode === '40000') this.#held.delete(path);
    else this.#held.set(path, 'removed');
  }

  /** Regular files can be named only where their names are text: others are neither listed nor touched. */
  async #leaves(): Promise<readonly LeafEntry[]> {
    return (await this.#source.trees.walk(this.tree)).filter((leaf) => Buffer.from(leaf.path, 'utf8').toString('latin1') === leaf.raw);
  }

  #holdsBelow(path: string): boolean {
    for (const [other, held] of this.#held) if (held !== 'removed' && other.startsWith(`${path}/`)) return true;
    return false;
  }

  async #allRemovedBelow(path: string): Promise<boolean> {
    const some = [...this.#held].some(([other, held]) => held === 'removed' && other.startsWith(`${path}/`));
    return (
      some &&
      (await this.#source.trees.walk(this.tree)).every(
        (leaf) => !leaf.path.startsWith(`${path}/`) || this.#held.get(leaf.path) === 'removed',
      )
    );
  }

  async #blob(id: string, path: string): Promise<Buffer> {
    const found = await this.#source.blobs.read(id);
    if (found === null) throw new ConvergeError('git', `The content of \`${path}\` is not in the mirror.`, { detail: `blob ${id}` });
    return found.bytes;
  }
}

/** Old trees also hold 100664, which git reads as 100644. */
function fileMode(mode: string): FileMode {
  return mode === '100755' ? '100755' : '100644';
}
