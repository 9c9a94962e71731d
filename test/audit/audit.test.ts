import { spawnSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import * as fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { chained, checkChain, endOf, type Checked } from '../../src/audit/chain.ts';
import { auditLines, type Exported } from '../../src/audit/lines.ts';
import type { RunEvent } from '../../src/domain/events.ts';
import { EVERYWHERE, SWITCH_SCOPE } from '../../src/domain/switched-off.ts';
import { eventsOfFile } from '../../src/journal/sealed-events.ts';
import { openSqliteJournal, type SqliteJournal } from '../../src/journal/sqlite.ts';
import { aReservation, anAccount, someUsage, STARTED, temporaryDirectory } from '../journal/support.ts';

const EXPORT = fileURLToPath(new URL('../../src/audit/export.ts', import.meta.url));

interface Scene {
  readonly directory: string;
  readonly journal: SqliteJournal;
  readonly exported: (run?: string) => Promise<{ readonly lines: readonly string[]; readonly came: Exported }>;
}

function answered(comment: string, number: number, changes: Partial<Extract<RunEvent, { type: 'command.answered' }>> = {}): RunEvent {
  return {
    type: 'command.answered',
    comment,
    place: { ...STARTED.place, number },
    by: { login: 'eve', id: 666 },
    permission: 'read',
    command: 'stop',
    accepted: false,
    why: 'found read access',
    ...changes,
  };
}

/** A run with everything in it that somebody must answer for, and another run beside it. */
async function scene(): Promise<Scene> {
  const directory = temporaryDirectory();
  const journal = await openSqliteJournal({ directory });
  onTestFinished(() => journal.close());
  await journal.start({ run: 'r', trigger: '1', event: STARTED });
  await journal.start({ run: 'other', trigger: '2', event: { ...STARTED, place: { ...STARTED.place, number: 99 } } });
  await journal.append('r', [{ type: 'step.done', step: 'plan#1', result: { kind: 'planned', plan: { hash: 'f00d' } } }]);
  await journal.append('r', [
    { type: 'step.done', step: 'decision#1', result: { kind: 'approved', by: 'mona', signal: '12' } },
    {
      type: 'agent.started',
      agent: 'migrate#1',
      role: 'migrator',
      label: 'l',
      phase: 'p',
      model: 'm',
      prompt: 'abc',
      tools: ['read', 'submit'],
    },
  ]);
  await journal.reserve('r', aReservation('q1', { agent: 'migrate#1', accounts: [anAccount('r')] }));
  await journal.charge('r', { id: 'q1', amount: 30, usage: someUsage(), known: true });
  await journal.reserve('r', aReservation('q2', { agent: 'migrate#1', accounts: [anAccount('r')] }));
  await journal.charge('r', { id: 'q2', amount: 12, usage: someUsage(), known: true });
  await journal.append('r', [
    { type: 'agent.ended', agent: 'migrate#1', ending: 'done', cause: '', turns: 2, seconds: 3 },
    { type: 'run.amended', id: '13', by: 'mona', amendment: { kind: 'budget', add: 5 }, hash: 'beef' },
  ]);
  await journal.intend('r', 'pull-request', { title: 'x' });
  await journal.done('r', 'pull-request', { number: 41, url: 'https://github.example/octo/farm/pull/41', body: { long: 'x' } });
  await journal.append('comment/7', [answered('7', 3)]);
  await journal.append('comment/8', [answered('8', 41, { accepted: true, why: '', permission: 'admin', by: { login: 'mona', id: 42 } })]);
  await journal.append('comment/9', [answered('9', 99)]);
  await journal.append(SWITCH_SCOPE, [{ type: 'switch.turned', off: true, reason: 'a leak', by: 'command', where: EVERYWHERE }]);
  return {
    directory,
    journal,
    exported: async (run) => {
      const lines: string[] = [];
      const written = auditLines(eventsOfFile(join(directory, 'journal.sqlite')), run ?? null);
      for (;;) {
        const next = await written.next();
        if (next.done === true) return { lines, came: next.value };
        lines.push(next.value);
      }
    },
  };
}

async function* each(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines;
}

function check(lines: readonly string[]): Promise<Checked> {
  return checkChain(each(lines));
}

test('a run’s log tells who commanded what with which access, what was approved, each agent and its cost, each effect, amendments and the switch', async () => {
  const { exported } = await scene();
  const { lines, came } = await exported('r');
  const entries = lines.map((line): Record<string, unknown> => JSON.parse(line));
  expect(entries).toMatchObject([
    { what: 'run started', scope: 'r', n: 1, by: { login: 'mona', id: 42 }, comment: '0', limits: { budget: 5_000_000 } },
    { what: 'planned', plan: 'f00d' },
    { what: 'approved', by: 'mona', comment: '12', plan: 'f00d' },
    { what: 'agent started', agent: 'migrate#1', role: 'migrator', model: 'm', prompt: 'abc', tools: ['read', 'submit'] },
    { what: 'agent ended', agent: 'migrate#1', ending: 'done', turns: 2, cost: 42 },
    { what: 'amended', by: 'mona', comment: '13', amendment: { kind: 'budget', add: 5 }, hash: 'beef' },
    { what: 'effect intended', effect: 'pull-request' },
    { what: 'effect done', effect: 'pull-request', remote: { number: 41, url: 'https://github.example/octo/farm/pull/41' } },
    {
      what: 'command',
      comment: '7',
      by: { login: 'eve', id: 666 },
      permission: 'read',
      command: 'stop',
      accepted: false,
      why: 'found read access',
    },
    { what: 'command', comment: '8', by: { login: 'mona', id: 42 }, permission: 'admin', accepted: true },
    { what: 'switched off', reason: 'a leak', by: 'command' },
    { what: 'end', entries: 11, broken: 0, unsealed: 0 },
  ]);
  expect(entries).toHaveLength(12);
  expect(entries.slice(0, -1).every(({ seal, at }) => typeof seal === 'string' && typeof at === 'string')).toBe(true);
  expect(await check(lines)).toEqual({ kind: 'whole', lines: 12, head: came.head });
  const all = await exported();
  expect(all.lines.some((line) => line.includes('"scope":"other"'))).toBe(true);
  expect(all.lines.some((line) => line.includes('"comment":"9"'))).toBe(true);
});

test('a line that was changed, taken out, moved, slipped in or cut off is named: the first of them', async () => {
  const { exported } = await scene();
  const { lines } = await exported();
  expect(await check(lines)).toMatchObject({ kind: 'whole' });
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: lines.length - 1 }),
      fc.constantFrom('change', 'remove', 'double', 'swap', 'cut'),
      async (at, how) => {
        const forged = [...lines];
        const line = lines[at] ?? '';
        if (how === 'change') forged[at] = line.replace('"what":"', '"what":"not ');
        if (how === 'remove') forged.splice(at, 1);
        if (how === 'double') forged.splice(at, 0, line);
        if (how === 'swap' && at + 1 < lines.length) [forged[at], forged[at + 1]] = [lines[at + 1] ?? '', line];
        if (how === 'cut') forged.length = at;
        if (how === 'swap' && at + 1 >= lines.length) return;
        // The first of two equal lines still stands where it was written.
        const first = how === 'double' ? at + 2 : at + 1;
        expect(await check(forged)).toMatchObject({ kind: 'broken', line: first });
      },
    ),
    { numRuns: 150 },
  );
});

