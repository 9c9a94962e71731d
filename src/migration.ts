import { openBranch, type RunBranch } from './converge/branch.ts';
import { deliver } from './converge/deliver.ts';
import { pinBase } from './converge/pin-base.ts';
import { prove } from './converge/prove.ts';
import { settleShards } from './converge/shards.ts';
import { inGeneration } from './domain/generation.ts';
import type { Plan } from './domain/plan.ts';
import type { House, PlanRequest } from './house.ts';
import { trusted } from './journal/trusted.ts';
import { freshness, nextDecision } from './plan/approval.ts';
import { announce, showPlan } from './publish/announce.ts';
import { refuse, stopped } from './publish/early-end.ts';
import { report } from './publish/finish.ts';

/**
 * THE STORY. A `/workflow migrate` comment has become a run; this takes it to its end:
 *
 *   plan → a person approves → the script runs → accepted changes converge into one branch → CI proves it → the report
 *
 * Each line is a durable step: killed anywhere, the same call goes on where it was, and nothing that was decided, paid for or posted happens twice.
 * A retry opens a new generation: what was approved stays so, and from the script on all is done again, with everything that succeeded before.
 * Only this file knows the order.
 */
export async function migrate(house: House): Promise<void> {
  await announce(house);
  const agreed = await agree(house);
  if (agreed.kind === 'ended') return agreed.end();

  const { plan, branch } = agreed;
  const executed = await anew(house, 'executed', () => house.scripts.run(house, plan));
  const settled = await settleShards(house, plan, executed);
  const { assembled: delivered, shards } = await deliver(house, plan, { branch, executed, shards: settled });
  const proof = await anew(house, 'proved', () => prove(house, plan, { branch, delivered }));
  return report(house, plan, { branch, executed, shards, delivered, proof });
}

type Agreement =
  | { readonly kind: 'approved'; readonly plan: Plan; readonly branch: RunBranch }
  /** Nothing was approved; `end` says on GitHub why. */
  | { readonly kind: 'ended'; readonly end: () => Promise<void> };

/** Plans, shows the plan and waits for a person; plans again when one asks for it, or when the base moved too far meanwhile. */
async function agree(house: House): Promise<Agreement> {
  let base = await durable(house, 'base#1', () => pinBase(house));
  let revision: PlanRequest['revision'] = null;
  for (let round = 1; ; round += 1) {
    const request: PlanRequest = { base, revision, round };
    const planned = await durable(house, `plan#${round}`, () => house.planner.plan(house, request));
    if (planned.kind === 'refused') return { kind: 'ended', end: () => refuse(house, planned.reason) };

    const { plan } = planned;
    const branch = house.settings.planOnly ? null : await openBranch(house, plan);
    await showPlan(house, plan, { round, branch, why: revision?.text ?? null });
    if (branch === null) return { kind: 'ended', end: () => stopped(house, 'Planned only; nothing was changed.') };

    const decision = await durable(house, `decision#${round}`, () => nextDecision(house, plan));
    if (decision.kind === 'revise') {
      revision = { previous: plan, text: decision.text, by: 'person' };
      continue;
    }
    const fresh = await durable(house, `fresh#${round}`, () => freshness(house, plan));
    if (fresh.kind === 'fresh') return { kind: 'approved', plan, branch };
    revision = { previous: plan, text: fresh.reason, by: 'base' };
    base = await durable(house, `base#${round + 1}`, () => pinBase(house));
  }
}

/** A durable step of this generation alone. */
function anew<Result>(house: House, name: string, act: () => Promise<Result>): Promise<Result> {
  return durable(house, inGeneration(house.generation, name), act);
}

function durable<Result>(house: House, name: string, act: () => Promise<Result>): Promise<Result> {
  return house.step(name, trusted<Result>(), act);
}
