import { z } from 'zod';
import type { Change } from '../domain/change.ts';
import { ConvergeError } from '../domain/errors.ts';
import type { Plan } from '../domain/plan.ts';
import { judge } from '../domain/verdict.ts';
import type { Verdict } from '../domain/verdict.ts';
import { handle, readArguments, shardOf } from './arguments.ts';
import { refuseReplaced } from './handles.ts';
import type { Precedent } from './precedents.ts';
import type { CallContext, Primitive } from './primitive.ts';
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
      perform: (key) =>
        toOutcome(context, async () => {
          await refuseReplaced(context.handles, [change]);
          const unwanted = await context.wanted.whyNot(change.shard);
          if (unwanted !== null) refused(change, unwanted);
          const precedent = await context.precedents.before(key);
          refuseObjected(change, precedent);
          await refuseUnfounded(change, precedent, context);
          await context.acceptances.accept(change, verdict);
          return { kind: 'value', value: { shard: change.shard, change: change.id } };
        }),
    };
  },
  view: (value) => value,
};

function refuseUnproved(change: Change, verdict: Verdict, plan: Plan): void {
  const refuse = (why: string): never => refused(change, why);
  const red = verdict.gates.filter((gate) => gate.outcome === 'failed').map((gate) => gate.gate);
  if (red.length > 0) refuse(`gates did not pass (${red.join(', ')})`);
  const answered = verdict.reviewers.filter((reviewer) => reviewer.answered).length;
  if (answered < plan.limits.reviewers) refuse(`${answered} verifiers answered, and the approved plan asks for ${plan.limits.reviewers}`);
  const outcome = judge(verdict.gates, verdict.reviewers, verdict.findings);
  if (outcome !== 'accepted') refuse(`its verdict is \`${outcome}\`, expected \`accepted\``);
}

/** Whatever verdict is shown: one that objected to this very change stands. */
function refuseObjected(change: Change, precedent: Precedent): void {
  const objected = precedent.reviews(change.shard).some((review) => review.change === change.id && review.came === 'revise');
  if (objected) refused(change, 'another verdict on it is `revise`, and stands');
}

/** What lies under a change, and what the plan says it needs, must be accepted itself: else it would be delivered on changes that never were. */
async function refuseUnfounded(change: Change, precedent: Precedent, { handles, plan }: CallContext): Promise<void> {
  for (const id of change.on) {
    const under = await handles.change(id);
    const accepted = precedent.accepted(under.shard);
    if (accepted === id) continue;
    const found = accepted === null ? 'which has no accepted change' : `whose accepted change is \`${accepted}\``;
    refused(change, `it was made on \`${id}\` of shard ${under.shard}, ${found}. Accept what lies under it first`);
  }
  const missing = shardOf(plan, change.shard).after.filter((id) => precedent.accepted(id) === null);
  if (missing.length > 0) refused(change, `the plan puts it after ${missing.join(', ')}, not accepted yet`);
}

function refused(change: Change, why: string): never {
  throw new ConvergeError('script', `accept(): the change \`${change.id}\` of shard ${change.shard} cannot be accepted: ${why}.`);
}
