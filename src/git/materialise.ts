import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { ConvergeError } from '../domain/errors.ts';
import type { CatFile } from './cat-file.ts';
import { pathFault } from './paths.ts';
import type { LeafEntry, Trees } from './trees.ts';

/**
 * Files written between two turns of the event loop: small ones are four times faster to write at once than through the thread pool, and this
 * many hold other work up for some milliseconds.
 */
const WRITTEN_AT_ONCE = 64;

/**
 * Writes the regular files below `tree` into `directory`, which must be empty and ours. No filter, attribute or hook of the repository takes part;
 * links and submodules are left out, so that no path can lead out of it.
 */
export async function materialise(
  source: { readonly blobs: CatFile; readonly trees: Trees },
  tree: string,
  directory: string,
): Promise<void> {
  const files = (await source.trees.walk(tree)).filter((leaf) => leaf.kind === 'file');
  for (const leaf of files) refuseEscape(leaf);
  const folders = new Set(files.map((leaf) => leaf.raw.slice(0, Math.max(0, leaf.raw.lastIndexOf('/')))));
  for (const folder of folders) mkdirSync(below(directory, folder), { recursive: true });
  for (let at = 0; at < files.length; at += WRITTEN_AT_ONCE) {
    const some = files.slice(at, at + WRITTEN_AT_ONCE);
    const contents = await Promise.all(some.map(async (leaf) => contentOf(source.blobs, leaf)));
    for (const [index, leaf] of some.entries()) writeLeaf(below(directory, leaf.raw), leaf.mode, contents[index] ?? Buffer.alloc(0));
  }
}

async function contentOf(blobs: CatFile, leaf: LeafEntry): Promise<Buffer> {
  const blob = await blobs.read(leaf.id);
  if (blob === null) throw new ConvergeError('git', `The content of \`${leaf.path}\` is not in the mirror.`, { detail: `blob ${leaf.id}` });
  return blob.bytes;
}

function writeLeaf(target: Buffer, mode: string, bytes: Buffer): void {
  writeFileSync(target, bytes, { flag: 'wx', mode: 0o644 });
  if (mode === '100755') chmodSync(target, 0o755);
}

/** Names in a tree are an author's: what git itself refuses to check out is refused here too. Other odd names are only names. */
function refuseEscape(leaf: LeafEntry): void {
  for (const part of leaf.raw.split('/')) {
    const text = Buffer.from(part, 'latin1').toString('utf8');
    // oxlint-disable-next-line no-control-regex -- legal in names on Linux, and harmless in a checkout
    const inert = text.replace(/[\u0001-\u001f\u007f\\]/gu, '_');
    if (pathFault(inert) !== null)
      throw new ConvergeError('git', `The repository holds a file \`${leaf.path}\` that cannot be checked out: ${pathFault(inert) ?? ''}.`);
  }
}

function below(directory: string, raw: string): Buffer {
  return Buffer.from(`${Buffer.from(directory, 'utf8').toString('latin1')}/${raw}`, 'latin1');
}
