import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { Readable, Writable } from 'node:stream';
import { duration } from '../domain/amounts.ts';
import { ConvergeError } from '../domain/errors.ts';
import type { CommandResult } from './commands.ts';
import type { Launch } from './confinement.ts';
import type { DiskWatch } from './disk-watch.ts';
import { Output } from './output.ts';
import { processTree } from './process-tree.ts';
import type { MemoryWatch } from './process-tree.ts';

export interface Limits {
  readonly seconds: number;
  readonly memoryMegabytes: number;
  readonly watch: MemoryWatch;
  readonly disk: { readonly watch: DiskWatch; readonly directories: readonly string[]; readonly megabytes: number };
  readonly signal?: AbortSignal | undefined;
}

const MEGABYTE = 1_048_576;

/** How long output is awaited after a command has ended while something still holds its pipe, in milliseconds. */
const DRAIN = 1_000;

const TOLD: Readonly<Record<Exclude<CommandResult['ended'], 'exit'>, (limits: Limits) => string>> = {
  timeout: ({ seconds }) => `ended after its limit of ${duration(seconds)}`,
  memory: ({ memoryMegabytes }) => `ended at its limit of ${memoryMegabytes} MB of memory or 1,024 processes`,
  disk: ({ disk }) => `ended after writing more than its limit of ${disk.megabytes} MB to disk, or a million files`,
  output: () => 'ended after 64 MB of output',
  aborted: () => 'ended because Converge no longer needs it',
};

/** Signals by which a machine or a person ends programs, this one perhaps among them: none of them says anything of the command. */
const FROM_OUTSIDE: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP'];

/** Whether the command, or what it ran last, was ended by such a signal: then that is how a shell tells it. A command may also mean this exit code itself. */
export function seemsInterrupted({ ended, exitCode }: CommandResult): boolean {
  return ended === 'exit' && FROM_OUTSIDE.some((signal) => exitCode === 128 + constants.signals[signal]);
}

/** Says nothing of the command; the same may do well when it is run again. */
export function interrupted(signal: string): ConvergeError {
  return new ConvergeError('sandbox', `The command was ended from outside by ${signal} before it had done its work.`, { retry: 'later' });
}

/**
 * Starts a process and waits for its end or a limit; then nothing of its tree is left. ConvergeError of kind `sandbox` when it could not be started,
 * and (`retry: later`) when somebody else's signal ended the sandbox.
 */
export async function execute(launch: Launch, limits: Limits): Promise<CommandResult> {
  if (limits.signal?.aborted === true) return { ok: false, exitCode: 137, output: '', ended: 'aborted' };
  const child = spawn(launch.file, launch.args, {
    cwd: launch.directory,
    env: launch.environment,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', ...launch.inputs.map(() => 'pipe' as const)],
  });
  for (const [index, text] of launch.inputs.entries()) feed(child, 4 + index, text);
  const output = new Output();
  const status = collect(child, 3);
  const errors = collect(child, 2);
  let ended: CommandResult['ended'] = 'exit';
  const end = (why: CommandResult['ended']): void => {
    if (ended === 'exit') ended = why;
    void killTree(child.pid);
  };
  child.stdout?.on('data', (piece: Buffer) => {
    if (!output.add(piece)) end('output');
  });
  const timer = setTimeout(() => end('timeout'), limits.seconds * 1_000);
  const unwatch = child.pid === undefined ? undefined : watched(child.pid, limits, end);
  const abort = (): void => end('aborted');
  limits.signal?.addEventListener('abort', abort);
  try {
    const { code, killed } = await finished(child);
    return resultOf({ launch, limits, ended, code, killed, output: output.text(), status: status(), errors: errors() });
  } finally {
    clearTimeout(timer);
    unwatch?.();
    limits.signal?.removeEventListener('abort', abort);
  }
}

function watched(pid: number, { watch, memoryMegabytes, disk }: Limits, end: (why: 'memory' | 'disk') => void): () => void {
  const { directories, megabytes } = disk;
  const ends = [
    watch.watch(pid, memoryMegabytes * MEGABYTE, () => end('memory')),
    disk.watch.watch({ pid, directories, limit: megabytes * MEGABYTE, over: () => end('disk') }),
  ];
  return () => {
    for (const unwatch of ends) unwatch();
  };
}

interface Ending {
  readonly launch: Launch;
  readonly limits: Limits;
  readonly ended: CommandResult['ended'];
  readonly code: number;
  /** The signal that ended the process itself. */
  readonly killed: NodeJS.Signals | null;
  readonly output: string;
  readonly status: string;
  readonly errors: string;
}

function resultOf({ launch, limits, ended, code, killed, output, status, errors }: Ending): CommandResult {
  if (ended !== 'exit') {
    const told = `converge: ${TOLD[ended](limits)}`;
    return { ok: false, exitCode: ended === 'timeout' ? 124 : 137, output: output === '' ? told : `${output}\n${told}`, ended };
  }
  const told = /"exit-code"\s*:\s*(\d+)/u.exec(status)?.[1];
  // This is the process of the sandbox itself, which no command can reach.
  if (launch.tellsStart && told === undefined && killed !== null) throw interrupted(killed);
  if (launch.tellsStart && told === undefined) {
    throw new ConvergeError(
      'sandbox',
      `The command could not be started in the sandbox: ${errors.trim().slice(0, 500) || `bubblewrap ended with exit code ${code}`}`,
      {
        detail: errors,
      },
    );
  }
  const exitCode = told === undefined ? code : Number(told);
  // What the shell itself or the limits' program say goes to the other stream.
  return { ok: exitCode === 0, exitCode, output: output + errors, ended };
}

/** Waits for the exit, ends what the command left behind, and then for the rest of its output. */
async function finished(child: ChildProcess): Promise<Pick<Ending, 'code' | 'killed'>> {
  const { promise, resolve, reject } = Promise.withResolvers<Pick<Ending, 'code' | 'killed'>>();
  const closed = new Promise<void>((done) => child.once('close', () => done()));
  child.once('error', (error) => {
    reject(new ConvergeError('sandbox', `The command could not be started: ${error.message}`, { cause: error }));
  });
  child.once('exit', (code, signal) => resolve({ code: code ?? 128 + constants.signals[signal ?? 'SIGKILL'], killed: signal }));
  const end = await promise;
  await killTree(child.pid);
  const timer = setTimeout(() => {
    for (const stream of child.stdio) stream?.destroy();
  }, DRAIN);
  await closed;
  clearTimeout(timer);
  return end;
}

/** Ends a process, its group and its descendants, also those that left the group while their parents lived. */
async function killTree(pid: number | undefined): Promise<void> {
  if (pid === undefined) return;
  const tree = await processTree(pid);
  for (const target of [-pid, ...tree]) kill(target);
}

function kill(target: number): void {
  try {
    process.kill(target, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

function collect(child: ChildProcess, descriptor: number): () => string {
  const stream = child.stdio[descriptor];
  let text = '';
  if (stream instanceof Readable) {
    stream.on('data', (piece: Buffer) => {
      text = `${text}${piece.toString('utf8')}`.slice(0, 65_536);
    });
    stream.on('error', () => undefined);
  }
  return () => text;
}

function feed(child: ChildProcess, descriptor: number, text: string): void {
  const stream = child.stdio[descriptor];
  if (!(stream instanceof Writable)) return;
  // A process that ended before it read this is told by its exit.
  stream.on('error', () => undefined);
  stream.end(text);
}
