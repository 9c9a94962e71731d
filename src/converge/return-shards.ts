import type { Plan } from '../domain/plan.ts';
import type { Shard } from '../domain/shard.ts';
import type { Executed, House } from '../house.ts';
import { trusted } from '../journal/trusted.ts';
import type { Assembled } from './assemble.ts';
import { readShards, tellLeftOver, type SettledShards } from './shards.ts';

export interface Conflicted {
  readonly assembled: Assembled;
  readonly attempt: number;
}

/**
 * Shards in conflict with what people pushed go back once: the same migration, by the default script, on the branch's tip instead of the base.
 * Null when there is nothing to return (no conflict, or each had its second try already); else how all shards stand after it.
 */
export async function returnShards(house: House, plan: Plan, { assembled, attempt }: Conflicted): Promise<SettledShards | null> {
  const events = await house.journal.events(house.run);
  const returns = events.flatMap(({ event }) => (event.type === 'shard.returned' ? [event] : []));
  // Asked again after a kill, the same conflict gives the same answer: those returned for this very tip, and those never returned.
  const again = assembled.conflicts.filter(({ shard }) =>
    returns.every((event) => event.shard !== shard || event.commit === assembled.head),
  );
  if (again.length === 0) return null;
  // On what landed: the shards that it needs are there, and what people pushed.
  const { head, tree } = assembled;
  const fresh = again.filter(({ shard }) => !returns.some((event) => event.shard === shard));
  await house.journal.append(
    house.run,
    fresh.map(({ shard, paths }) => ({ type: 'shard.returned', shard, commit: head, tree, paths })),
  );
  const onTip: Plan = {
    ...plan,
    base: { ...plan.base, commit: head, tree },
    script: house.scripts.standard,
    shards: plan.shards.filter(({ id }) => again.some(({ shard }) => shard === id)).map((shard) => among(shard, again)),
  };
  const executed = await house.step(`returned#${attempt}`, trusted<Executed>(), () => house.scripts.run(house, onTip));
  const settled = await readShards(house, plan, executed);
  await tellLeftOver(house, settled.leftOver);
  return settled;
}

/** What it needs is on the tip already, but for what is returned with it. */
function among(shard: Shard, again: Assembled['conflicts']): Shard {
  return { ...shard, after: shard.after.filter((id) => again.some((conflict) => conflict.shard === id)) };
}
