import { Suspended } from '../domain/errors.ts';
import { CHECK_SECONDS } from '../domain/plan.ts';
import type { Check } from '../domain/plan.ts';
import type { CommandResult, Commands } from '../sandbox/commands.ts';

/** How a command does on the base tree, before any change. */
export interface BaseResult {
  readonly check: Check;
  readonly result: CommandResult;
}

export interface BaseChecks {
  /** Each command runs once, however often it is asked. Ends in a ConvergeError of kind `sandbox` when it cannot be run at all, in `Suspended` when it was interrupted. */
  run(check: Check): Promise<BaseResult>;
}

const TAIL = 4_000;

export function openBaseChecks(options: {
  readonly tree: string;
  readonly commands: Pick<Commands, 'on'>;
  readonly signal: AbortSignal;
}): BaseChecks {
  const asked = new Map<string, Promise<CommandResult>>();
  return {
    async run(check) {
      const known = asked.get(check.run) ?? options.commands.on(options.tree, { run: check.run, seconds: CHECK_SECONDS }, options.signal);
      asked.set(check.run, known);
      const result = await known;
      if (result.ended === 'aborted') throw new Suspended('stopping', `The check ${check.name} was interrupted on the base.`);
      return { check, result };
    },
  };
}

/** The end of a command's output and, where it did not exit by itself, how it ended. */
export function outputTail(result: CommandResult): string {
  const end = result.ended === 'exit' ? `exit ${result.exitCode}` : `ended by: ${result.ended}`;
  return `${result.output.slice(-TAIL).trimEnd()}\n(${end})`.trim();
}
