import { lstat, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { plumbingText, type GitPlace } from './spawn.ts';

export interface Ref {
  /** Full, as `refs/heads/x`. */
  readonly name: string;
  readonly commit: string;
}

/** As git begins the file: annotated tags are followed by what they name, and names are in the order of their bytes. */
const HEADER = '# pack-refs with: peeled fully-peeled sorted \n';
/** Names that are surely right (git-check-ref-format has more). */
const PLAIN = /^refs\/heads(?:\/[\w-]+)+$/u;

/**
 * Sets many branches by writing the one file that git packs refs into, instead of two files for each: the same for whoever reads them. False, and nothing set, where only git itself
 * can say what is to be done: a name or an object that is not as usual, a name that another stands in the way of, a lock, another format than that of files.
 */
export async function setPackedRefs(place: GitPlace, refs: readonly Ref[]): Promise<boolean> {
  const { directory } = place;
  if (!refs.every(({ name }) => PLAIN.test(name)) || !(await areCommits(place, refs))) return false;
  if ((await kindOf(join(directory, 'reftable'))) !== 'absent') return false;
  const path = join(directory, 'packed-refs');
  const lock = await open(`${path}.lock`, 'wx', 0o644).catch(() => null);
  if (lock === null) return false;
  let placed = false;
  let loose: readonly Kind[] = [];
  try {
    // Read under the lock, so that nobody's change is lost.
    loose = await Promise.all(refs.map(({ name }) => kindOf(join(directory, name))));
    const text = loose.includes('directory') ? null : await merged(directory, await readFile(path, 'utf8').catch(orEmpty), refs);
    if (text === null) return false;
    await lock.writeFile(text);
    await lock.datasync();
    await rename(`${path}.lock`, path);
    placed = true;
  } catch {
    // What the disk refuses here it refuses to git, which says so in its words.
    return false;
  } finally {
    await lock.close().catch(() => undefined);
    // Once it is placed, a lock of that name is another's.
    if (!placed) await rm(`${path}.lock`, { force: true });
  }
  // A loose ref stands before a packed one.
  for (const [at, { name }] of refs.entries()) if (loose[at] === 'file') await rm(join(directory, name), { force: true });
  return true;
}

async function areCommits(place: GitPlace, refs: readonly Ref[]): Promise<boolean> {
  const input = refs.map(({ commit }) => `${commit}\n`).join('');
  const types = (await plumbingText(place, ['cat-file', '--batch-check=%(objecttype)'], { input })).split('\n');
  return types.length === refs.length && types.every((type) => type === 'commit');
}

/** The whole file with these in it; null when a name would have to be a folder and a ref, or when the file is none that we know. */
async function merged(directory: string, before: string, refs: readonly Ref[]): Promise<string | null> {
  if (before !== '' && !before.startsWith(HEADER)) return null;
  const entries = new Map<string, string>();
  let last = '';
  for (const line of before.slice(HEADER.length).split('\n')) {
    const found = /^[0-9a-f]{40} (?<name>\S+)$/u.exec(line)?.groups?.['name'];
    if (found !== undefined) entries.set((last = found), `${line}\n`);
    else if (/^\^[0-9a-f]{40}$/u.test(line)) entries.set(last, `${entries.get(last) ?? ''}${line}\n`);
    else if (line !== '') return null;
  }
  for (const { name, commit } of refs) entries.set(name, `${commit} ${name}\n`);
  const folders = new Set([...entries.keys()].flatMap(foldersOf));
  if (refs.some(({ name }) => folders.has(name))) return null;
  const above = new Set(refs.flatMap(({ name }) => foldersOf(name)));
  const kinds = await Promise.all([...above].map((folder) => kindOf(join(directory, folder))));
  if (kinds.includes('file') || [...above].some((folder) => entries.has(folder))) return null;
  const sorted = [...entries].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return HEADER + sorted.map(([, lines]) => lines).join('');
}

/** `refs/heads/a` and `refs/heads` and `refs`, of `refs/heads/a/b`. */
function foldersOf(name: string): readonly string[] {
  const parts = name.split('/');
  return parts.slice(1).map((_, at) => parts.slice(0, at + 1).join('/'));
}

type Kind = 'absent' | 'file' | 'directory';

async function kindOf(path: string): Promise<Kind> {
  try {
    return (await lstat(path)).isDirectory() ? 'directory' : 'file';
  } catch {
    return 'absent';
  }
}

function orEmpty(error: unknown): string {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
  throw error;
}
