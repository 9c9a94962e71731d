import { expect, onTestFinished, test } from 'vitest';
import { openHoldings } from '../../src/engine/holdings.ts';
import type { Claim, TurnRecord } from '../../src/journal/journal.ts';
import { openSqliteJournal } from '../../src/journal/sqlite.ts';
import { temporaryDirectory } from '../journal/support.ts';

const RUN = 'r1';
const TURN: TurnRecord = { n: 0, part: 'response', data: { text: 'hello' }, overlay: [] };

test('turns of an agent are read unless nobody had its call before and here it stored none', async () => {
  const journal = await openSqliteJournal({ directory: temporaryDirectory() });
  onTestFinished(() => journal.close());
  const holdings = openHoldings(journal);
  const claim = (attempt: number): Claim => ({ kind: 'call', run: RUN, key: 'a', attempt });
  // What cannot be there, to see that it is not looked for.
  await journal.checkpoint(RUN, 'a/child', TURN);
  const first = holdings.hold(claim(1));
  await holdings.journal.checkpoint(RUN, 'a', TURN);
  expect(await holdings.journal.checkpoints(RUN, 'a')).toEqual([TURN]);
  expect(await holdings.journal.checkpoints(RUN, 'a/child')).toEqual([]);
  first.release();
  const second = holdings.hold(claim(2));
  expect(await holdings.journal.checkpoints(RUN, 'a/child')).toEqual([TURN]);
  second.release();
  expect(await holdings.journal.checkpoints(RUN, 'a/child')).toEqual([TURN]);
});
