import { expect, test } from 'vitest';
import type { Ending, Ledger } from '../../src/domain/ledger.ts';
import { outcomeOf, type OutcomeFacts } from '../../src/domain/outcome.ts';

function facts(endings: readonly Ending[], changes: Partial<OutcomeFacts> = {}): OutcomeFacts {
  const ledger: Ledger = endings.map((ending, at) => ({ path: `${at}.js`, shard: 's', ending, why: 'why' }));
  return {
    ledger,
    otherLeftOver: [],
    failedChecks: [],
    base: null,
    head: null,
    newFailures: [],
    missing: [],
    scriptFailed: null,
    stoppedBy: null,
    baseTrouble: null,
    ...changes,
  };
}

test.each<[readonly Ending[], string]>([
  [['migrated', 'left-over', 'skipped'], 'Of 3 files, 1 is left over.'],
  [
    ['migrated', 'left-over', 'left-over', 'unverified', 'not-started', 'dropped'],
    'Of 6 files, 2 are left over, 1 is unverified, 1 is not started.',
  ],
])('%j is partial, and says of each open file how it ended', (endings, why) => {
  expect(outcomeOf(facts(endings))).toEqual({ status: 'partial', reasons: [why] });
});

test('what is skipped or dropped for a reason stands in nobody’s way', () => {
  expect(outcomeOf(facts(['migrated', 'skipped', 'dropped'])).status).toBe('completed');
});
