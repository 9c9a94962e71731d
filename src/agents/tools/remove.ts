import { z } from 'zod';
import { tidyPath } from './file-text.ts';
import { defineTool, done, failed } from './tool.ts';

export const removeTool = defineTool({
  name: 'remove',
  description:
    'Deletes a file. To rename one, `write` it under its new path and remove the old one. You may remove only the files that you were given.',
  input: z.strictObject({ file_path: z.string().min(1).describe("Path relative to the repository's root.") }),
  run: async ({ file_path }, { workspace, mayWrite }) => {
    const path = tidyPath(file_path);
    const allowed = mayWrite(path);
    if (!allowed.ok) return failed(`\`${path}\` was not removed: ${allowed.reason}`);
    const file = await workspace.read(path);
    if (file.kind !== 'file')
      return failed(`Nothing was removed: there is no regular file \`${path}\`${file.kind === 'absent' ? '' : `, it is a ${file.kind}`}.`);
    await workspace.remove(path);
    return done(`Removed \`${path}\`.`);
  },
});
