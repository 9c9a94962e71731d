import type { FileDiff } from '../git/workspace.ts';

/** Characters of one file's diff, and of all together, that are shown; the rest is read with tools. */
const OF_A_FILE = 60_000;
const OF_ALL = 240_000;

/** The diff for a prompt: whole files as long as there is room, and in words what was left out, so that nobody takes a part for the whole. */
export function diffText(files: readonly FileDiff[]): string {
  let room = OF_ALL;
  const parts = files.map((file) => {
    const text = withoutBlobs(file.text.trimEnd());
    const size = Math.min(text.length, OF_A_FILE, room);
    room -= size;
    if (size === text.length) return text;
    const lines = text.slice(0, size).split('\n').slice(0, -1);
    return [
      ...lines,
      `[cut here: ${file.added} lines added and ${file.removed} removed in ${file.path}; read the rest of the file with the read tool]`,
    ].join('\n');
  });
  return parts.join('\n');
}

/** Without the header lines that name git's objects: they tell a reader nothing. A line of a file cannot be one, as it begins with a mark. */
function withoutBlobs(text: string): string {
  return text.replaceAll(/\nindex [0-9a-f]+\.\.[0-9a-f]+(?: \d+)?(?=\n|$)/gu, '');
}
