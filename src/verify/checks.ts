import type { Check, Plan } from '../domain/plan.ts';
import type { CommandResult, Commands } from '../sandbox/commands.ts';
import { Suspended } from '../domain/errors.ts';

/** One check of the plan may take this long, in seconds. */
export const CHECK_SECONDS = 600;

/** Output of a command in findings and prompts: its last characters, where test runners say what failed. */
const TAIL = 4_000;

/** The checks that must hold after each shard. Those that fail on the base already prove nothing and are not among them. */
export function shardChecks(plan: Plan): readonly Check[] {
  return plan.checks.filter((check) => check.when === 'shard' && !failsAtBase(plan, check.name));
}

export function failsAtBase(plan: Plan, name: string): boolean {
  return plan.failingAtBase.some((failing) => failing.check === name);
}

/** Runs a check on a tree. Ends in a ConvergeError of kind `sandbox` when it could not be run, in Suspended when the run stops. */
export async function runCheck(commands: Commands, options: { check: Check; tree: string; signal: AbortSignal }): Promise<CommandResult> {
  const result = await commands.on(options.tree, { run: options.check.run, seconds: CHECK_SECONDS }, options.signal);
  if (result.ended === 'aborted' || options.signal.aborted)
    throw new Suspended('stopping', `the check ${options.check.name} was interrupted`);
  return result;
}

export function tail(output: string): string {
  const text = output.trim();
  return text.length <= TAIL ? text : `… ${(text.length - TAIL).toLocaleString('en-US')} characters before this …\n${text.slice(-TAIL)}`;
}

/** How a command ended, in words: `exit 1`, `stopped after 600 s`. */
export function endOf(result: CommandResult): string {
  if (result.ended === 'exit') return `exit ${result.exitCode}`;
  if (result.ended === 'timeout') return `stopped after ${CHECK_SECONDS} s`;
  return `stopped: too much ${result.ended}`;
}