test('what was changed in the database is told in the log, and by the program’s end; what cannot be read any more does not stop it', async () => {
  const { directory, exported } = await scene();
  const database = new DatabaseSync(join(directory, 'journal.sqlite'));
  database.exec(`UPDATE event SET body = replace(body, 'read access', 'no access') WHERE scope = 'comment/7'`);
  database.exec(`UPDATE event SET body = '{"type":"nonsense"}' WHERE scope = 'other'`);
  database.close();
  const { lines, came } = await exported();
  expect(came.broken).toEqual([expect.stringContaining('event 1 of other'), expect.stringContaining('event 1 of comment/7')]);
  expect(lines.filter((line) => line.includes('"what":"broken"'))).toHaveLength(2);
  expect(lines.filter((line) => line.includes('"what":"unreadable"'))).toHaveLength(1);
  expect(lines.at(-1)).toContain('"broken":2');
  expect(await check(lines)).toMatchObject({ kind: 'whole' });
  const program = spawnSync(process.execPath, [EXPORT, directory], { encoding: 'utf8' });
  expect(program.status).toBe(1);
  expect(program.stderr).toContain('BROKEN: event 1 of comment/7');
});

test('a command that was unsealed and forged in one go ends the program with 1; a journal from before the seals with 0', async () => {
  const { directory, exported } = await scene();
  const database = new DatabaseSync(join(directory, 'journal.sqlite'));
  database.exec(`UPDATE event SET seal = NULL, body = replace(body, '"accepted":false', '"accepted":true') WHERE scope = 'comment/7'`);
  const forged = spawnSync(process.execPath, [EXPORT, directory], { encoding: 'utf8' });
  expect(forged).toMatchObject({ status: 1, stderr: expect.stringContaining('BROKEN: event 1 of comment/7 has no seal') });
  expect(forged.stderr).not.toContain('versions without seals: nothing shows');
  expect((await exported()).came).toMatchObject({ unsealed: 0 });
  database.exec(`DELETE FROM event WHERE scope LIKE 'comment/%' OR scope = '${SWITCH_SCOPE}'`);
  database.exec(`UPDATE event SET body = json_remove(body, '$.prompt', '$.tools'); ALTER TABLE event DROP COLUMN seal`);
  database.close();
  const old = spawnSync(process.execPath, [EXPORT, directory], { encoding: 'utf8' });
  expect(old).toMatchObject({ status: 0, stderr: expect.stringContaining('13 events are of versions without seals: nothing shows') });
});

