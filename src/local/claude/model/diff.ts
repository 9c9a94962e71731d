export interface DiffLine {
  readonly mark: ' ' | '+' | '-';
  readonly text: string;
}

export interface DiffHunk {
  /** 1-based, in the file after the change. */
  readonly newStart: number;
  readonly lines: readonly DiffLine[];
}

/** One file of a unified diff. */
export interface FileChange {
  readonly path: string;
  readonly added: boolean;
  readonly hunks: readonly DiffHunk[];
}

/** The files of all unified diffs that a text holds, whatever stands around them. */
export function parseDiff(text: string): readonly FileChange[] {
  const parts = text.split(/^(?=diff --git )/m).filter((part) => part.startsWith('diff --git '));
  return parts.flatMap((part) => {
    const path = /^\+\+\+ (?:b\/)?(.*?)\t?$/m.exec(part)?.[1];
    if (path === undefined || path === '/dev/null') return [];
    return [{ path, added: /^--- \/dev\/null/m.test(part), hunks: hunksOf(part.split('\n')) }];
  });
}

function hunksOf(lines: readonly string[]): readonly DiffHunk[] {
  const hunks: { newStart: number; lines: DiffLine[] }[] = [];
  let left = { old: 0, new: 0 };
  for (const line of lines) {
    const header = /^@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(line);
    if (header !== null) {
      left = { old: Number(header[1] ?? 1), new: Number(header[3] ?? 1) };
      hunks.push({ newStart: Number(header[2]), lines: [] });
      continue;
    }
    if (left.old <= 0 && left.new <= 0) continue;
    const mark = line[0] ?? ' '; // an empty context line may have lost its only space
    if (mark !== ' ' && mark !== '+' && mark !== '-') continue;
    if (mark !== '+') left.old -= 1;
    if (mark !== '-') left.new -= 1;
    hunks.at(-1)?.lines.push({ mark, text: line.slice(1) });
  }
  return hunks;
}

/** The file before the change, from the file after it; null when the diff is not of this text or was cut. */
export function textBefore(after: string, change: FileChange): string | null {
  const lines = after.split('\n');
  for (const hunk of change.hunks.toReversed()) {
    const now = hunk.lines.filter((line) => line.mark !== '-').map((line) => line.text);
    const before = hunk.lines.filter((line) => line.mark !== '+').map((line) => line.text);
    const at = now.length === 0 ? hunk.newStart : hunk.newStart - 1;
    if (now.some((text, offset) => lines[at + offset] !== text)) return null;
    lines.splice(at, now.length, ...before);
  }
  return lines.join('\n');
}
