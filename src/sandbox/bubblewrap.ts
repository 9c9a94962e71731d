import { lstat, readlink } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { shell } from './confinement.ts';
import type { Confinement, Job, Launch } from './confinement.ts';
import { EGRESS, EGRESS_ENVIRONMENT, bridged } from './egress.ts';
import { makeMountPoints } from './mount-points.ts';

/** Where things are inside. */
export const INSIDE = { checkout: '/checkout', home: '/home/converge', node: '/opt/node' } as const;

const USER = 1_000;
const MEGABYTE = 1_048_576;

/** Files of the host's /etc that programs need and that hold no secret. */
const ETC = [
  'alternatives',
  'ca-certificates',
  'ca-certificates.conf',
  'ld.so.cache',
  'ld.so.conf',
  'ld.so.conf.d',
  'localtime',
  'mime.types',
  'nsswitch.conf',
  'os-release',
  'pki/ca-trust',
  'pki/tls/certs',
  'protocols',
  'services',
  'ssl/certs',
  'ssl/openssl.cnf',
];

/** Programs that keep a cache inside of what setup installed get a place for it, which is gone after the command. */
const CACHES = ['.cache', '.vite', '.vite-temp'];

/** What is the same for every command on this machine. */
export interface Host {
  /** Whether this bubblewrap can forbid further user namespaces. */
  readonly disableUserNamespaces: boolean;
  readonly searchPath: string;
  readonly caveats: readonly string[];
}

/** Confines commands by bubblewrap: no network, none of the host's files but programs and libraries, none of its environment (facts/sandbox.md §3). */
export function bubblewrap(host: Host): Confinement {
  return {
    kind: 'bubblewrap',
    caveats: host.caveats,
    launch: async (job: Job): Promise<Launch> => {
      await makeMountPoints(job.directory, job.mounts);
      const options = [...namespaces(host, job), ...(await system(job)), ...(await node()), ...(await checkout(job))];
      return {
        file: 'bwrap',
        args: [...options.flat(), '--remount-ro', '/', '--chdir', INSIDE.checkout, ...limited(job)],
        directory: job.directory,
        environment: { PATH: host.searchPath },
        inputs: [
          `root:x:0:0::/nonexistent:/usr/sbin/nologin\nconverge:x:${USER}:${USER}::${INSIDE.home}:/bin/sh\n`,
          `root:x:0:\nconverge:x:${USER}:\n`,
          '127.0.0.1 localhost\n::1 localhost\n',
        ],
        tellsStart: true,
      };
    },
  };
}

type Options = readonly (readonly string[])[];

function namespaces(host: Host, job: Job): Options {
  return [
    ['--unshare-all', '--unshare-user'],
    host.disableUserNamespaces ? ['--disable-userns'] : [],
    ['--uid', String(USER), '--gid', String(USER), '--hostname', 'sandbox'],
    ['--die-with-parent', '--new-session', '--cap-drop', 'ALL', '--json-status-fd', '3', '--clearenv'],
    ['--setenv', 'PATH', `${INSIDE.node}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`],
    ['--setenv', 'HOME', INSIDE.home],
    ['--setenv', 'USER', 'converge'],
    ['--setenv', 'TMPDIR', '/tmp'],
    ['--setenv', 'LANG', 'C.UTF-8'],
    ['--setenv', 'CI', 'true'],
    ['--setenv', 'NO_COLOR', '1'],
    ...(job.egress === null ? [] : Object.entries(EGRESS_ENVIRONMENT).map(([name, value]) => ['--setenv', name, value])),
  ];
}

async function system(job: Job): Promise<Options> {
  const size = String(Math.max(64, Math.floor(job.memoryMegabytes / 2)) * MEGABYTE);
  return [
    ['--ro-bind', '/usr', '/usr'],
    ...(await Promise.all(['/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'].map(asOnHost))),
    ...ETC.map((name) => ['--ro-bind-try', `/etc/${name}`, `/etc/${name}`]),
    ['--file', '4', '/etc/passwd', '--file', '5', '/etc/group', '--file', '6', '/etc/hosts'],
    ['--proc', '/proc', '--dev', '/dev', '--size', String(64 * MEGABYTE), '--tmpfs', '/dev/shm'],
    ['--size', size, '--tmpfs', '/tmp', '--size', size, '--tmpfs', INSIDE.home],
    job.egress === null ? [] : ['--ro-bind', job.egress, EGRESS.socket],
  ];
}

/** /bin and its like: a link to below /usr on most systems, a directory on others. */
async function asOnHost(path: string): Promise<readonly string[]> {
  const there = await lstat(path).catch(() => null);
  if (there === null) return [];
  return there.isSymbolicLink() ? ['--symlink', await readlink(path), path] : ['--ro-bind', path, path];
}

/** The Node that runs this program, alone, and its npm where it has one. */
async function node(): Promise<Options> {
  const npm = join(dirname(dirname(process.execPath)), 'lib/node_modules/npm');
  const own = await lstat(npm).catch(() => null);
  const binary = ['--ro-bind', process.execPath, `${INSIDE.node}/bin/node`];
  if (own?.isDirectory() !== true) return [binary];
  return [
    binary,
    ['--ro-bind', npm, `${INSIDE.node}/lib/node_modules/npm`],
    ['--symlink', '../lib/node_modules/npm/bin/npm-cli.js', `${INSIDE.node}/bin/npm`],
    ['--symlink', '../lib/node_modules/npm/bin/npx-cli.js', `${INSIDE.node}/bin/npx`],
  ];
}

async function checkout(job: Job): Promise<Options> {
  const options = [['--bind', job.directory, INSIDE.checkout]];
  for (const { from, at } of job.mounts) {
    options.push(['--ro-bind', from, `${INSIDE.checkout}/${at}`]);
    if (!at.endsWith('node_modules')) continue;
    for (const cache of CACHES) {
      const there = await lstat(join(from, cache)).catch(() => null);
      if (there?.isDirectory() === true) options.push(['--size', String(256 * MEGABYTE), '--tmpfs', `${INSIDE.checkout}/${at}/${cache}`]);
    }
  }
  return options;
}

/** What a process may reserve beyond its memory without using it: Node alone reserves 570 MB at its start. Use is watched for the whole tree. */
const RESERVED = 1_024 * MEGABYTE;

/** Limits of each process; RLIMIT_AS would break WebAssembly. */
function limited(job: Job): readonly string[] {
  const data = job.memoryMegabytes * MEGABYTE + RESERVED;
  const command = shell(job.run, job.args);
  const cpu = Math.ceil(job.seconds * availableParallelism()) + 1;
  return [
    '--',
    'prlimit',
    `--data=${data}`,
    `--fsize=${1_024 * MEGABYTE}`,
    `--cpu=${cpu}`,
    '--nofile=8192',
    '--nproc=512',
    '--core=0',
    '--',
    ...(job.egress === null ? command : bridged(`${INSIDE.node}/bin/node`, command)),
  ];
}