test('an event that cannot be read stands in the log as a line, whether it is sealed or not, JSON or not; by itself it ends nothing with 1', async () => {
  const { directory, exported } = await scene();
  const database = new DatabaseSync(join(directory, 'journal.sqlite'));
  database.exec(`ALTER TABLE event DROP COLUMN seal; DELETE FROM event WHERE scope LIKE 'comment/%' OR scope = '${SWITCH_SCOPE}'`);
  database.exec(`UPDATE event SET body = json_remove(body, '$.prompt', '$.tools')`);
  database.exec(`UPDATE event SET body = '{"type":"of another version"}' WHERE scope = 'r' AND n = 2`);
  database.exec(`UPDATE event SET body = 'no JSON' WHERE scope = 'r' AND n = 3`);
  database.exec(`UPDATE event SET body = json_remove(body, '$.model') WHERE scope = 'r' AND n = 4`);
  database.close();
  const { lines, came } = await exported('r');
  const entries = lines.map((line): Record<string, unknown> => JSON.parse(line));
  expect(entries.filter(({ what }) => what === 'unreadable')).toMatchObject([
    { scope: 'r', n: 2, type: 'of another version', seal: null, hash: hash('sha256', '{"type":"of another version"}') },
    { scope: 'r', n: 3, type: null, why: expect.stringContaining('JSON') },
    { scope: 'r', n: 4, type: 'agent.started', why: expect.stringContaining('model') },
  ]);
  expect(came).toMatchObject({ unreadable: 3, broken: [] });
  expect(entries.at(-1)).toMatchObject({ what: 'end', unreadable: 3 });
  expect(await check(lines)).toMatchObject({ kind: 'whole' });
  expect((await exported('other')).came).toMatchObject({ unreadable: 3 });
  const program = spawnSync(process.execPath, [EXPORT, directory], { encoding: 'utf8' });
  expect(program).toMatchObject({ status: 0, stderr: expect.stringContaining('3 events cannot be read by this version') });
});

test('the program writes the log beside a running Converge, and verifies it', async () => {
  const { directory } = await scene();
  const file = join(directory, 'audit.jsonl');
  const program = spawnSync(process.execPath, [EXPORT, directory, '--run', 'r'], { encoding: 'utf8' });
  expect(program).toMatchObject({ status: 0, stderr: expect.stringContaining('12 lines. Keep the hash of the last elsewhere: ') });
  writeFileSync(file, program.stdout);
  expect(spawnSync(process.execPath, [EXPORT, '--verify', file], { encoding: 'utf8' })).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('12 lines, unbroken'),
  });
  writeFileSync(file, program.stdout.replace('"permission":"read"', '"permission":"admin"'));
  expect(spawnSync(process.execPath, [EXPORT, '--verify', file], { encoding: 'utf8' })).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('line 9: its hash is not that of the line'),
  });
  expect(spawnSync(process.execPath, [EXPORT, join(directory, 'nowhere')], { encoding: 'utf8' })).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('expected the journal of a data directory'),
  });
});

test('a run that is not there is told, and ends the program with 1', async () => {
  const { directory } = await scene();
  const program = spawnSync(process.execPath, [EXPORT, directory, '--run', 'nope'], { encoding: 'utf8' });
  expect(program).toMatchObject({ status: 1, stderr: expect.stringContaining('Found no run nope, expected the id of one in ') });
});

test.each([
  [['--runs', 'r'], "Unknown option '--runs'"],
  [['one', 'two'], 'Found one two, expected one data directory at most.'],
  [['--verify', 'file', 'more'], 'Found --verify with more beside it'],
  [['--verify', 'file', '--run', 'r'], 'Found --verify with more beside it'],
])('%j is refused with the usage and 2', (words, why) => {
  const program = spawnSync(process.execPath, [EXPORT, ...words], { encoding: 'utf8' });
  expect(program).toMatchObject({ status: 2, stdout: '', stderr: expect.stringContaining(why) });
  expect(program.stderr).toContain('usage: npm run --silent audit --');
});

test('whatever the facts are, a line can be read and fits', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.dictionary(fc.oneof(fc.string(), fc.constant('\u2028')), fc.oneof(fc.jsonValue(), fc.constant('a\u2029b\r\n')))),
      async (facts) => {
        const write = chained();
        const lines = [...facts, endOf({})].map((one) => write(one));
        expect(lines.every((line) => !/[\n\r\u2028\u2029]/u.test(line))).toBe(true);
        expect(await check(lines)).toMatchObject({ kind: 'whole', lines: facts.length + 1 });
      },
    ),
  );
});
