import { ConvergeError } from '../../domain/errors.ts';
import type { Check } from '../../domain/plan.ts';
import { endOf, failsAtBase, tail } from '../checks.ts';
import { failed, passed, skipped } from '../gate.ts';
import type { Gate, GateContext, GateReport } from '../gate.ts';

/** The plan's checks that must hold after each shard, run on the change's tree: one result a check, `check:<name>`. */
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
    return failed(name, `${check.run}: ${endOf(result)}`, [
      {
        path: change.files[0] ?? context.shard.id,
        line: null,
        side: 'RIGHT',
        claim: `\`${check.run}\` passes on the base and fails with this change (${endOf(result)}).`,
        evidence: { kind: 'command', name: check.name, output: tail(result.output) },
      },
    ]);
  } catch (error) {
    if (!(error instanceof ConvergeError) || error.kind !== 'sandbox' || error.retry === 'later') throw error;
    return skipped(name, `could not be run: ${error.message}`);
  }
}
