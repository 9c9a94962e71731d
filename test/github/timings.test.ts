import { expect, test } from 'vitest';

import { PRODUCTION_TIMINGS } from '../../src/github/timings.ts';

test('production keeps to what GitHub asks for (facts/github.md §5, §8)', () => {
  expect(PRODUCTION_TIMINGS).toEqual({
    writeSpacingMs: 1000,
    contentSpacingMs: 3000,
    effectLookupsMs: [0, 5000, 30_000],
    retriesMs: [1000, 4000, 16_000],
    limitWaitMs: 60_000,
    limitPatienceMs: 900_000,
    ciPollMs: 15_000,
    ciGraceMs: 90_000,
    ciSettleMs: 15_000,
    ciDeadlineMs: 3_600_000,
  });
});
