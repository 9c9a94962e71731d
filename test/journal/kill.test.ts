import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

import { openSqliteJournal } from '../../src/journal/sqlite.ts';
import { temporaryDirectory } from './support.ts';

const WRITER = fileURLToPath(new URL('./endless-writer.ts', import.meta.url));

function startWriter(directory: string): ChildProcess {
  const writer = spawn(process.execPath, [WRITER, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => {
    writer.kill('SIGKILL');
  });
  return writer;
}

/** Kills the writer after so many acknowledged lines, and gives all lines it had written. */
async function killAfter(writer: ChildProcess, lines: number): Promise<readonly string[]> {
  const acknowledged: string[] = [];
  if (writer.stdout === null) throw new Error('the writer has no output');
  const exit = once(writer, 'exit');
  for await (const line of createInterface({ input: writer.stdout })) {
    acknowledged.push(line);
    if (acknowledged.length === lines) writer.kill('SIGKILL');
  }
  await exit;
  return acknowledged;
}

test.each([1, 7, 100, 333, 1000])(
  'everything acknowledged is there after a SIGKILL past %i commits, and the lock is free',
  async (lines) => {
    const directory = temporaryDirectory();
    const acknowledged: string[] = [];
    for (let kill = 0; kill < 2; kill += 1) {
      acknowledged.push(...(await killAfter(startWriter(directory), lines)));
      const journal = await openSqliteJournal({ directory });
      const events = await journal.events('r');
      const written = new Set(events.map(({ event }) => (event.type === 'log' ? event.text : event.type)));
      expect(acknowledged.filter((line) => !written.has(line))).toEqual([]);
      expect(events.map(({ n }) => n)).toEqual(events.map((_, index) => index + 1));
      const settled = await journal.settled('r', 0);
      expect(settled.map(({ seq }) => seq)).toEqual(settled.map((_, index) => index + 1));
      await journal.close();
    }
    expect(acknowledged.length).toBeGreaterThanOrEqual(2 * lines);
  },
);

test('a second process is refused while the first one lives', async () => {
  const directory = temporaryDirectory();
  const writer = startWriter(directory);
  if (writer.stdout === null) throw new Error('the writer has no output');
  await once(createInterface({ input: writer.stdout }), 'line');
  await expect(openSqliteJournal({ directory })).rejects.toMatchObject({ message: expect.stringContaining('Another Converge process') });
});
