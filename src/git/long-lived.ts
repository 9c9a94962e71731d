import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { ConvergeError } from '../domain/errors.ts';
import { plumbingEnvironment } from './environment.ts';
import { endError, startError } from './spawn.ts';
import type { GitPlace } from './spawn.ts';

/** How to talk to a git that answers its input line by line, in order. */
export interface Talk<Answer> {
  readonly args: readonly string[];
  /** What stands after questions that were asked together. */
  readonly flush: string;
  /**
   * The first answer in what git said, and how many bytes it takes; null while it is not whole. The bytes are overwritten later, so that an answer must not keep them.
   * `seen`: so many of them were there at the last look, in vain.
   */
  readonly take: (said: Buffer, seen: number) => { readonly answer: Answer; readonly length: number } | null;
  /** Answers after which another process is started, for a git that keeps what it read. */
  readonly most: number;
}

interface Pending<Answer> {
  readonly question: string;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
  /** Processes that died over it. */
  deaths: number;
}

/** Asks one long-lived git process; it is started when needed and again when it died: starting one costs more than hundreds of answers. */
export class LongLived<Answer> {
  readonly #place: GitPlace;
  readonly #talk: Talk<Answer>;
  readonly #said = new Said();
  readonly #queue: Pending<Answer>[] = [];
  /** So many of the queue were sent to this process. */
  #sent = 0;
  #answered = 0;
  #child: ChildProcessWithoutNullStreams | null = null;
  #closed = false;

  constructor(place: GitPlace, talk: Talk<Answer>) {
    this.#place = place;
    this.#talk = talk;
  }

  /** `question`: whole lines, each with its newline (git drops a last one without). */
  async ask(question: string): Promise<Answer> {
    if (this.#closed) throw closedError();
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    this.#queue.push({ question, resolve, reject, deaths: 0 });
    // After all that is asked in this turn, in one write.
    if (this.#queue.length === this.#sent + 1) process.nextTick(() => this.#send());
    return promise;
  }

  /** Ends the process; questions that wait for it end in an error. */
  async close(): Promise<void> {
    this.#closed = true;
    const child = this.#child;
    if (child?.pid === undefined) return;
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.stdin.end();
    child.kill();
    await ended;
  }

  #send(): void {
    if (this.#closed) for (const { reject } of this.#queue.splice(this.#sent)) reject(closedError());
    if (this.#queue.length === this.#sent) return;
    const child = this.#child ?? this.#start();
    if (child.pid === undefined) return;
    const questions = this.#queue.slice(this.#sent).map(({ question }) => question);
    child.stdin.write([...questions, this.#talk.flush].join(''));
    this.#sent = this.#queue.length;
  }

  #start(): ChildProcessWithoutNullStreams {
    const child = spawn('git', this.#talk.args, {
      cwd: this.#place.directory,
      env: { ...plumbingEnvironment(this.#place.searchPath), GIT_DIR: this.#place.directory },
      stdio: 'pipe',
    });
    this.#child = child;
    this.#answered = 0;
    // Without a free file descriptor there is a child without pipes, and the event that says so.
    if (child.pid === undefined) {
      child.once('error', (error) => this.#notStarted(startError(error, this.#place)));
      return child;
    }
    let told = '';
    child.stderr.on('data', (piece: Buffer) => {
      told = `${told}${piece.toString('utf8')}`.slice(-4_096);
    });
    child.stdin.on('error', () => undefined);
    child.stdout.on('data', (piece: Buffer) => {
      if (this.#child !== child) return;
      this.#said.add(piece);
      this.#settle();
    });
    child.once('error', (error) => this.#ended(child, startError(error, this.#place)));
    child.once('close', (exitCode, signal) => {
      this.#ended(child, endError(this.#place, this.#talk.args, { exitCode, signal, stderr: told, retry: 'later' }));
    });
    return child;
  }

  /** Nothing was sent, and another start in the same moment would end the same. */
  #notStarted(error: ConvergeError): void {
    this.#child = null;
    for (const { reject } of this.#queue.splice(0)) reject(error);
  }

  #settle(): void {
    for (let first = this.#queue[0]; first !== undefined; first = this.#queue[0]) {
      const found = this.#said.take(this.#talk.take);
      if (found === null) return;
      this.#queue.shift();
      this.#sent -= 1;
      this.#answered += 1;
      first.resolve(found);
    }
    if (this.#answered < this.#talk.most) return;
    this.#child?.stdin.end();
    this.#child = null;
  }

  /** What the process died over is asked once more; what only stood behind it is not to blame. */
  #ended(child: ChildProcessWithoutNullStreams, error: ConvergeError): void {
    if (this.#child !== child) return;
    this.#child = null;
    this.#said.clear();
    this.#sent = 0;
    const first = this.#queue[0];
    if (first !== undefined && (first.deaths += 1) > 1) {
      this.#queue.shift();
      first.reject(error);
    }
    this.#send();
  }
}

const ROOM = 64 * 1_024;

/** What a process said and nobody took yet. Grows by doubling, so that an answer of many pieces is not copied for each of them. */
class Said {
  #bytes = Buffer.allocUnsafe(ROOM);
  #from = 0;
  #to = 0;
  #seen = 0;

  add(piece: Buffer): void {
    if (this.#to + piece.length > this.#bytes.length) {
      const held = this.#to - this.#from;
      const into = (held + piece.length) * 2 > this.#bytes.length ? Buffer.allocUnsafe((held + piece.length) * 2) : this.#bytes;
      this.#bytes.copy(into, 0, this.#from, this.#to);
      this.#bytes = into;
      [this.#from, this.#to] = [0, held];
    }
    this.#to += piece.copy(this.#bytes, this.#to);
  }

  take<Answer>(take: Talk<Answer>['take']): Answer | null {
    if (this.#from === this.#to) return null;
    const found = take(this.#bytes.subarray(this.#from, this.#to), this.#seen);
    this.#seen = found === null ? this.#to - this.#from : 0;
    if (found === null) return null;
    this.#from += found.length;
    if (this.#from === this.#to) this.clear();
    return found.answer;
  }

  clear(): void {
    if (this.#bytes.length > ROOM * 16) this.#bytes = Buffer.allocUnsafe(ROOM);
    [this.#from, this.#to, this.#seen] = [0, 0, 0];
  }
}

function closedError(): ConvergeError {
  return new ConvergeError('git', 'The mirror is closed: this process is stopping.', { retry: 'later' });
}
