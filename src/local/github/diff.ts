import { mergeBase } from './git.ts';
import type { Git } from './git.ts';
import type { Side } from './state.ts';

export interface DiffFile {
  readonly path: string;
  /** Set when renamed or copied. */
  readonly previousPath: string | null;
  readonly status: 'added' | 'removed' | 'modified' | 'renamed';
  readonly additions: number;
  readonly deletions: number;
  readonly blob: string;
  readonly binary: boolean;
  readonly hunks: readonly Hunk[];
}

export interface Hunk {
  readonly header: string;
  readonly oldStart: number;
  readonly newStart: number;
  /** Lines with their leading ` `, `+`, `-` or `\`. */
  readonly lines: readonly string[];
}

/** A line of one side of a diff, told as review comments tell it. */
export interface DiffPlace {
  readonly path: string;
  readonly line: number;
  readonly side: Side;
}

/** The text of a file's hunks, as the `patch` of GitHub's answers. */
export function patchOf(file: DiffFile): string {
  return file.hunks.flatMap((hunk) => [hunk.header, ...hunk.lines]).join('\n');
}

/** The files that differ between two commits, with 3 lines of context and renames found, as GitHub shows them. */
export async function diffCommits(git: Git, directory: string, [from, to]: readonly [string, string]): Promise<readonly DiffFile[]> {
  const args = ['diff-tree', '-r', '-p', '--raw', '--full-index', '-M', '-U3', '--no-color', '--no-ext-diff', '--no-textconv'];
  const text = await git.text(directory, ['-c', 'core.quotePath=false', ...args, '--src-prefix=a/', '--dst-prefix=b/', from, to, '--']);
  return parseDiff(text);
}

/** What a pull request shows: from the merge base of its base branch to its head. */
export async function diffAgainstBase(git: Git, directory: string, [base, head]: readonly [string, string]): Promise<readonly DiffFile[]> {
  const fork = (await mergeBase(git, directory, [base, head])) ?? base;
  return diffCommits(git, directory, [fork, head]);
}

/** The tree without any file: what a root commit is compared with. */
export const EMPTY_TREE = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';

/** Parses `git diff-tree --raw -p --full-index`; paths come from the raw lines, hunks from the patch, in the same order. */
function parseDiff(text: string): readonly DiffFile[] {
  const lines = text.split('\n');
  const entries = lines.filter((line) => /^:\d{6} /.test(line)).map(parseRawLine);
  const patches = [...splitPatches(lines)];
  return entries.map(({ path, previousPath, status, blob, typeChanged }) => {
    // A file that becomes a link has two patches, one that removes and one that adds.
    const patch = patches.splice(0, typeChanged ? 2 : 1).flat();
    const hunks = parseHunks(patch);
    const all = hunks.flatMap((hunk) => hunk.lines);
    return {
      path,
      previousPath,
      status,
      blob,
      binary: patch.some((line) => line.startsWith('Binary files ')),
      additions: all.filter((line) => line.startsWith('+')).length,
      deletions: all.filter((line) => line.startsWith('-')).length,
      hunks,
    };
  });
}

function parseRawLine(line: string): Pick<DiffFile, 'path' | 'previousPath' | 'status' | 'blob'> & { typeChanged: boolean } {
  const [facts = '', first = '', second] = line.split('\t');
  const [, , , newBlob = '', letter = 'M'] = facts.split(' ');
  const status = letter.startsWith('A') ? 'added' : letter.startsWith('D') ? 'removed' : letter.startsWith('R') ? 'renamed' : 'modified';
  const previousPath = second === undefined ? null : unquote(first);
  return { path: unquote(second ?? first), previousPath, status, blob: newBlob, typeChanged: letter === 'T' };
}

/** git quotes paths that hold quotes, backslashes or control characters. */
function unquote(path: string): string {
  if (!path.startsWith('"')) return path;
  const plain: Record<string, string> = { n: '\n', t: '\t' };
  return path.slice(1, -1).replaceAll(/\\(.)/g, (_, escaped: string) => plain[escaped] ?? escaped);
}

function splitPatches(lines: readonly string[]): readonly (readonly string[])[] {
  const patches: string[][] = [];
  for (const line of lines) {
    if (line.startsWith('diff --git ')) patches.push([]);
    patches.at(-1)?.push(line);
  }
  return patches;
}

function parseHunks(patch: readonly string[]): readonly Hunk[] {
  const hunks: { header: string; oldStart: number; newStart: number; lines: string[] }[] = [];
  for (const line of patch) {
    const header = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/.exec(line);
    if (header) hunks.push({ header: line, oldStart: Number(header[1]), newStart: Number(header[2]), lines: [] });
    else if (/^[ +\-\\]/.test(line)) hunks.at(-1)?.lines.push(line);
  }
  return hunks;
}

/** The hunk in which a line of one side lies, with the part of it that ends at this line; null: the line is not in the diff. */
export function findInDiff(files: readonly DiffFile[], place: DiffPlace): { hunk: Hunk; excerpt: string } | null {
  const file = files.find((one) => one.path === place.path);
  for (const hunk of file?.hunks ?? []) {
    let [left, right] = [hunk.oldStart - 1, hunk.newStart - 1];
    for (const [index, text] of hunk.lines.entries()) {
      if (text.startsWith('\\')) continue;
      if (!text.startsWith('+')) left += 1;
      if (!text.startsWith('-')) right += 1;
      const here = place.side === 'LEFT' ? !text.startsWith('+') && left === place.line : !text.startsWith('-') && right === place.line;
      if (here) return { hunk, excerpt: [hunk.header, ...hunk.lines.slice(0, index + 1)].join('\n') };
    }
  }
  return null;
}
