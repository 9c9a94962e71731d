/** How one file of the inventory ended (invariant 9). */
export type Ending = 'migrated' | 'skipped' | 'left-over' | 'unverified' | 'dropped' | 'not-started';

export interface LedgerEntry {
  readonly path: string;
  readonly ending: Ending;
  readonly shard: string | null;
  /** Why it ended so; for `migrated`, what verified it. */
  readonly why: string;
}

export type Ledger = readonly LedgerEntry[];

export type RunStatus = 'completed' | 'partial' | 'failed' | 'stopped' | 'paused';

export function countEndings(ledger: Ledger): Readonly<Record<Ending, number>> {
  const counts: Record<Ending, number> = { migrated: 0, skipped: 0, 'left-over': 0, unverified: 0, dropped: 0, 'not-started': 0 };
  for (const entry of ledger) counts[entry.ending] += 1;
  return counts;
}
