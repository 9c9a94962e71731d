import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { ConvergeError } from '../domain/errors.ts';
import { plumbingEnvironment } from './environment.ts';
import { startError } from './spawn.ts';
import type { GitPlace } from './spawn.ts';

export interface StoredObject {
  readonly type: string;
  readonly bytes: Buffer;
}

interface Pending {
  readonly id: string;
  readonly resolve: (found: StoredObject | null) => void;
  readonly reject: (error: Error) => void;
  restarts: number;
}

/** Reads objects through one long-lived `git cat-file --batch`; it is started when needed and again when it died. */
export class CatFile {
  readonly #place: GitPlace;
  #child: ChildProcessWithoutNullStreams | null = null;
  #queue: Pending[] = [];
  #pieces: Buffer[] = [];
  #buffered = 0;
  /** Bytes that must be there before the next answer can be read; 0 while its first line is awaited. */
  #awaited = 0;
  #closed = false;

  constructor(place: GitPlace) {
    this.#place = place;
  }

  /** The object, or null when it is not in the repository. */
  async read(id: string): Promise<StoredObject | null> {
    if (this.#closed) throw new ConvergeError('git', 'The mirror is closed: this process is stopping.', { retry: 'later' });
    if (!/^[0-9a-f]{40}$/u.test(id)) throw new ConvergeError('git', `An object id has 40 hex digits; found \`${id.slice(0, 80)}\`.`);
    const { promise, resolve, reject } = Promise.withResolvers<StoredObject | null>();
    const pending = { id, resolve, reject, restarts: 0 };
    this.#queue.push(pending);
    const child = this.#child ?? this.#start();
    child.stdin.write(`${id}\n`);
    return promise;
  }

  /** Ends the process; reads in flight end in an error. */
  async close(): Promise<void> {
    this.#closed = true;
    const child = this.#child;
    if (child === null) return;
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.stdin.end();
    child.kill();
    await ended;
  }

  #start(): ChildProcessWithoutNullStreams {
    const child = spawn('git', ['cat-file', '--batch'], {
      cwd: this.#place.directory,
      env: { ...plumbingEnvironment(this.#place.searchPath), GIT_DIR: this.#place.directory },
      stdio: 'pipe',
    });
    let told = '';
    child.stderr.on('data', (piece: Buffer) => {
      told = `${told}${piece.toString('utf8')}`.slice(-4_096);
    });
    child.stdin.on('error', () => undefined);
    child.stdout.on('data', (piece: Buffer) => {
      this.#pieces.push(piece);
      this.#buffered += piece.length;
      this.#settle();
    });
    child.once('error', (error) => {
      this.#ended(child, startError(error, this.#place));
    });
    child.once('close', () => {
      this.#ended(
        child,
        new ConvergeError('git', 'git ended while it was reading objects of the mirror.', { detail: told, retry: 'later' }),
      );
    });
    this.#child = child;
    return child;
  }

  /** A process that died is started once more for each read that waited for it. */
  #ended(child: ChildProcessWithoutNullStreams, error: ConvergeError): void {
    if (this.#child !== child) return;
    this.#child = null;
    this.#pieces = [];
    this.#buffered = 0;
    this.#awaited = 0;
    const waiting = this.#queue;
    this.#queue = [];
    for (const pending of waiting) {
      pending.restarts += 1;
      if (this.#closed || pending.restarts > 1) pending.reject(error);
      else {
        this.#queue.push(pending);
        (this.#child ?? this.#start()).stdin.write(`${pending.id}\n`);
      }
    }
  }

  #settle(): void {
    while (this.#queue.length > 0 && this.#buffered > 0 && this.#buffered >= this.#awaited) {
      const buffer = this.#pieces.length === 1 && this.#pieces[0] !== undefined ? this.#pieces[0] : Buffer.concat(this.#pieces);
      this.#pieces = [buffer];
      const line = buffer.indexOf(0x0a);
      if (line === -1) return;
      const [, type = '', size] = buffer.toString('latin1', 0, line).split(' ');
      const end = size === undefined ? line + 1 : line + 1 + Number(size) + 1;
      if (buffer.length < end) {
        this.#awaited = end;
        return;
      }
      this.#awaited = 0;
      this.#pieces = [buffer.subarray(end)];
      this.#buffered = buffer.length - end;
      const found = size === undefined ? null : { type, bytes: Buffer.from(buffer.subarray(line + 1, end - 1)) };
      this.#queue.shift()?.resolve(found);
    }
  }
}
