import type { StoredEvent } from '../domain/events.ts';
import { inGeneration } from '../domain/generation.ts';
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
 * Once a person stopped the run, nothing goes back: that would start agents. In a new generation that holds anew, and for those that are tried again there.
 * Null when there is nothing to return (no conflict, or each had its second try already); else how all shards stand after it.
 */
export async function returnShards(house: House, plan: Plan, { assembled, attempt }: Conflicted): Promise<SettledShards | null> {
  if (house.stoppedBy !== null) return null;
  const events = await house.journal.events(house.run);
  const opened = events.findLastIndex(({ event }) => event.type === 'generation.opened');
  const returns = events.slice(opened + 1).flatMap(({ event }) => (event.type === 'shard.returned' ? [event] : []));
  // Asked again after a kill, the same conflict gives the same answer: those returned for this very tip, and those never returned.
  const again = [...assembled.conflicts, ...outSinceBefore(events, opened)].filter(({ shard }) =>
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
  const executed = await house.step(inGeneration(house.generation, `returned#${attempt}`), trusted<Executed>(), () =>
    house.scripts.run(house, onTip),
  );
  const settled = await readShards(house, plan, executed);
  await tellLeftOver(house, settled.leftOver);
  return settled;
}

/** Shards that this generation tries again and that had been returned before it, without having been accepted since. */
function outSinceBefore(events: readonly StoredEvent[], opened: number): readonly Returning[] {
  const opening = events[opened]?.event;
  if (opening?.type !== 'generation.opened') return [];
  return opening.shards.flatMap((shard) => {
    const word = events
      .slice(0, opened)
      .findLast(({ event }) => (event.type === 'shard.accepted' || event.type === 'shard.returned') && event.shard === shard)?.event;
    return word?.type === 'shard.returned' ? [{ shard, paths: word.paths }] : [];
  });
}

interface Returning {
  readonly shard: string;
  readonly paths: readonly string[];
}

/** What it needs is on the tip already, but for what is returned with it. */
function among(shard: Shard, again: readonly Returning[]): Shard {
  return { ...shard, after: shard.after.filter((id) => again.some((conflict) => conflict.shard === id)) };
}
