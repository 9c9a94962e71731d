import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { inheritedEnvironment } from '../src/config.ts';
import type { RunEvent } from '../src/domain/events.ts';
import { EVERYWHERE, SWITCH_SCOPE } from '../src/domain/switched-off.ts';
import { openPostgresJournal } from '../src/journal/postgres.ts';
import { openSqliteJournal } from '../src/journal/sqlite.ts';
import type { Journal } from '../src/journal/journal.ts';
import { openSwitch, SWITCH_FILE, type Switch } from '../src/switch.ts';
import { quiet } from './engine/quiet.ts';
import { temporaryDirectory } from './journal/support.ts';
import { POSTGRES_HERE, startPostgres, type TestPostgres } from './postgres.ts';

interface Scene {
  readonly journal: Journal;
  readonly file: string;
  readonly open: (environment?: string | null, everyMs?: number, where?: string) => Promise<Switch>;
  readonly turns: () => Promise<readonly RunEvent[]>;
}

async function scene(): Promise<Scene> {
  const directory = temporaryDirectory();
  const file = join(directory, SWITCH_FILE);
  const journal = await openSqliteJournal({ directory });
  onTestFinished(() => journal.close());
  return {
    journal,
    file,
    open: async (environment = null, everyMs = 3_600_000, where = 'here:/data') => {
      const opened = await openSwitch({ environment, file, journal, where, everyMs, log: quiet });
      onTestFinished(() => opened.close());
      return opened;
    },
    turns: async () => (await journal.events(SWITCH_SCOPE)).map(({ event }) => event),
  };
}

/** Resolves when the journal has that many turns. */
async function recorded({ journal, turns }: Scene, count: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = journal.watch(SWITCH_SCOPE, () => void turns().then((all) => (all.length >= count ? resolve() : undefined)));
  if ((await turns()).length < count) await promise;
  stop();
}

test('the file is seen by the very next question, its text is the reason, and its end is seen as well', async () => {
  const own = await scene();
  const { open, file, turns } = own;
  const opened = await open();
  expect(opened.off()).toBeNull();
  writeFileSync(file, 'somebody leaked\n  a key \n');
  expect(opened.off()).toEqual({ reason: 'somebody leaked a key', by: 'file' });
  rmSync(file);
  expect(opened.off()).toBeNull();
  await recorded(own, 2);
  expect(await turns()).toEqual([
    { type: 'switch.turned', off: true, reason: 'somebody leaked a key', by: 'file', where: 'here:/data' },
    { type: 'switch.turned', off: false, reason: '', by: 'file', where: 'here:/data' },
  ]);
});

test('a file that cannot be read, here a directory, switches off all the same', async () => {
  const { open, file } = await scene();
  mkdirSync(file);
  expect((await open()).off()).toEqual({ reason: '', by: 'file' });
});

test('where nothing asks, the file is found by looking: who watches is told', async () => {
  const { open, file } = await scene();
  const opened = await open(null, 5);
  const told = Promise.withResolvers<void>();
  opened.watch(told.resolve);
  writeFileSync(file, '');
  await told.promise;
  expect(opened.off()).toEqual({ reason: '', by: 'file' });
});

test('the environment switches off for the life of the process; one that starts without it records that it is on again', async () => {
  const own = await scene();
  const { open, turns } = own;
  const first = await open('an audit');
  expect(first.off()).toEqual({ reason: 'an audit', by: 'environment' });
  await recorded(own, 1);
  first.close();
  expect((await open('an audit')).off()).not.toBeNull();
  expect(await turns()).toHaveLength(1);
  expect((await open()).off()).toBeNull();
  await recorded(own, 2);
  expect(await turns()).toMatchObject([{ off: true, by: 'environment' }, { off: false }]);
});

test('a turn for everybody is obeyed by every process on the journal, also one that starts later; that of another process is not', async () => {
  const { journal, open } = await scene();
  const opened = await open();
  let told = 0;
  opened.watch(() => (told += 1));
  await journal.append(SWITCH_SCOPE, [{ type: 'switch.turned', off: true, reason: 'x', by: 'file', where: 'elsewhere:/data' }]);
  expect([opened.off(), told]).toEqual([null, 0]);
  await journal.append(SWITCH_SCOPE, [{ type: 'switch.turned', off: true, reason: 'all of you', by: 'command', where: EVERYWHERE }]);
  expect([opened.off(), told]).toEqual([{ reason: 'all of you' }, 1]);
  expect((await open(null, 3_600_000, 'third:/data')).off()).toEqual({ reason: 'all of you' });
  await journal.append(SWITCH_SCOPE, [{ type: 'switch.turned', off: false, reason: '', by: 'command', where: EVERYWHERE }]);
  expect([opened.off(), told]).toEqual([null, 2]);
});

const PROGRAM = fileURLToPath(new URL('../src/turn-switch.ts', import.meta.url));

function turn(environment: NodeJS.ProcessEnv, ...words: readonly string[]): { readonly status: number | null; readonly told: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...words], {
    encoding: 'utf8',
    env: { ...inheritedEnvironment(), ...environment },
  });
  return { status, told: stdout + stderr };
}

