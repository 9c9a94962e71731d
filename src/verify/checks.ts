import type { Check, Plan } from '../domain/plan.ts';
import type { CommandResult, Commands } from '../sandbox/commands.ts';
import { Suspended } from '../domain/errors.ts';

/** One check of the plan may take this long, in seconds. */
const CHECK_SECONDS = 600;

/** Output of a command in findings and prompts: its last characters, where test runners say what failed. */
const TAIL = 4_000;

/** The checks that must hold after each shard. Those that fail on the base already prove nothing and are not among them. */
export function shardChecks(plan: Plan): readonly Check[] {
  return plan.checks.filter((check) => check.when === 'shard' && !failsAtBase(plan, check.name));
}

export function failsAtBase(plan: Plan, name: string): boolean {
  return plan.failingAtBase.some((failing) => failing.check === name);
}

/** Runs the plan's checks on trees. Both end in a ConvergeError of kind `sandbox` when a check could not be run, in Suspended when the run stops. */
export interface Checks {
  /** A check that passed on this very tree before, for an agent or a gate of this process, has passed: its result is given again. */
  run(check: Check, tree: string): Promise<CommandResult>;
  /** Really runs, whatever is known. */
  runAgain(check: Check, tree: string): Promise<CommandResult>;
}

export function openChecks(commands: Commands, signal: AbortSignal): Checks {
  // Only what passed is kept: what failed may have failed by chance, and is worth another run.
  const known = new Map<string, Promise<CommandResult>>();
  const runAgain = async (check: Check, tree: string): Promise<CommandResult> => {
    const result = await commands.on(tree, { run: check.run, seconds: CHECK_SECONDS }, signal);
    if (result.ended === 'aborted' || signal.aborted) throw new Suspended('stopping', `The check ${check.name} was interrupted.`);
    return result;
  };
  return {
    runAgain,
    run: async (check, tree) => {
      const key = `${tree} ${check.run}`;
      const running = known.get(key) ?? runAgain(check, tree);
      known.set(key, running);
      try {
        const result = await running;
        if (!result.ok) known.delete(key);
        return result;
      } catch (error) {
        known.delete(key);
        throw error;
      }
    },
  };
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
