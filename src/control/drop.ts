import type { Command } from '../domain/command.ts';
import { dropsOf, unwanted } from '../domain/drops.ts';
import type { Plan } from '../domain/plan.ts';
import { needsOf } from '../domain/shard.ts';
import { code } from '../report/markdown.ts';
import { amend } from './amend.ts';
import { currentRun } from './current-run.ts';
import { refuse, type Answer, type Asked, type Desk } from './desk.ts';
import { unknownShards } from './retry.ts';

/**
 * Takes shards out of the approved run, for good: what is at work on them is interrupted, nothing of them is delivered, and their files count as skipped
 * with the approval that the drop is. What is delivered already, or on its way, stays.
 */
export async function drop(desk: Desk, asked: Asked, { shards: named }: Extract<Command, { name: 'drop' }>): Promise<Answer> {
  const shards = [...new Set(named)];
  const current = await currentRun(desk, asked);
  const { plan = null } = current?.view ?? {};
  const isNew = current?.state.amendments.every(({ id }) => id !== String(asked.comment)) ?? false;
  if (current !== null && plan !== null && isNew) {
    const refused = whyNot(shards, plan, dropsOf(await desk.journal.events(current.run)));
    if (refused !== null) return refuse(refused);
  }
  const amended = await amend(desk, asked, { kind: 'drop', shards });
  if (amended.kind === 'refused') return amended.answer;
  return droppedReply(shards, plan, dropsOf(await desk.journal.events(amended.run)));
}

function whyNot(shards: readonly string[], plan: Plan, { dropped, delivered }: ReturnType<typeof dropsOf>): string | null {
  const unknown = shards.filter((shard) => plan.shards.every(({ id }) => id !== shard));
  if (unknown.length > 0) return unknownShards(unknown, plan);
  const there = shards.filter((shard) => delivered.has(shard));
  if (there.length > 0)
    return `Nothing was dropped: ${list(there)} ${there.length === 1 ? 'is' : 'are'} delivered already, or on the way to the branch. Revert the commit there if it is not wanted; Converge goes on, on top of yours.`;
  return shards.every((shard) => dropped.has(shard)) ? `${list(shards)} ${shards.length === 1 ? 'is' : 'are'} dropped already.` : null;
}

/** By the record: a push that began in the same moment may have been first. */
function droppedReply(shards: readonly string[], plan: Plan | null, { dropped }: ReturnType<typeof dropsOf>): string {
  const out = shards.filter((shard) => dropped.has(shard));
  const late = shards.filter((shard) => !dropped.has(shard));
  const with_ = (plan?.shards ?? []).filter(
    ({ id }) => !dropped.has(id) && unwanted(id, needsOf(plan?.shards ?? [], id), dropped) !== null,
  );
  const words = [
    out.length === 0
      ? ''
      : `Dropped: ${list(out)}. No agent works on ${out.length === 1 ? 'it' : 'them'} any more, and the files stay as they are: they count as skipped, approved by this.`,
    with_.length === 0 ? '' : `Left over with that, since they need what is dropped: ${list(with_.map(({ id }) => id))}.`,
    late.length === 0 ? '' : `Too late for ${list(late)}: on the way to the branch already.`,
  ];
  return words.filter((word) => word !== '').join(' ');
}

function list(shards: readonly string[]): string {
  return shards.map((shard) => code(shard)).join(', ');
}
