import { count, duration } from '../domain/amounts.ts';
import { ConvergeError, Suspended } from '../domain/errors.ts';
import { CHECK_SECONDS } from '../domain/plan.ts';
import type { Check, Plan } from '../domain/plan.ts';
import type { CommandRequest, CommandResult, Commands } from '../sandbox/commands.ts';

/** Seconds for a command that does nothing. */
const NOTHING_SECONDS = 60;

/** What a shell says of a command that SIGKILL ended: no test fails like that, the machine ended it (it was full). Converge's own limits are told otherwise. */
const KILLED = 137;

/** Output of a command in findings and prompts: its last characters, where test runners say what failed. */
const TAIL = 4_000;

/** The checks that must hold after each shard. Those that fail on the base already prove nothing and are not among them. */
export function shardChecks(plan: Plan): readonly Check[] {
  return plan.checks.filter((check) => check.when === 'shard' && !failsAtBase(plan, check.name));
}

export function failsAtBase(plan: Plan, name: string): boolean {
  return plan.failingAtBase.some((failing) => failing.check === name);
}

/** Runs the plan's checks on trees. All end in Suspended when the run stops; a check that could not be run to its end is a ConvergeError of kind `sandbox`. */
export interface Checks {
  /** A check that passed on this very tree before, for an agent or a gate of this process, has passed: its result is given again. */
  run(check: Check, tree: string): Promise<CommandResult>;
  /** Really runs, whatever is known. */
  runAgain(check: Check, tree: string): Promise<CommandResult>;
  /** Why no command at all can be run on this tree, setup included; null when one can. */
  obstacle(tree: string): Promise<ConvergeError | null>;
}

export function openChecks(commands: Commands, signal: AbortSignal): Checks {
  // Only what passed is kept: what failed may have failed by chance, and is worth another run.
  const known = new Map<string, Promise<CommandResult>>();
  const runOn = async (tree: string, request: CommandRequest): Promise<CommandResult> => {
    const result = await commands.on(tree, request, signal);
    if (result.ended === 'aborted' || signal.aborted) throw new Suspended('stopping', `\`${request.run}\` was interrupted.`);
    if (result.ended === 'exit' && result.exitCode === KILLED)
      throw new ConvergeError('sandbox', `\`${request.run}\` was killed from outside (exit ${KILLED}) before it had done its work.`, {
        detail: result.output,
        retry: 'later',
      });
    return result;
  };
  const runAgain = (check: Check, tree: string): Promise<CommandResult> => runOn(tree, { run: check.run, seconds: CHECK_SECONDS });
  return {
    runAgain,
    obstacle: async (tree) => {
      try {
        await runOn(tree, { run: 'true', seconds: NOTHING_SECONDS });
        return null;
      } catch (error) {
        if (error instanceof ConvergeError && error.kind === 'sandbox') return error;
        throw error;
      }
    },
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
  return text.length <= TAIL ? text : `… ${count(text.length - TAIL, 'character')} before this …\n${text.slice(-TAIL)}`;
}

/** How a command ended, in words: `exit 1`, `stopped after 10 min`. */
export function endOf(result: CommandResult): string {
  if (result.ended === 'exit') return `exit ${result.exitCode}`;
  if (result.ended === 'timeout') return `stopped after ${duration(CHECK_SECONDS)}`;
  return `stopped: too much ${result.ended}`;
}
