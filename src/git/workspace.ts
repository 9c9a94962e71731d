import type { Change, FileMode, Overlay } from '../domain/change.ts';

/**
 * What an agent sees and edits: a git tree and an overlay of its edits; no directory on disk (DESIGN.md §6).
 * Paths are relative, `/`-separated, never leave the repository: anything else is a ConvergeError of kind `git` that says what was wrong with it.
 */
export interface Workspace {
  /** Tree id under the edits: base with the changes it was opened on. */
  readonly tree: string;
  read(path: string): Promise<FileRead>;
  /** Sorted paths of regular files (edits included); `glob` in picomatch's language with `dot: true`. Links and submodules are listed by `special()` only. */
  list(glob?: string): Promise<readonly string[]>;
  special(): Promise<readonly { readonly path: string; readonly kind: 'link' | 'submodule' }[]>;
  grep(pattern: string, options?: GrepOptions): Promise<GrepResult>;
  write(path: string, bytes: Uint8Array): Promise<void>;
  remove(path: string): Promise<void>;
  /** Sorted; only what differs from `tree`. Writing a file back to its old bytes takes it out. */
  overlay(): Promise<Overlay>;
  /** Lays edits (e.g. of a stored turn, or of the change under revision) over what is there. */
  restore(edits: Overlay): Promise<void>;
}

export type FileRead =
  | { readonly kind: 'file'; readonly bytes: Buffer; readonly mode: FileMode }
  | { readonly kind: 'link'; readonly target: string }
  | { readonly kind: 'submodule' }
  | { readonly kind: 'directory' }
  | { readonly kind: 'absent' };

export interface GrepOptions {
  /** Globs; all files when empty. */
  readonly paths?: readonly string[];
  readonly limit?: number;
  readonly ignoreCase?: boolean;
}

export interface GrepResult {
  readonly matches: readonly { readonly path: string; readonly line: number; readonly text: string }[];
  /** True when there were more than `limit` (1,000 by default). */
  readonly cut: boolean;
}

/** One commit of the run's branch, in order. */
export interface CommitSpec {
  readonly message: string;
  readonly parents: readonly string[];
  readonly tree: string;
  /** ISO 8601, from the journal: commits are reproducible. */
  readonly date: string;
}

/** A commit and its tree. */
export interface Tip {
  readonly commit: string;
  readonly tree: string;
}

/** One more commit of a chain. */
export interface Link extends Pick<CommitSpec, 'message' | 'date'> {
  readonly overlays: readonly Overlay[];
}

/** One side of a diff hunk's line, for anchoring comments. */
export interface FileDiff {
  readonly path: string;
  readonly oldPath: string | null;
  readonly status: 'added' | 'modified' | 'deleted' | 'renamed';
  readonly binary: boolean;
  readonly added: number;
  readonly removed: number;
  /** Unified text of this file, with three lines of context, headers included. */
  readonly text: string;
  readonly hunks: readonly Hunk[];
}

export interface Hunk {
  readonly oldStart: number;
  readonly oldLines: number;
  readonly newStart: number;
  readonly newLines: number;
  /** `old`/`new` are 1-based line numbers, null where the line is not on that side. */
  readonly lines: readonly {
    readonly kind: 'context' | 'added' | 'removed';
    readonly old: number | null;
    readonly new: number | null;
    readonly text: string;
  }[];
}

/** Where fetches and pushes go. The token travels for one command only, in its environment. */
export interface Remote {
  /** The API's `clone_url`. */
  readonly url: string;
  /** Fresh for each command; undefined for a local path. */
  token(): Promise<string | undefined>;
  /** Asked right before each push; throws what stands in its way. */
  mayPush?(): void;
}

export type PushResult =
  | { readonly kind: 'pushed' }
  | { readonly kind: 'already' }
  /** The remote branch is not an ancestor of what was pushed: a person pushed. Nothing was changed. */
  | { readonly kind: 'moved'; readonly remote: string | null }
  | { readonly kind: 'refused'; readonly reason: string };

export type DeleteResult =
  | { readonly kind: 'deleted' }
  | { readonly kind: 'gone' }
  /** It stands on another commit now. Nothing was changed. */
  | { readonly kind: 'moved'; readonly remote: string }
  | { readonly kind: 'refused'; readonly reason: string };

/**
 * One repository's mirror: bare, with every blob of the pinned base. The only way to git for all other folders.
 * All methods can end in a ConvergeError of kind `git`.
 */
export interface CommitFacts {
  readonly id: string;
  readonly author: string;
  readonly email: string;
  readonly committer: string;
  readonly committerEmail: string;
  readonly subject: string;
}

export interface Repository {
  /** Fetches that commit with all its blobs and holds it by a ref of the run. */
  pin(options: { readonly run: string; readonly commit: string }): Promise<{ readonly commit: string; readonly tree: string }>;
  /** Commit id of a remote branch, by ls-remote; null when there is none. */
  remoteHead(branch: string): Promise<string | null>;
  fetchBranch(options: { readonly run: string; readonly branch: string }): Promise<string | null>;
  /** Whether this mirror has the object. Objects are a cache: what is not there is fetched or made again. */
  has(id: string): Promise<boolean>;
  treeOf(commit: string): Promise<string>;
  workspace(tree: string): Workspace;
  /** Tree id of `tree` with the overlays laid over it in order; objects are written when `tree`'s are there. */
  layer(tree: string, overlays: readonly Overlay[]): Promise<string>;
  /** Diff between two trees, renames detected, sorted by path. */
  diff(from: string, to: string): Promise<readonly FileDiff[]>;
  /** Three-way merge of trees; conflicts name paths and change nothing. */
  merge(options: {
    readonly base: string;
    readonly ours: string;
    readonly theirs: string;
  }): Promise<{ readonly kind: 'tree'; readonly tree: string } | { readonly kind: 'conflict'; readonly paths: readonly string[] }>;
  /** Author and committer are the App's bot; same spec, same id. */
  commit(spec: CommitSpec): Promise<string>;
  /** Commits on top of each other, each with its overlays laid over the tree before; written together. In their order. */
  chain(onto: Tip, links: readonly Link[]): Promise<readonly Tip[]>;
  /** Commit that a local ref names; null when there is none. */
  resolve(ref: string): Promise<string | null>;
  /** Sets a local ref (a shard's branch in the mirror, or one that keeps objects alive). */
  setRef(ref: string, commit: string): Promise<void>;
  /** The same for many, by one process: all of them, or none and an error. */
  setRefs(refs: readonly { readonly ref: string; readonly commit: string }[]): Promise<void>;
  isAncestor(ancestor: string, descendant: string): Promise<boolean>;
  /** Commits of `to` that are not in `from`, oldest first. */
  commitsBetween(from: string, to: string): Promise<readonly CommitFacts[]>;
  /** Fast-forward only; compared with the remote ref before and after. */
  push(options: { readonly commit: string; readonly branch: string }): Promise<PushResult>;
  /** Deletes a remote branch if it still stands on that commit, compared by the server itself: who pushed meanwhile loses nothing. */
  deleteBranch(options: { readonly branch: string; readonly commit: string }): Promise<DeleteResult>;
  /** Writes a tree's files into an empty directory (links left out); used by checkouts only. */
  materialise(tree: string, directory: string): Promise<void>;
  /** Drops the run's refs. */
  release(run: string): Promise<void>;
  /** Ends the mirror's processes; nothing else may be asked afterwards. */
  close(): Promise<void>;
}

/** What identifies a change's content: see Change.id. */
export type ChangeContent = Pick<Change, 'shard' | 'on' | 'overlay'> & { readonly baseTree: string };
