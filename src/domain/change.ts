/** A file's bytes as text where they are UTF-8, else base64: the journal holds content, not only ids. */
export type Content = { readonly utf8: string } | { readonly base64: string };

export type FileMode = '100644' | '100755';

/** One path's difference from a tree. */
export type Edit =
  | { readonly path: string; readonly mode: FileMode; readonly content: Content }
  | { readonly path: string; readonly deleted: true };

/** Edits sorted by path, at most one a path. */
export type Overlay = readonly Edit[];

/**
 * One shard's work as the runtime made it from an agent's edits. The git objects are a cache: base tree + the overlays of `on` + `overlay` give `tree` again.
 */
export interface Change {
  /** sha256 over shard, base tree, `on` and overlay, first 16 hex digits: the same work has the same id. */
  readonly id: string;
  readonly shard: string;
  /** Changes of other shards that were laid under this one. */
  readonly on: readonly string[];
  readonly overlay: Overlay;
  /** Git tree id of base + on + overlay. */
  readonly tree: string;
  readonly files: readonly string[];
  readonly added: number;
  readonly removed: number;
  /** The agent's one-paragraph account, for the commit message; never shown to verifiers. */
  readonly summary: string;
  /** The change this one replaces, when it is a revision. */
  readonly replaces: string | null;
  /** 0 for the first change of a shard, then 1, 2. */
  readonly revision: number;
}

export function contentOf(bytes: Uint8Array): Content {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const utf8 = buffer.toString('utf8');
  return Buffer.from(utf8, 'utf8').equals(buffer) ? { utf8 } : { base64: buffer.toString('base64') };
}

export function bytesOf(content: Content): Buffer {
  return 'utf8' in content ? Buffer.from(content.utf8, 'utf8') : Buffer.from(content.base64, 'base64');
}
