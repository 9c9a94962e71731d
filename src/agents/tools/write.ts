import { z } from 'zod';
import { lineEndOf, linesOf, textOf, tidyPath, withLineEnd } from './file-text.ts';
import { defineTool, done, failed } from './tool.ts';

export const writeTool = defineTool({
  name: 'write',
  description: [
    'Writes a whole file: creates it, or replaces all that it holds. Directories need not exist.',
    'To change a part of a file use `edit`, which cannot lose the rest.',
    'You may write only the files that you were given; another path is refused with the reason, and nothing happens.',
  ].join(' '),
  input: z.strictObject({
    file_path: z.string().min(1).describe("Path relative to the repository's root."),
    content: z.string().describe('All of the file, with its last line end.'),
  }),
  run: async ({ file_path, content }, { workspace, mayWrite }) => {
    const path = tidyPath(file_path);
    const allowed = mayWrite(path);
    if (!allowed.ok) return failed(`\`${path}\` was not written: ${allowed.reason}`);
    const before = await textOf(workspace, path);
    if (!before.ok && before.kind === 'other') return failed(`Nothing was written. ${before.reason}`);
    const text = before.ok ? withLineEnd(content, lineEndOf(before.text)) : content;
    await workspace.write(path, Buffer.from(text, 'utf8'));
    return done(`${before.ok ? 'Replaced' : 'Created'} \`${path}\`: ${linesOf(text).length} lines.`);
  },
});
