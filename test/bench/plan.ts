import type { Plan } from '../../src/domain/plan.ts';
import type { Shard } from '../../src/domain/shard.ts';

const MODEL = { model: 'claude-sonnet-5-5', effort: 'high' } as const;
const RANGE = { low: 0, expected: 0, worst: 0 };

/** A plan as the planner would have made it, for these shards of this base, with room for everything. */
export function planFor(
  base: Plan['base'],
  { script, shards, concurrency }: { script: string; shards: readonly Shard[]; concurrency: number },
): Plan {
  return {
    draft: {
      title: 'From old() to fresh()',
      intent: 'Every call of old becomes a call of fresh.',
      predicate: { kind: 'regex', pattern: 'old\\(', flags: '' },
      scope: { include: ['**'], exclude: [] },
      sharding: { by: 'size', maxFiles: 8 },
      order: [],
      foundation: [],
      closing: [],
      guide: [{ id: 'G1', title: 'Calls', text: 'old(a, b) becomes fresh(b, a). '.repeat(50) }],
      checks: [],
      renames: [],
      touchesProtected: [],
      risks: [],
      script: 'default',
    },
    script,
    base,
    inventory: shards.flatMap((shard) => shard.files),
    skipped: [],
    shards,
    checks: [],
    failingAtBase: [],
    setup: null,
    protectedPaths: [],
    limits: {
      budget: 1_000_000_000_000,
      agents: 10_000,
      concurrency,
      reviewers: 2,
      rounds: 3,
      turnsPerAgent: 40,
      secondsPerAgent: 3600,
      budgetPerAgent: 1_000_000_000,
    },
    models: { planner: MODEL, reader: MODEL, migrator: MODEL, reviser: MODEL, verifier: MODEL },
    estimate: { agents: RANGE, inputTokens: RANGE, outputTokens: RANGE, cost: RANGE, pushes: 1, contents: 1 },
    notes: [],
    hash: 'f'.repeat(64),
  };
}
