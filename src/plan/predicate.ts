import { ConvergeError } from '../domain/errors.ts';
import type { Predicate } from '../domain/plan.ts';
import type { Commands } from '../sandbox/commands.ts';
import { openAstGrep } from './ast-grep.ts';
import { openBoundedRegex } from './regex.ts';

/** The plan's question, ready to be asked: by the inventory for every file, by the gates for every changed one. */
export interface OpenPredicate {
  /**
   * Is there still something to migrate in this file? `tree` is the one the bytes are from: a command sees it whole. Binary files have nothing to migrate.
   * Ends in a ConvergeError of kind `plan` when the question has no answer (a command's exit code, an expression that does not end).
   */
  holds(path: string, bytes: Uint8Array, tree: string): Promise<boolean>;
  close(): Promise<void>;
}

const COMMAND_SECONDS = 60;
/** As git decides it: a NUL in the first 8,000 bytes. */
const BINARY_WINDOW = 8_000;

/** Ends in a ConvergeError of kind `plan` for a predicate that does not compile. */
export async function openPredicate(predicate: Predicate, ports: { readonly commands: Pick<Commands, 'on'> }): Promise<OpenPredicate> {
  switch (predicate.kind) {
    case 'regex':
      return openRegex(predicate.pattern, predicate.flags);
    case 'ast-grep': {
      const rule = await openAstGrep(predicate.language, predicate.rule);
      return {
        holds: async (path, bytes) => !isBinary(bytes) && rule.holds(path, text(bytes)),
        close: () => Promise.resolve(),
      };
    }
    case 'command':
      return {
        holds: (path, _bytes, tree) => askCommand(predicate.run, { path, tree, commands: ports.commands }),
        close: () => Promise.resolve(),
      };
  }
}

/** `^` and `$` match at lines whatever the flags say: the question is about a file, not about one line. */
async function openRegex(pattern: string, given: string): Promise<OpenPredicate> {
  const flags = given.includes('m') ? given : `${given}m`;
  const regex = openBoundedRegex();
  try {
    await regex.ask({ pattern, flags, text: '', replacement: null }, 'an empty file');
  } catch (error) {
    await regex.close();
    throw error;
  }
  return {
    holds: async (path, bytes) =>
      !isBinary(bytes) && (await regex.ask({ pattern, flags, text: text(bytes), replacement: null }, path)).matches,
    close: () => regex.close(),
  };
}

async function askCommand(
  run: string,
  facts: { readonly path: string; readonly tree: string; readonly commands: Pick<Commands, 'on'> },
): Promise<boolean> {
  const result = await facts.commands.on(facts.tree, { run, args: [facts.path], seconds: COMMAND_SECONDS });
  if (result.ended === 'exit' && (result.exitCode === 0 || result.exitCode === 1)) return result.exitCode === 0;
  const found = result.ended === 'exit' ? `exit code ${result.exitCode}` : `no exit code (${result.ended})`;
  throw new ConvergeError(
    'plan',
    `The predicate's command gave ${found} for ${facts.path}, expected 0 (still to migrate) or 1 (done). Its output ends:\n${result.output.slice(-2_000)}`,
  );
}

export function isBinary(bytes: Uint8Array): boolean {
  return bytes.subarray(0, BINARY_WINDOW).includes(0);
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}
