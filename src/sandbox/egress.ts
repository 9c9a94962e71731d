import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { ConvergeError } from '../domain/errors.ts';

/** What stands at this place inside of the sandbox, and the port on its own loopback through which programs reach it. */
export const EGRESS = { socket: '/run/converge/egress.sock', port: 3128 } as const;

/** Longest time until the proxy listens, in milliseconds. */
const START = 20_000;

const Line = z.union([z.object({ ready: z.literal(true) }), z.object({ refused: z.string() })]);

/** A way out to some hosts, for one command. */
export interface Egress {
  /** A socket of this machine that a filtering proxy listens on. */
  readonly socket: string;
  /** Hosts that were asked for and refused so far, as `host:port`. */
  readonly refused: () => readonly string[];
}

/** Opens a way out to these hosts alone while `use` goes on. ConvergeError of kind `sandbox` when it cannot be opened. */
export async function withEgress<T>(hosts: readonly string[], use: (egress: Egress) => Promise<T>): Promise<T> {
  // Not below the data directory: the path of a socket holds 107 bytes at most.
  const directory = await mkdtemp(join(tmpdir(), 'converge-egress-'));
  const socket = join(directory, 'proxy.sock');
  const program = fileURLToPath(new URL('egress-process.ts', import.meta.url));
  const child = spawn(process.execPath, [program, socket, ...hosts], { cwd: directory, env: {}, stdio: ['pipe', 'pipe', 'pipe'] });
  const refused: string[] = [];
  const errors: string[] = [];
  child.stderr.on('data', (piece: Buffer) => errors.push(piece.toString('utf8')));
  child.stdin.on('error', () => undefined);
  try {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(unopened('it does not answer')), START);
      child.once('error', (error) => reject(unopened(error.message)));
      child.once('exit', () => reject(unopened(errors.join('').trim().slice(-500))));
      createInterface(child.stdout).on('line', (text) => {
        const line = Line.parse(JSON.parse(text));
        if ('refused' in line) refused.push(line.refused);
        else resolve();
      });
      child.once('exit', () => clearTimeout(timer));
    });
    return await use({ socket, refused: () => refused });
  } finally {
    child.kill('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  }
}

function unopened(why: string): ConvergeError {
  return new ConvergeError('sandbox', `The way out to the hosts of SETUP_NETWORK could not be opened: ${why}`);
}

/** What programs are told of the way out: Node's own fetch uses it only when it is told to, and trusts the machine's certificates only when it is told to. */
export const EGRESS_ENVIRONMENT: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy'].map((name) => [name, `http://127.0.0.1:${EGRESS.port}`]),
  ),
  NO_PROXY: 'localhost,127.0.0.1,::1',
  no_proxy: 'localhost,127.0.0.1,::1',
  NODE_USE_ENV_PROXY: '1',
  NODE_USE_SYSTEM_CA: '1',
};

/** Carries connections from the sandbox's own loopback to the socket while the command that follows runs; ends as it does. */
const BRIDGE = `
const net = require('node:net'), { spawn } = require('node:child_process'), { constants } = require('node:os');
const [file, ...args] = process.argv.slice(1);
net.createServer((inner) => {
  const outer = net.connect('${EGRESS.socket}');
  const end = () => { inner.destroy(); outer.destroy(); };
  for (const side of [inner, outer]) side.on('error', end).on('close', end);
  inner.pipe(outer).pipe(inner);
}).listen(${EGRESS.port}, '127.0.0.1', () => {
  const child = spawn(file, args, { stdio: 'inherit' });
  child.on('error', (error) => { console.error(String(error)); process.exit(126); });
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
});
`;

/** The command with its bridge. Our own descriptors are not handed on to it: what runs beside a command can be looked into by it. */
export function bridged(node: string, command: readonly string[]): readonly string[] {
  return ['/bin/sh', '-c', 'exec "$0" "$@" 3>&- 4>&- 5>&- 6>&-', node, '-e', BRIDGE, ...command];
}
