import { openSqliteJournal } from '../../src/journal/sqlite.ts';

/** Writes for ever, several commits a tick; prints a line when, and only when, the journal has acknowledged it. */
const [directory = ''] = process.argv.slice(2);
const journal = await openSqliteJournal({ directory });

for (let round = 0; ; round += 1) {
  await Promise.all(
    ['a', 'b', 'c'].map(async (lane) => {
      const text = `${process.pid} ${round} ${lane}`;
      await journal.append('r', [{ type: 'log', text }]);
      process.stdout.write(`${text}\n`);
      await journal.issue('r', [{ key: text, kind: 'agent', label: '', phase: '', input: null }]);
      await journal.settle('r', text, { kind: 'value', value: text });
    }),
  );
}
