import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export async function openServer(): Promise<{ readonly url: string; stop(): Promise<void> } | null> {
  const versions = await readdir('/usr/lib/postgresql').catch(() => []);
  const version = versions.toSorted().at(-1);
  if (version === undefined) return null;
  const bin = `/usr/lib/postgresql/${version}/bin`;
  const directory = await mkdtemp(join(tmpdir(), 'converge-pg-'));
  await chmod(directory, 0o777);
  const as = process.getuid?.() === 0 ? ['runuser', '-u', 'postgres', '--'] : [];
  const call = async (...args: readonly string[]): Promise<void> => {
    const [program = '', ...rest] = [...as, ...args];
    await run(program, rest);
  };
  const data = join(directory, 'data');
  const port = await new Promise<number>((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
  await call(`${bin}/initdb`, '-D', data, '-U', 'converge', '--auth=trust', '-E', 'UTF8', '--no-locale');
  await call(
    `${bin}/pg_ctl`,
    '-D',
    data,
    '-w',
    '-l',
    join(directory, 'log'),
    '-o',
    `-p ${port} -k ${directory} -c listen_addresses=127.0.0.1 -c max_connections=200`,
    'start',
  );
  return {
    url: `postgres://converge@127.0.0.1:${port}/postgres`,
    stop: async () => {
      await call(`${bin}/pg_ctl`, '-D', data, '-m', 'immediate', 'stop');
      await rm(directory, { recursive: true, force: true });
    },
  };
}
