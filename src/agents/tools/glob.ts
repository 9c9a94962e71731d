import { z } from 'zod';
import { tidyPath } from './file-text.ts';
import { byEdits, defineTool, done, failed } from './tool.ts';

const MOST_PATHS = 1000;

export const globTool = byEdits((edits) =>
  defineTool({
    name: 'glob',
    description: [
      `Lists the files of the repository whose path matches a pattern, sorted by path${edits === 'own' ? ', files that you created included' : ''}.`,
      '`*` stays within a directory, `**` goes through directories: `*.ts` are files at the top only, `**/*.ts` all of them. Names that begin with a dot match too. `{a,b}` means either.',
      `At most ${MOST_PATHS} paths are listed; when there are more, it says so.`,
    ].join(' '),
    input: z.strictObject({
      pattern: z.string().min(1).describe('For example `src/**/*.{js,ts}`.'),
      path: z
        .string()
        .optional()
        .describe("Directory in which to look; the pattern is then relative to it. Default: the repository's root."),
    }),
    run: async ({ pattern, path }, { workspace }) => {
      if (pattern.startsWith('/') || pattern.split('/').includes('..')) {
        return failed(`The pattern \`${pattern}\` leaves the repository. Give one relative to its root, such as \`src/**\`.`);
      }
      const where = below(path);
      const paths = await workspace.list(`${where}${tidyPath(pattern)}`);
      if (paths.length === 0) {
        return done(
          `No file matches \`${pattern}\`${where === '' ? '' : ` below \`${path}\``}.${pattern.includes('**') ? '' : ' Files in directories need `**/` before the name.'}`,
        );
      }
      const shown = paths.slice(0, MOST_PATHS).join('\n');
      return done(
        paths.length > MOST_PATHS ? `${shown}\n(${MOST_PATHS} of ${paths.length} paths: use a narrower pattern to see the others)` : shown,
      );
    },
  }),
);

/** A directory as the beginning of a pattern, its own special characters meant literally; empty for the root. */
export function below(path: string | undefined): string {
  const directory = tidyPath(path ?? '').replace(/\/+$/, '');
  return directory === '' || directory === '.' ? '' : `${literal(directory)}/`;
}

/** A path as a pattern that matches it: classes instead of backslashes, because git takes the directory in front of a pattern word for word. */
export function literal(path: string): string {
  const classes = path.replaceAll(/[*?[{(]/g, '[$&]');
  return classes.startsWith('!') ? `?${classes.slice(1)}` : classes;
}
