import { randomUUID } from 'node:crypto';
import { ConvergeError } from '../domain/errors.ts';
import { LongLived } from './long-lived.ts';
import type { GitPlace } from './spawn.ts';
import { missingTree } from './trees.ts';
import type { FileDiff, Hunk } from './workspace.ts';

const FORMAT = ['--raw', '-p', '-U3', '--full-index', '--no-ext-diff', '--no-textconv', '--no-color', '--src-prefix=a/', '--dst-prefix=b/'];
/** git keeps the root trees that it compared, some kilobytes each. */
const MOST = 2_000;

/** Compares trees of the mirror. */
export class DiffTree {
  readonly #git: LongLived<Buffer>;
  /** git repeats a line that names no object: so it says where an answer ends. A name that no file can have guessed. */
  readonly #end = `converge-${randomUUID()}\n`;

  constructor(place: GitPlace) {
    const take = (said: Buffer, seen: number): { readonly answer: Buffer; readonly length: number } | null => {
      const end = said.indexOf(this.#end, Math.max(0, seen - this.#end.length), 'latin1');
      return end === -1 ? null : { answer: Buffer.from(said.subarray(0, end)), length: end + this.#end.length };
    };
    this.#git = new LongLived(place, { args: ['diff-tree', '--stdin', '-r', '-M', '-z', ...FORMAT], flush: '', take, most: MOST });
  }

  /** Diff of two trees, renames detected, three lines of context, sorted by path. */
  async diff(from: string, to: string): Promise<readonly FileDiff[]> {
    const head = `${from} ${to}\n`;
    const said = await this.#git.ask(`${head}${this.#end}`);
    // Of a tree that is not there git says nothing here.
    if (said.toString('latin1', 0, head.length) !== head) throw missingTree(`${from} or ${to}`);
    return filesOf(said.subarray(head.length));
  }

  async close(): Promise<void> {
    await this.#git.close();
  }
}

function filesOf(said: Buffer): readonly FileDiff[] {
  if (said.length === 0) return [];
  // Raw records end at an empty field; what follows are the patches, in the same order. Paths are read from the records only, where nothing is quoted.
  const split = said.indexOf('\0\0');
  const records = parseRecords(said.toString('utf8', 0, split === -1 ? said.length : split + 1));
  const patches = split === -1 ? [] : said.toString('utf8', split + 2).split(/(?<=\n)(?=diff --git )/u);
  // Lines end in \n alone: a line of a file may hold any other sign that JavaScript takes for an end of a line, and `diff --git` behind it.
  let at = 0;
  const files = records.map((record) => {
    // A file that became a link, or the reverse, has two patches: deleted and added.
    const count = record.letter === 'T' ? 2 : 1;
    const texts = patches.slice(at, at + count);
    at += count;
    return fileDiff(record, texts);
  });
  if (at !== patches.length)
    throw new ConvergeError('git', `git told ${records.length} changed files and ${patches.length} patches of them.`);
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

interface RawRecord {
  readonly letter: string;
  readonly path: string;
  readonly oldPath: string | null;
}

function parseRecords(text: string): readonly RawRecord[] {
  const fields = text.split('\0');
  const records: RawRecord[] = [];
  for (let at = 0; fields[at]?.startsWith(':') === true;) {
    const letter = fields[at]?.split(' ').at(-1)?.[0] ?? '';
    const first = fields[at + 1] ?? '';
    const renamed = letter === 'R' || letter === 'C';
    records.push({ letter, path: renamed ? (fields[at + 2] ?? '') : first, oldPath: renamed ? first : null });
    at += renamed ? 3 : 2;
  }
  return records;
}

const STATUS: Readonly<Record<string, FileDiff['status']>> = { A: 'added', D: 'deleted', R: 'renamed', C: 'added' };

function fileDiff(record: RawRecord, texts: readonly string[]): FileDiff {
  const hunks = texts.flatMap(parseHunks);
  const lines = hunks.flatMap((hunk) => hunk.lines);
  return {
    path: record.path,
    oldPath: record.oldPath,
    status: STATUS[record.letter] ?? 'modified',
    binary: hunks.length === 0 && texts.some((text) => /(?:^|\n)Binary files /u.test(text)),
    added: lines.filter((line) => line.kind === 'added').length,
    removed: lines.filter((line) => line.kind === 'removed').length,
    text: texts.join(''),
    hunks,
  };
}

/** Hunks of one file's patch. Their lengths in the header say where they end: a line of the file may look like a header. */
function parseHunks(patch: string): readonly Hunk[] {
  const lines = patch.split('\n');
  const hunks: Hunk[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const head = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/u.exec(lines[at] ?? '');
    if (head === null) continue;
    const [oldStart, oldLines, newStart, newLines] = [Number(head[1]), Number(head[2] ?? 1), Number(head[3]), Number(head[4] ?? 1)];
    const body = hunkLines(lines.slice(at + 1), { oldStart, oldLines, newStart, newLines });
    hunks.push({ oldStart, oldLines, newStart, newLines, lines: body });
    at += body.length;
  }
  return hunks;
}

function hunkLines(lines: readonly string[], span: Omit<Hunk, 'lines'>): Hunk['lines'] {
  const found: Hunk['lines'][number][] = [];
  let { oldStart: old, newStart: current } = span;
  const [oldEnd, newEnd] = [old + span.oldLines, current + span.newLines];
  for (const line of lines) {
    if (old >= oldEnd && current >= newEnd) break;
    const text = line.slice(1);
    if (line.startsWith('+')) found.push({ kind: 'added', old: null, new: current++, text });
    else if (line.startsWith('-')) found.push({ kind: 'removed', old: old++, new: null, text });
    // `\ No newline at end of file` counts as no line of either side.
    else if (!line.startsWith('\\')) found.push({ kind: 'context', old: old++, new: current++, text });
  }
  return found;
}
