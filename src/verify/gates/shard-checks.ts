import { ConvergeError } from '../../domain/errors.ts';
import type { Check } from '../../domain/plan.ts';
import { endOf, failsAtBase, tail } from '../checks.ts';
import { failed, passed, skipped, unknown } from '../gate.ts';
import type { Gate, GateContext, GateReport } from '../gate.ts';

/** The plan's checks that must hold after each shard, run on the change's tree: one result a check, `check:<name>`. Only what fails on the base already is skipped. */
export const runShardChecks: Gate = async (context) => {
  const reports: GateReport[] = [];
  for (const check of context.plan.checks) {
    if (check.when === 'shard') reports.push(...(await run(context, check)));
  }
  return reports;
};

async function run(context: GateContext, check: Check): Promise<readonly GateReport[]> {
  const name = `check:${check.name}`;
  const { plan, change, checks } = context;
  if (failsAtBase(plan, check.name)) return skipped(name, `${check.name} already fails on the base, before any change`);
  try {
    const result = await checks.run(check, change.tree);
    if (result.ok) return passed(name, `${check.run} passed`);
    const claim = `\`${check.run}\` passes on the base and fails with this change (${endOf(result)}).`;
    return objected(context, { check, detail: `${check.run}: ${endOf(result)}`, claim, command: check.name, output: result.output });
  } catch (error) {
    if (!(error instanceof ConvergeError) || error.kind !== 'sandbox') throw error;
    return notRun(context, check, error);
  }
}

/**
 * Where nothing can be run on the change's tree and on the base's it can (the setup command fails with a new lock file), the change is to blame.
 * Else the sandbox is, and nothing was proved.
 */
async function notRun(context: GateContext, check: Check, error: ConvergeError): Promise<readonly GateReport[]> {
  const { plan, change, checks } = context;
  const momentary = error.retry === 'later' || (await checks.obstacle(plan.base.tree)) !== null;
  const obstacle = momentary ? null : await checks.obstacle(change.tree);
  if (obstacle === null || obstacle.retry === 'later') return unknown(`check:${check.name}`, `could not be run: ${error.message}`);
  const claim =
    plan.setup === null
      ? 'With this change no command of the repository can be run; on the base it can.'
      : `With this change the setup command \`${plan.setup}\` fails, so that no command can be run; on the base it works. Mend what it reads (lock file, manifest, configuration).`;
  return objected(context, {
    check,
    detail: `${check.run} could not be run with this change, and can be run on the base`,
    claim,
    command: plan.setup ?? check.name,
    output: `${obstacle.message}\n${obstacle.detail ?? ''}`,
  });
}

interface Objected {
  readonly check: Check;
  readonly detail: string;
  readonly claim: string;
  readonly command: string;
  readonly output: string;
}

function objected({ change, shard }: GateContext, { check, detail, claim, command, output }: Objected): readonly GateReport[] {
  const evidence = { kind: 'command', name: command, output: tail(output) } as const;
  return failed(`check:${check.name}`, detail, [{ path: change.files[0] ?? shard.id, line: null, side: 'RIGHT', claim, evidence }]);
}
