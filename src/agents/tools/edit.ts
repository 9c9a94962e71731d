import { z } from 'zod';
import { lineEndOf, linesOf, textOf, tidyPath, withLineEnd } from './file-text.ts';
import { defineTool, done, failed, type ToolAnswer } from './tool.ts';

export const editTool = defineTool({
  name: 'edit',
  description: [
    'Replaces `old_string` by `new_string` in a text file. `old_string` must be there exactly, with its spaces and line ends, and only once, unless `replace_all` is true.',
    'Take it from what `read` showed, without line numbers, and long enough to be unique. Calls of one reply run in their order, each on what the one before it left.',
    'You may edit only the files that you were given.',
  ].join(' '),
  input: z.strictObject({
    file_path: z.string().min(1).describe("Path relative to the repository's root."),
    old_string: z.string().min(1).describe('The text to be replaced, exactly as it is in the file.'),
    new_string: z.string().describe('The text to stand there instead; empty to delete.'),
    replace_all: z.boolean().optional().describe('Replace each place where `old_string` is found. Default: false.'),
  }),
  run: async ({ file_path, old_string, new_string, replace_all }, { workspace, mayWrite }) => {
    const path = tidyPath(file_path);
    const allowed = mayWrite(path);
    if (!allowed.ok) return failed(`\`${path}\` was not edited: ${allowed.reason}`);
    const file = await textOf(workspace, path);
    if (!file.ok) return failed(`Nothing was edited. ${file.reason}${file.kind === 'absent' ? ' To create a file use `write`.' : ''}`);

    const end = lineEndOf(file.text);
    const wanted = withLineEnd(old_string, end);
    const replacement = withLineEnd(new_string, end);
    if (wanted === replacement) return failed('Nothing was edited: `old_string` and `new_string` are the same.');
    const parts = file.text.split(wanted);
    const places = parts.length - 1;
    if (places === 0) return notFound({ path, text: file.text, wanted });
    if (places > 1 && replace_all !== true) return notUnique({ path, parts, wanted });
    await workspace.write(path, Buffer.from(parts.join(replacement), 'utf8'));
    return done(`Edited \`${path}\`: ${places} ${places === 1 ? 'place' : 'places'}.`);
  },
});

function notUnique({
  path,
  parts,
  wanted,
}: {
  readonly path: string;
  readonly parts: readonly string[];
  readonly wanted: string;
}): ToolAnswer {
  let before = '';
  const lines = parts.slice(0, -1).map((part) => {
    before += part;
    const line = before.split('\n').length;
    before += wanted;
    return line;
  });
  return failed(
    `Nothing was edited: \`old_string\` is in \`${path}\` ${lines.length} times, at lines ${lines.slice(0, 20).join(', ')}${lines.length > 20 ? ', …' : ''}. ` +
      'Give more of the text around the place that you mean, or set `replace_all` to true to change them all.',
  );
}

function notFound({ path, text, wanted }: { readonly path: string; readonly text: string; readonly wanted: string }): ToolAnswer {
  const said = `Nothing was edited: \`old_string\` is not in \`${path}\`.`;
  const near = nearest(linesOf(text), linesOf(wanted));
  if (near === null) return failed(`${said} None of its lines is there either: read the file again, and take the text from it.`);
  const shown = linesOf(text)
    .slice(near.at, near.at + Math.max(1, linesOf(wanted).length))
    .slice(0, 12)
    .map((line, index) => `${near.at + index + 1}\t${line}`)
    .join('\n');
  const why = near.whole ? 'It is there with other white space' : 'The nearest place differs in more than white space';
  return failed(
    `${said} ${why}, at line ${near.at + 1}; the file says:\n${shown}\nCopy the text from there exactly (without line number and tab).`,
  );
}

/** Where the wanted lines stand with other white space, else where the first of them that is long enough to mean something does. */
function nearest(lines: readonly string[], wanted: readonly string[]): { readonly at: number; readonly whole: boolean } | null {
  const bare = (line: string): string => line.replaceAll(/\s+/g, '');
  const have = lines.map(bare);
  const want = wanted.map(bare);
  for (let at = 0; at + want.length <= have.length; at++) {
    if (
      want.every((line, index) =>
        index === 0 || index === want.length - 1 ? (have[at + index] ?? '').includes(line) : have[at + index] === line,
      )
    ) {
      return { at, whole: true };
    }
  }
  for (const [index, line] of want.entries()) {
    const at = line.length < 4 ? -1 : have.findIndex((candidate) => candidate.includes(line));
    if (at >= 0) return { at: Math.max(0, at - index), whole: false };
  }
  return null;
}
