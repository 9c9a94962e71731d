import { execFile, execFileSync } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { Client } from 'pg';
import { freePort } from '../src/local/free-port.ts';

const run = promisify(execFile);

/** A Postgres for one file of tests. */
export interface TestPostgres {
  /** A new, empty database; gives its URL. */
  database(): Promise<string>;
  /** As after a crash: nobody is told, nothing is tidied; up again when this resolves. Not with TEST_DATABASE_URL. */
  crash(): Promise<void>;
  stop(): Promise<void>;
}

const BIN = findBinaries();

/** Whether tests can have a Postgres here. `CONVERGE_DEMAND_POSTGRES=1` makes its absence a failure instead of skipped tests. */
export const POSTGRES_HERE = BIN !== null || process.env['TEST_DATABASE_URL'] !== undefined;

if (!POSTGRES_HERE && process.env['CONVERGE_DEMAND_POSTGRES'] === '1') {
  throw new Error(
    'CONVERGE_DEMAND_POSTGRES=1, but found no pg_ctl in PATH or /usr/lib/postgresql/*/bin and no TEST_DATABASE_URL. Install postgresql.',
  );
}

function findBinaries(): string | null {
  const versions = existsSync('/usr/lib/postgresql') ? readdirSync('/usr/lib/postgresql').toSorted((a, b) => Number(b) - Number(a)) : [];
  const places = [...(process.env['PATH'] ?? '').split(':'), ...versions.map((version) => `/usr/lib/postgresql/${version}/bin`)];
  return places.find((place) => existsSync(join(place, 'pg_ctl')) && existsSync(join(place, 'initdb'))) ?? null;
}

/** Starts a private server in a directory of its own, or takes the one of TEST_DATABASE_URL. `durable`: each commit is on disk, as in production, and statements are counted. */
export async function startPostgres({ durable = false } = {}): Promise<TestPostgres> {
  const given = process.env['TEST_DATABASE_URL'];
  if (given !== undefined) return { database: () => makeDatabase(given), crash: notOurs, stop: async () => {} };
  if (BIN === null) throw new Error('found no Postgres here');
  const directory = mkdtempSync(join(tmpdir(), 'converge-postgres-'));
  const data = join(directory, 'data');
  const who = asWhom(directory);
  const port = await freePort();
  const command = async (program: string, ...parameters: readonly string[]): Promise<void> => {
    const [file = '', ...rest] = [...who, join(BIN, program), ...parameters];
    await run(file, rest, { cwd: directory });
  };
  // Durability is the operating system's here: what a killed server wrote is not lost without fsync.
  const care = durable ? '-c fsync=on -c shared_preload_libraries=pg_stat_statements' : '-c fsync=off';
  const settings = `-c port=${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=${directory} ${care} -c max_connections=200`;
  const start = (): Promise<void> => command('pg_ctl', 'start', '-w', '-D', data, '-l', join(directory, 'log'), '-o', settings);
  const stop = (mode: string): Promise<void> => command('pg_ctl', 'stop', '-w', '-D', data, '-m', mode);
  await command('initdb', '-D', data, '-U', 'converge', '--auth=trust', '--no-sync', '-E', 'UTF8', '--locale=C');
  await start();
  return {
    database: () => makeDatabase(`postgres://converge@127.0.0.1:${port}/postgres`),
    crash: async () => {
      await stop('immediate');
      await start();
    },
    stop: async () => {
      await stop('immediate');
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Postgres refuses root: then the user `postgres`, who came with the package, or nobody. */
function asWhom(directory: string): readonly string[] {
  if (process.getuid?.() !== 0) return [];
  const name = ['postgres', 'nobody'].find((user) => idOf(user) !== null) ?? 'nobody';
  chownSync(directory, Number(idOf(name)), 0);
  return ['runuser', '-u', name, '--'];
}

function idOf(user: string): string | null {
  try {
    return execFileSync('id', ['-u', user], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return null;
  }
}

let made = 0;

async function makeDatabase(admin: string): Promise<string> {
  const name = `converge_${process.pid}_${(made += 1)}`;
  const client = new Client({ connectionString: admin });
  await client.connect();
  await client.query(`CREATE DATABASE ${name}`);
  await client.end();
  const url = new URL(admin);
  url.pathname = `/${name}`;
  return url.href;
}

async function notOurs(): Promise<void> {
  throw new Error('the server of TEST_DATABASE_URL is not ours to crash');
}
