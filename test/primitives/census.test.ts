import { expect, onTestFinished, test } from 'vitest';

import { openCensus } from '../../src/primitives/census.ts';
import { openSqliteJournal } from '../../src/journal/sqlite.ts';
import { STARTED, temporaryDirectory } from '../journal/support.ts';

const RUN = 'run-1';

test('processes that start agents at the same moment never pass the limit together; a raise lets in who was refused, and nobody twice', async () => {
  const journal = await openSqliteJournal({ directory: temporaryDirectory() });
  onTestFinished(() => journal.close());
  await journal.start({ run: RUN, trigger: 't', event: STARTED });
  const limits = { ...STARTED.settings.limits, agents: 3 };
  const processes = Array.from({ length: 4 }, () => openCensus({ run: RUN, journal, limits, shared: true }));
  const agents = processes.flatMap((census, process) => [0, 1].map((at) => ({ census, agent: `agent-${process}-${at}` })));
  const admitted = async (): Promise<readonly string[]> => {
    const ends = await Promise.allSettled(agents.map(({ census, agent }) => census.admit(agent)));
    for (const end of ends) if (end.status === 'rejected') expect(end.reason).toMatchObject({ name: 'Suspended', reason: 'budget' });
    return agents.filter((_, at) => ends[at]?.status === 'fulfilled').map(({ agent }) => agent);
  };
  const first = await admitted();
  expect(first).toHaveLength(3);
  expect(await admitted()).toEqual(first);
  await journal.append(RUN, [{ type: 'run.amended', id: '9', by: 'mona', amendment: { kind: 'budget', add: 0, agents: 2 }, hash: 'h' }]);
  const second = await admitted();
  expect(second).toHaveLength(5);
  expect(second).toEqual(expect.arrayContaining([...first]));
});
