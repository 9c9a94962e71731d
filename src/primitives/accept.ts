import { z } from 'zod';
import type { Change } from '../domain/change.ts';
import { ConvergeError } from '../domain/errors.ts';
import type { Plan } from '../domain/plan.ts';
import { judge } from '../domain/verdict.ts';
import type { Verdict } from '../domain/verdict.ts';
import { handle, readArguments } from './arguments.ts';
import { refuseReplaced } from './handles.ts';
import type { Primitive } from './primitive.ts';
import { toOutcome } from './to-outcome.ts';

const schema = z.tuple([handle, handle]);

/** Hands an accepted change to convergence; everything that acceptance means is looked up and asked again here (invariant 6). */
export const accept: Primitive = {
  name: 'accept',
  prepare: async (args, context) => {
    const [changeHandle, verdictHandle] = readArguments({ form: 'accept(change, verdict)', schema, args });
    const change = await context.handles.change(changeHandle.id);
    const verdict = await context.handles.verdict(verdictHandle.id, change);
    refuseUnproved(change, verdict, context.plan);
    return {
      kind: 'accept',
      label: `accept ${change.shard}`,
      phase: '',
      identity: { change: change.id, verdict: verdict.id },
      perform: () =>
        toOutcome(context, async () => {
          await refuseReplaced(context.handles, [change]);
          await context.acceptances.accept(change, verdict);
          return { kind: 'value', value: { shard: change.shard, change: change.id } };
        }),
    };
  },
  view: (value) => value,
};

function refuseUnproved(change: Change, verdict: Verdict, plan: Plan): void {
  const refuse = (why: string): never => {
    throw new ConvergeError('script', `accept(): the change \`${change.id}\` of shard ${change.shard} cannot be accepted: ${why}.`);
  };
  const red = verdict.gates.filter((gate) => gate.outcome === 'failed').map((gate) => gate.gate);
  if (red.length > 0) refuse(`gates did not pass (${red.join(', ')})`);
  const answered = verdict.reviewers.filter((reviewer) => reviewer.answered).length;
  if (answered < plan.limits.reviewers) refuse(`${answered} verifiers answered, and the approved plan asks for ${plan.limits.reviewers}`);
  const outcome = judge(verdict.gates, verdict.reviewers, verdict.findings);
  if (outcome !== 'accepted') refuse(`its verdict is \`${outcome}\`, expected \`accepted\``);
}
