import { count } from '../domain/amounts.ts';
import { deliveredCommits, type Assembled } from '../converge/assemble.ts';
import type { Proof } from '../converge/prove.ts';
import type { AcceptedShard, SettledShards } from '../converge/shards.ts';
import type { Ledger, LedgerEntry } from '../domain/ledger.ts';
import type { Plan } from '../domain/plan.ts';

interface Landed {
  readonly shards: SettledShards;
  readonly delivered: Assembled;
  readonly proof: Proof | null;
}

/** Every file of the inventory with how it ended (invariant 9), and what the scope skipped. */
export function ledgerOf(plan: Plan, { shards, delivered, proof }: Landed): Ledger {
  const remaining = new Set(proof?.remaining);
  const landed = new Set(deliveredCommits(delivered).flatMap((commit) => commit.shards));
  const accepted = new Map(shards.accepted.map((item) => [item.shard.id, item]));
  const dropped = new Map(shards.dropped.map((item) => [item.shard.id, item.by]));
  const leftOver = new Map(shards.leftOver.map((item) => [item.shard.id, item]));
  const conflicts = new Map(delivered.conflicts.map((conflict) => [conflict.shard, conflict]));
  return fileEntries(plan, (shard, path) => {
    const item = accepted.get(shard);
    const conflict = conflicts.get(shard);
    const by = dropped.get(shard);
    if (by !== undefined) return droppedBy(by);
    if (item !== undefined && landed.has(shard) && remaining.has(path))
      return { ending: 'left-over', why: 'migrated, but the predicate holds again on the delivered tree: somebody else changed it' };
    if (item !== undefined && landed.has(shard)) return { ending: 'migrated', why: verifiedBy(item) };
    if (conflict !== undefined) return { ending: 'left-over', why: whyNotLanded(conflict) };
    const left = leftOver.get(shard);
    return { ending: left?.ending ?? 'left-over', why: left?.reason ?? 'accepted, but not delivered' };
  });
}

/** The drop is the approval of leaving it out: only people who may approve can drop. */
export function droppedBy(by: string): Pick<LedgerEntry, 'ending' | 'why'> {
  return { ending: 'dropped', why: `dropped by @${by}, who may approve, and so approved to leave it out` };
}

/** An entry for each file of the inventory, by its shard, and for each that the scope skips. */
export function fileEntries(plan: Plan, endingOf: (shard: string, path: string) => Pick<LedgerEntry, 'ending' | 'why'>): Ledger {
  const owner = new Map(plan.shards.flatMap((shard) => shard.files.map((file) => [file, shard.id] as const)));
  const files = plan.inventory.map((path) => {
    const shard = owner.get(path) ?? null;
    return { path, shard, ...(shard === null ? { ending: 'not-started' as const, why: 'in no shard' } : endingOf(shard, path)) };
  });
  return [...files, ...plan.skipped.map(({ path, why }) => ({ path, shard: null, ending: 'skipped' as const, why }))];
}

function verifiedBy({ verdict, verdicts }: AcceptedShard): string {
  const gates = verdict.gates.filter((gate) => gate.outcome === 'passed').length;
  return `${count(gates, 'gate')} and ${count(verdict.reviewers.length, 'reviewer')} (${verdict.reviewers.map((reviewer) => reviewer.lens).join(', ')}) in round ${verdicts.length}`;
}

function whyNotLanded({ paths, needs }: Assembled['conflicts'][number]): string {
  const where = paths.join(', ');
  return needs.length === 0
    ? `accepted, but conflicts with what was pushed to the branch: ${where}`
    : `accepted, but needs ${needs.join(', ')}, which cannot land: ${where}`;
}
