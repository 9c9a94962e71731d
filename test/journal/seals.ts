import { expect, test } from 'vitest';

import type { RunEvent } from '../../src/domain/events.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { sealCheck, type SealedEvent } from '../../src/journal/seal.ts';
import { aCall, fill, STARTED } from './support.ts';

export interface Sealed {
  readonly journal: Journal;
  readonly reopen: () => Promise<Journal>;
  /** As somebody who has the database does. */
  readonly sql: (statement: string) => Promise<void>;
  readonly stored: () => AsyncIterable<SealedEvent>;
}

async function wrong(stored: AsyncIterable<SealedEvent>): Promise<readonly string[]> {
  const check = sealCheck();
  const found: string[] = [];
  for await (const event of stored) {
    const problem = check(event);
    if (problem !== null) found.push(problem);
  }
  return found;
}

/** Whoever changes the record afterwards is seen, whatever it is stored in. */
export function sealConformance(open: () => Promise<Sealed>): void {
  test('what was written together, one after the other, refused in between, or after a reopening, fits', async () => {
    const { journal, reopen, stored } = await open();
    await fill(journal);
    await Promise.all([
      journal.append('a', [{ type: 'log', text: 'one' }]),
      expect(journal.append('a', [{ type: 'step.done', step: 'plan', result: 2 }])).rejects.toMatchObject({ kind: 'journal' }),
      journal.append('a', [{ type: 'log', text: '\u0000\uD83D\uDE80 "two"' }]),
      journal.issue('b', [aCall('9')]),
    ]);
    const again = await reopen();
    await again.append('a', [{ type: 'log', text: 'three' }]);
    const seals: (string | null)[] = [];
    for await (const { seal } of stored()) seals.push(seal);
    expect(seals.length).toBeGreaterThan(25);
    expect(new Set(seals).size).toBe(seals.length);
    expect(seals.every((seal) => /^[0-9a-f]{64}$/u.test(seal ?? ''))).toBe(true);
    expect(await wrong(stored())).toEqual([]);
  });

  test.each([
    ['its text', `UPDATE event SET body = replace(body, 'mona', 'eve') WHERE scope = 'a' AND n = 8`, [/^event 8 of a, .*does not fit$/u]],
    ['its time', `UPDATE event SET at = '2020-01-01T00:00:00.000Z' WHERE scope = 'b' AND n = 1`, [/^event 1 of b,/u]],
    ['an event taken out', `DELETE FROM event WHERE scope = 'a' AND n = 3`, [/^event 3 of a is missing/u]],
    ['a seal taken away', `UPDATE event SET seal = NULL WHERE scope = 'a' AND n = 5`, [/^event 5 of a has no seal/u, /^event 6 of a/u]],
    ['all that came before', `UPDATE event SET seal = NULL WHERE scope = 'a' AND n < 5`, [/^event 5 of a/u]],
    [
      'the only event of a record, unsealed and forged',
      `UPDATE event SET seal = NULL, body = '{"type":"log","text":"forged"}' WHERE scope = 'comment/8'`,
      [/^event 1 of comment\/8 has no seal, and events before it in the journal have$/u],
    ],
    [
      'a whole record that is not the first',
      `UPDATE event SET seal = NULL WHERE scope = 'b' AND n < 3; DELETE FROM event WHERE scope = 'b' AND n > 2`,
      [/^event 1 of b has no seal/u, /^event 2 of b has no seal/u],
    ],
  ])('changed afterwards is seen: %s', async (_what, statement, expected) => {
    const { journal, sql, stored } = await open();
    await fill(journal);
    await sql(statement);
    const found = await wrong(stored());
    expect(found).toHaveLength(expected.length);
    for (const [index, problem] of found.entries()) expect(problem).toMatch(expected[index] ?? '');
  });

  test('a record of a version without seals is read, and sealed from then on', async () => {
    const { journal, reopen, sql, stored } = await open();
    await fill(journal);
    await sql('ALTER TABLE event DROP COLUMN seal');
    const again = await reopen();
    await again.append('a', [{ type: 'log', text: 'sealed' }]);
    await again.append('a', [{ type: 'log', text: 'too' }]);
    expect(await wrong(stored())).toEqual([]);
    await sql(`UPDATE event SET body = '{"type":"log","text":"forged"}' WHERE scope = 'a' AND body LIKE '%"sealed"%'`);
    expect(await wrong(stored())).toHaveLength(1);
  });

  const command = {
    type: 'command.answered',
    comment: '1',
    place: STARTED.place,
    by: STARTED.requester,
    permission: 'read',
    command: 'stop',
    accepted: false,
    why: '',
  } as const;
  const agent = { type: 'agent.started', agent: 'a', role: 'migrator', label: '', phase: '', model: 'm' } as const;
  test.each<readonly [string, RunEvent]>([
    ['a command’s outcome', command],
    ['a turn of the switch', { type: 'switch.turned', off: true, reason: '', by: 'file', where: '' }],
    ['a secret withheld', { type: 'secret.withheld', where: 'a post', what: ['key'] }],
    ['the hash of a prompt', { ...agent, prompt: 'abc' }],
    ['the tools of an agent', { ...agent, tools: [] }],
  ])('what only versions with seals wrote is wrong without one, also where nothing has a seal: %s', async (_what, event) => {
    const { journal, sql, stored } = await open();
    await journal.append('first', [{ type: 'log', text: 'as old versions wrote it' }, agent, event]);
    await sql('UPDATE event SET seal = NULL');
    expect(await wrong(stored())).toEqual(['event 3 of first has no seal, and versions without seals wrote nothing like it']);
  });
}
