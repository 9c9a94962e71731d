import { announce, showPlan } from './converge/announce.ts';
import { assemble } from './converge/assemble.ts';
import { nextDecision } from './converge/decision.ts';
import { deliver, openBranch } from './converge/deliver.ts';
import { conclude, refuse, stopped } from './converge/ending.ts';
import { freshness } from './converge/freshness.ts';
import { settleShards } from './converge/left-over.ts';
import { prove } from './converge/prove.ts';
import { report } from './converge/report.ts';
import type { Plan } from './domain/plan.ts';
import type { House, PlanRequest } from './house.ts';
import { trusted } from './journal/trusted.ts';

/**
 * THE STORY. A `/workflow migrate` comment has become a run; this takes it to its end:
 *
 *   plan → a person approves → the script runs → accepted changes converge into one branch → CI proves it → the report
 *
 * Every line is a durable step: killed anywhere, the same call goes on where it was, and nothing that was decided, paid for or posted happens twice.
 * Only this file knows the order.
 */
export async function migrate(house: House): Promise<void> {
  await announce(house);
  const agreed = await agree(house);
  if (agreed.kind !== 'approved') return agreed.end();

  const { plan, branch } = agreed;
  const executed = await durable(house, 'executed', () => house.scripts.run(house, plan));
  const shards = await settleShards(house, plan, executed);
  const assembled = await durable(house, 'assembled', () => assemble(house, plan, { branch, shards }));
  const delivered = await deliver(house, plan, { branch, assembled });
  const proof = await durable(house, 'proved', () => prove(house, plan, { branch, delivered }));
  await report(house, plan, { branch, executed, shards, delivered, proof });
  return conclude(house, plan, { executed, delivered, proof });
}

type Agreement =
  | { readonly kind: 'approved'; readonly plan: Plan; readonly branch: Awaited<ReturnType<typeof openBranch>> }
  | { readonly kind: 'ended'; end(): Promise<void> };

/** Plans, shows the plan, and waits for a person; plans again when one asks for it or the base moved too far. */
async function agree(house: House): Promise<Agreement> {
  let revision: PlanRequest['revision'] = null;
  for (let round = 1; ; round += 1) {
    const base = await durable(house, `base#${round}`, () => pin(house));
    const request: PlanRequest = { base, revision };
    const planned = await durable(house, `plan#${round}`, () => house.planner.plan(house, request));
    if (planned.kind === 'refused') return { kind: 'ended', end: () => refuse(house, planned.reason) };

    const { plan } = planned;
    const branch = house.settings.planOnly ? null : await openBranch(house, plan);
    await showPlan(house, plan, { round, branch });
    if (branch === null) return { kind: 'ended', end: () => stopped(house, house.settings.planOnlyReason ?? 'Only planning was asked for.') };

    const decision = await durable(house, `decision#${round}`, () => nextDecision(house, plan));
    if (decision.kind === 'stopped') return { kind: 'ended', end: () => stopped(house, `Stopped by @${decision.by} before the plan was approved.`) };
    if (decision.kind === 'revise') revision = { previous: plan, text: decision.text };
    if (decision.kind === 'approved') {
      const fresh = await durable(house, `fresh#${round}`, () => freshness(house, plan));
      if (fresh.kind === 'fresh') return { kind: 'approved', plan, branch };
      revision = { previous: plan, text: fresh.reason };
    }
  }
}

/** The commit that everything of this run starts from, held in the mirror. */
async function pin(house: House): Promise<Plan['base']> {
  const commit = await house.hub.branchHead(house.settings.base);
  if (commit === null) throw noSuchBranch(house);
  const pinned = await house.repository.pin({ run: house.run, commit });
  return { branch: house.settings.base, ...pinned };
}

function durable<Result>(house: House, name: string, act: () => Promise<Result>): Promise<Result> {
  return house.step(name, trusted<Result>(), act);
}
