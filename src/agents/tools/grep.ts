import { z } from 'zod';
import type { Workspace } from '../../git/workspace.ts';
import { tidyPath } from './file-text.ts';
import { below, literal } from './glob.ts';
import { byEdits, defineTool, done } from './tool.ts';

const MOST_MATCHES = 250;
const MOST_CHARACTERS = 300;

export const grepTool = byEdits((edits) =>
  defineTool({
    name: 'grep',
    description: [
      `Finds the lines that match a Perl-compatible regular expression in the text files of the repository${edits === 'own' ? ', your edits included' : ''}.`,
      'It is tried on single lines, such as `import\\s+\\{[^}]*\\}\\s+from`; escape `( ) [ { . * + ? |` with a backslash to mean the characters.',
      'Each match comes as `path:line:text`; a long line is cut, and says so.',
      `At most ${MOST_MATCHES} matches come, and when there were more, it says so; narrow it with \`path\` or \`glob\`.`,
    ].join(' '),
    input: z.strictObject({
      pattern: z.string().min(1).describe('Case-sensitive; begin it with `(?i)` to ignore case.'),
      path: z.string().optional().describe("File or directory to search. Default: the repository's root."),
      glob: z.string().optional().describe('Only files whose path matches, for example `*.test.ts` (in any directory) or `src/**/*.js`.'),
    }),
    run: async ({ pattern, path, glob }, { workspace }) => {
      const paths = await where(workspace, { path, glob });
      const { matches, cut } = await workspace.grep(pattern, { paths, limit: MOST_MATCHES });
      if (matches.length === 0) return done(`No line matches \`${pattern}\`${paths.length > 0 ? ` in ${paths.join(', ')}` : ''}.`);
      const shown = matches.map((match) => `${match.path}:${match.line}:${shorten(match.text)}`).join('\n');
      return done(cut ? `${shown}\n(there are more than ${MOST_MATCHES} matches: narrow the search to see the others)` : shown);
    },
  }),
);

async function where(
  workspace: Workspace,
  { path, glob }: { readonly path: string | undefined; readonly glob: string | undefined },
): Promise<string[]> {
  const file = tidyPath(path ?? '');
  if (file !== '' && glob === undefined && (await workspace.read(file)).kind === 'file') return [literal(file)];
  const directory = below(path);
  if (glob !== undefined) return [`${directory}${glob.includes('/') ? tidyPath(glob) : `**/${glob}`}`];
  return directory === '' ? [] : [`${directory}**`];
}

function shorten(line: string): string {
  return line.length > MOST_CHARACTERS ? `${line.slice(0, MOST_CHARACTERS)}… (${line.length} characters)` : line;
}
