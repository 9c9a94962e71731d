import { z } from 'zod';
import { linesOf, lineEndOf, MOST_BYTES, textOf, tidyPath } from './file-text.ts';
import { byEdits, defineTool, done, failed } from './tool.ts';

export const readTool = byEdits((edits) =>
  defineTool({
    name: 'read',
    description: [
      `Reads a text file of the repository${edits === 'own' ? ', with your own edits in it' : ''}.`,
      'Each line comes as its number, a tab, and the line itself; the number and the tab are not part of the file. A note at the end says when lines end in CRLF, or the last one has no line end.',
      `A file of more than ${MOST_BYTES / 1024} KiB is only read in parts: give \`view_range\`.`,
      'To find files use `glob`; to find text in many files use `grep`.',
    ].join(' '),
    input: z.strictObject({
      file_path: z.string().min(1).describe("Path relative to the repository's root, for example `src/app/main.ts`."),
      view_range: z
        .array(z.int())
        .length(2)
        .optional()
        .describe('First and last line, counted from 1, both included. A last line of -1 means to the end of the file.'),
    }),
    run: async ({ file_path, view_range }, { workspace }) => {
      const path = tidyPath(file_path);
      const file = await textOf(workspace, path);
      if (!file.ok) return failed(file.reason);
      const lines = linesOf(file.text);
      if (lines.length === 0) return done(`\`${path}\` is empty.`);

      const [from = 1, to = -1] = view_range ?? [];
      const last = to === -1 ? lines.length : Math.min(to, lines.length);
      if (from < 1 || from > last) {
        return failed(
          `\`${path}\` has ${lines.length} lines; view_range [${from}, ${to}] has none of them. Give [first, last] with 1 ≤ first ≤ last.`,
        );
      }
      const text = lines
        .slice(from - 1, last)
        .map((line, index) => `${from + index}\t${line}`)
        .join('\n');
      if (Buffer.byteLength(text) > MOST_BYTES) {
        return failed(
          `\`${path}\` is too long to be read at once: lines ${from} to ${last} are more than ${MOST_BYTES / 1024} KiB. It has ${lines.length} lines and ${file.bytes} bytes. ` +
            'Read a smaller `view_range`, or find the place with `grep` first.',
        );
      }
      return done([text, ...notes({ text: file.text, to: last, of: lines.length })].join('\n'));
    },
  }),
);

function notes({ text, to, of }: { readonly text: string; readonly to: number; readonly of: number }): string[] {
  const told: string[] = [];
  if (to < of) told.push(`(the file goes on to line ${of})`);
  if (to === of && !text.endsWith('\n')) told.push('(no line end after the last line)');
  if (lineEndOf(text) === '\r\n') told.push('(lines end in CRLF; write \\n in `edit` and `write`, CRLF is kept)');
  else if (text.includes('\r\n')) told.push('(some lines end in CRLF, the others in LF)');
  return told;
}
