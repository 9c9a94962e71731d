import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { ConvergeError, messageOf } from '../domain/errors.ts';
import { DEFAULT_SEARCH_PATH } from '../git/environment.ts';
import { bubblewrap } from './bubblewrap.ts';
import type { Host } from './bubblewrap.ts';
import type { CommandResult } from './commands.ts';
import { INSTALL, kernelFacts, missingPart } from './diagnosis.ts';
import { DiskWatch } from './disk-watch.ts';
import { execute } from './execute.ts';
import { MemoryWatch } from './process-tree.ts';

export type ProbeResult =
  | {
      readonly kind: 'bubblewrap';
      readonly version: string;
      readonly caveats: readonly string[];
      readonly host: Host;
      /** For the operator's log. */ readonly warnings: readonly string[];
    }
  | { readonly kind: 'missing'; /** Which part, and what to do. */ readonly why: string };

/**
 * Runs the real arguments with a script that tries what must not work: the network, another's files, the environment. Anything but a complete success is `missing`
 * with its reason; nothing falls back to a weaker way by itself.
 */
export async function probeConfinement(searchPath: string = DEFAULT_SEARCH_PATH): Promise<ProbeResult> {
  const version = await versionOf(searchPath);
  if (version === null) return { kind: 'missing', why: `\`bwrap\` was not found. ${INSTALL}` };
  const root = process.getuid?.() === 0;
  const caveats = root
    ? ['Converge runs as root, so the limit of processes for each command is void; it is ended when it passes 1,024 of them']
    : [];
  const strict: Host = { disableUserNamespaces: true, searchPath, caveats };
  const loose: Host = {
    ...strict,
    disableUserNamespaces: false,
    caveats: [...caveats, 'this bubblewrap cannot forbid further user namespaces to commands'],
  };
  let why = '';
  for (const host of [strict, loose]) {
    why = await attempt(host);
    if (why === '')
      return { kind: 'bubblewrap', version, caveats: host.caveats, host, warnings: olderThan(version, 12) ? [OLD(version)] : [] };
  }
  return { kind: 'missing', why };
}

const OLD = (version: string): string =>
  `bubblewrap ${version} is older than 0.12.0 (CVE-2026-87766: links below writable mounts). Converge mounts nothing on a link, but update it when your distribution does.`;

function olderThan(version: string, minor: number): boolean {
  const [, first = '0', second = '0'] = /^(\d+)\.(\d+)/u.exec(version) ?? [];
  return Number(first) === 0 && Number(second) < minor;
}

/** Empty when everything holds; else what does not, in words. */
async function attempt(host: Host): Promise<string> {
  const scratch = await scratchDirectory();
  if ('why' in scratch) return scratch.why;
  return attemptIn(scratch.path, host);
}

async function scratchDirectory(): Promise<{ readonly path: string } | { readonly why: string }> {
  try {
    return { path: await mkdtemp(join(tmpdir(), 'converge-probe-')) };
  } catch (error) {
    const what = `No temporary directory can be made, so no command can be confined: ${messageOf(error)}`;
    return { why: `${what}. Make room in ${tmpdir()}, or set TMPDIR to a directory that Converge may write to.` };
  }
}

async function attemptIn(scratch: string, host: Host): Promise<string> {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? String(address.port) : '0';
  try {
    await mkdir(join(scratch, 'checkout'));
    const job = {
      directory: join(scratch, 'checkout'),
      scratch,
      run: 'exec node -e "$1" "$2" "$3"',
      args: [SCRIPT, port, scratch],
      mounts: [],
      egress: null,
      seconds: 30,
      memoryMegabytes: 1_024,
    };
    const disk = { watch: new DiskWatch(), directories: [job.directory], megabytes: 64 };
    const limits = { seconds: job.seconds, memoryMegabytes: job.memoryMegabytes, watch: new MemoryWatch(), disk };
    return judge(await execute(await bubblewrap(host).launch(job), limits));
  } catch (error) {
    const told = error instanceof ConvergeError ? `${error.message} ${error.detail ?? ''}` : messageOf(error);
    return missingPart(told, await kernelFacts());
  } finally {
    server.close();
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Tells each thing that a confined command could do and must not. */
const SCRIPT = `
const fs = require('node:fs'), net = require('node:net');
const [port, outside] = process.argv.slice(1);
const faults = [];
for (const path of ['/usr/probe', '/etc/probe', '/probe']) { try { fs.writeFileSync(path, ''); faults.push('write ' + path); } catch {} }
if (fs.existsSync(outside)) faults.push('see ' + outside);
if (fs.existsSync('/root') || fs.readdirSync('/home').length > 1) faults.push('see the home directories of the machine');
if (Object.keys(process.env).some((name) => !['PATH','HOME','USER','TMPDIR','LANG','CI','NO_COLOR','PWD','OLDPWD','SHLVL','_'].includes(name))) faults.push('see the environment of Converge');
if (fs.readdirSync('/proc').filter((name) => Number(name) > 0).length > 8) faults.push('see processes of the machine');
fs.writeFileSync('probe', '');
const done = (fault) => { if (fault) faults.push(fault); console.log(JSON.stringify(faults)); process.exit(faults.length ? 1 : 0); };
const socket = net.connect(Number(port), '127.0.0.1');
socket.on('connect', () => done('reach the network of the machine')).on('error', () => done());
`;

function judge(result: CommandResult): string {
  if (result.ok) return '';
  const faults = /^\[.*\]$/mu.exec(result.output)?.[0];
  const what =
    faults === undefined
      ? `its probe ended with exit code ${result.exitCode}: ${result.output.trim().slice(0, 300)}`
      : `inside of it a command could ${faults}`;
  return `bubblewrap is installed but does not confine commands here: ${what}. Set SANDBOX=none only if you trust every repository.`;
}

async function versionOf(searchPath: string): Promise<string | null> {
  const { promise, resolve } = Promise.withResolvers<string | null>();
  const child = spawn('bwrap', ['--version'], { env: { PATH: searchPath }, stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  child.stdout.on('data', (piece: Buffer) => {
    text += piece.toString('utf8');
  });
  child.once('error', () => resolve(null));
  child.once('close', () => resolve(/(\d+\.\d+\S*)/u.exec(text)?.[1] ?? null));
  return promise;
}