test('the program makes the file, takes it away, and says what it expects', async () => {
  const { open, file } = await scene();
  const opened = await open();
  const here = { DATA_DIR: dirname(file) };
  expect(turn(here, 'off', 'a key', 'leaked')).toEqual({ status: 0, told: `Switched off: ${file}.\n` });
  expect(opened.off()).toMatchObject({ reason: 'a key leaked' });
  expect(turn(here, 'off', '- a key leaked, again').status).toBe(0);
  expect(opened.off()).toMatchObject({ reason: '- a key leaked, again' });
  expect(turn(here, 'on').status).toBe(0);
  expect(opened.off()).toBeNull();
  expect(turn({ DATA_DIR: join(dirname(file), 'nowhere') }, 'off')).toMatchObject({
    status: 1,
    told: expect.stringContaining('could not be turned'),
  });
});

test.each([
  [[], 'Found nothing, expected off or on.'],
  [['of'], 'Found of, expected off or on.'],
  [['off', '--dry-run'], 'Found --dry-run, expected no options.'],
  [['off', '-n', 'a key leaked'], 'Found -n, expected no options.'],
  [['on', 'please'], 'Found please after on, expected nothing more.'],
])('%j turns nothing: why, the usage, and 2', async (words, why) => {
  const { file } = await scene();
  const turned = turn({ DATA_DIR: dirname(file) }, ...words);
  expect(turned).toMatchObject({ status: 2, told: expect.stringContaining(why) });
  expect(turned.told).toContain('usage: npm run switch -- off');
  expect(existsSync(file)).toBe(false);
});

/** The line of package.json that npm runs, in a folder that has this `.env`. */
function byNpm(
  script: 'switch' | 'audit' | 'export',
  dotenv: string,
  words = '',
): { readonly status: number | null; readonly told: string; readonly folder: string } {
  const folder = temporaryDirectory();
  writeFileSync(join(folder, '.env'), dotenv);
  const root = fileURLToPath(new URL('../', import.meta.url));
  const { scripts } = z
    .object({ scripts: z.record(z.string(), z.string()) })
    .parse(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')));
  const line = (scripts[script] ?? '').replace(/^node /u, `'${process.execPath}' `).replace(' src/', ` ${root}src/`);
  const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', `${line} ${words}`], {
    cwd: folder,
    encoding: 'utf8',
    env: inheritedEnvironment(),
  });
  return { status, told: stdout + stderr, folder };
}

test('the switch, the audit log and the export look where an App looks that is started with .env, and say where that is', async () => {
  const { open, file } = await scene();
  const opened = await open();
  const directory = dirname(file);
  expect(byNpm('switch', `DATA_DIR=${directory}\n`, 'off a key')).toMatchObject({ status: 0, told: `Switched off: ${file}.\n` });
  expect(opened.off()).toMatchObject({ reason: 'a key' });
  expect(byNpm('audit', `DATA_DIR=${directory}\n`)).toMatchObject({
    status: 0,
    told: expect.stringContaining(`From ${join(directory, 'journal.sqlite')}.`),
  });
  expect(byNpm('export', `DATA_DIR=${directory}\n`)).toMatchObject({
    status: 0,
    told: expect.stringContaining(`events of ${join(directory, 'journal.sqlite')}`),
  });
  const unreached = byNpm('switch', 'DATABASE_URL=postgres://nobody@127.0.0.1:1/none\n', 'off');
  expect(unreached).toMatchObject({ status: 1, told: expect.stringContaining('could not be turned') });
});

test('a directory that is not a Converge’s is refused, by its whole path: nobody would look there', async () => {
  const folder = temporaryDirectory();
  mkdirSync(join(folder, 'data'));
  for (const to of ['off', 'on'])
    expect(turn({ DATA_DIR: join(folder, 'data') }, to)).toMatchObject({
      status: 1,
      told: expect.stringContaining(`Found no journal in ${join(folder, 'data')}, expected the data directory of a Converge`),
    });
  expect(existsSync(join(folder, 'data', SWITCH_FILE))).toBe(false);
  const relative = byNpm('switch', '', 'off');
  expect(relative).toMatchObject({ status: 1, told: expect.stringContaining(join(relative.folder, 'data')) });
});

describe.skipIf(!POSTGRES_HERE)('on Postgres', () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());

  test('one turn of the program switches every process off that is on the database, and on again', async () => {
    const url = await server.database();
    const directory = temporaryDirectory();
    const switches = await Promise.all(
      ['app', 'worker'].map(async (name) => {
        const journal = await openPostgresJournal({ url });
        const file = join(directory, `${name}-${SWITCH_FILE}`);
        const opened = await openSwitch({ environment: null, file, journal, where: name, everyMs: 3_600_000, log: quiet });
        onTestFinished(async () => {
          opened.close();
          await journal.close();
        });
        return opened;
      }),
    );
    const heard = (): Promise<unknown> =>
      Promise.all(
        switches.map((one) => {
          const { promise, resolve } = Promise.withResolvers<void>();
          one.watch(resolve);
          return promise;
        }),
      );
    const off = heard();
    expect(turn({ DATABASE_URL: url }, 'off', 'all of you').told).toContain('every App and worker');
    await off;
    expect(switches.map((one) => one.off())).toEqual([{ reason: 'all of you' }, { reason: 'all of you' }]);
    const on = heard();
    turn({ DATABASE_URL: url }, 'on');
    await on;
    const { status, told } = byNpm('export', `DATABASE_URL=${url}\n`);
    expect([status, told]).toEqual([0, expect.stringMatching(/"event":\{"type":"switch.turned".*\n2 events of DATABASE_URL\n$/su)]);
    expect(switches.map((one) => one.off())).toEqual([null, null]);
  });
});
