import { z } from 'zod';
import { fence } from '../prompt.ts';
import { defineTool, done, type Edits, type Tool } from './tool.ts';

const MOST_CHARACTERS = 20_000;

/** `checks`: names, the same for all agents of a role, because they are part of the cached tools. */
export function checkTool(checks: readonly string[], edits: Edits): Tool {
  return defineTool({
    name: 'check',
    description: [
      `Runs one of this migration's checks, a command of the repository or one that was added for this migration, on the files as ${edits === 'own' ? 'they are now with your edits' : 'you see them'}, and gives its exit code and output.`,
      'It runs without network, in a copy: what it writes is not kept.',
      `The checks are: ${checks.map((name) => `\`${name}\``).join(', ')}.${edits === 'own' ? ' Use it before you submit, and again after you changed something because of it.' : ''}`,
    ].join(' '),
    input: z.strictObject({ name: z.enum(checks) }),
    run: async ({ name }, { workspace, runCheck }) => {
      const result = await runCheck(name, await workspace.overlay());
      const end = result.ended === 'exit' ? `exit code ${result.exitCode}` : `ended by the limit of ${ENDED[result.ended]}`;
      const output = result.output.trim() === '' ? 'It printed nothing.' : fence(`output of ${name}`, headAndTail(result.output));
      return done(`The check \`${name}\` ${result.ok ? 'passed' : 'FAILED'} (${end}).\n${output}`);
    },
  });
}

const ENDED = {
  timeout: 'time',
  memory: 'memory',
  disk: 'what it may write to disk',
  output: 'output',
  aborted: 'the run, which was told to stop',
} as const;

function headAndTail(output: string): string {
  if (output.length <= MOST_CHARACTERS) return output;
  const half = MOST_CHARACTERS / 2;
  return `${output.slice(0, half)}\n… ${output.length - MOST_CHARACTERS} characters left out …\n${output.slice(-half)}`;
}
