import { Worker } from 'node:worker_threads';
import type { ScriptLimits } from './protocol.ts';
import type { FromGuest, ToGuest, WorkerBoot } from './worker-messages.ts';

/** What the slices of one message did; `silent`: the thread did not come back in time and was killed; `gone`: it died, which only its own memory limit does to it. */
export type Slice = FromGuest | 'silent' | 'gone';

export interface Thread {
  /** Runs the slices of one message; one message at a time. Rejects only when the thread cannot work at all, which is never the script's fault. */
  step(message: ToGuest): Promise<Slice>;
  stop(): Promise<void>;
  /** False once it did not start in time, or is gone. */
  lives(): boolean;
}

/** Where threads for scripts come from. */
export interface Threads {
  take(): Thread;
}

/**
 * Threads of which one is always started ahead: a script waits for its thread longer than most compute in all. While one is at work there is no other ahead, so that waiting
 * costs no memory where it is needed.
 */
export function threadsAhead(boot: WorkerBoot): Threads & { close(): Promise<void> } {
  // Where none can be started now, whoever needs one is told when it does.
  const begin = (): Thread | null => {
    try {
      return startThread(boot);
    } catch {
      return null;
    }
  };
  let ahead = begin();
  let closed = false;
  return {
    take: () => {
      const spare = ahead;
      ahead = null;
      const taken = spare?.lives() === true ? spare : startThread(boot);
      if (taken !== spare) void spare?.stop();
      return {
        step: (message) => taken.step(message),
        lives: () => taken.lives(),
        stop: async () => {
          await taken.stop();
          if (!closed) ahead ??= begin();
        },
      };
    },
    close: async () => {
      closed = true;
      const last = ahead;
      ahead = null;
      await last?.stop();
    },
  };
}

/** Beats that a thread may take to start on a busy machine. */
const START_BEATS = 120;

/**
 * Starts the script's thread: without environment, with a small heap of its own, and under a heartbeat, since no interpreter's own timeout stops every native built-in
 * (facts/sandbox.md §1). Beats are counted instead of reading a clock: a host that was busy itself must not take its thread for silent.
 */
export function startThread(boot: WorkerBoot): Thread {
  const worker = new Worker(new URL('worker.js', import.meta.url), {
    workerData: boot,
    env: {},
    execArgv: [],
    stdout: true,
    stderr: true,
    // Node's flag in `npm start` lifts the young generation's to 48 MB: 185 MB in all instead of 147.
    resourceLimits: { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 8, stackSizeMb: 4 },
  });
  const answers = new Answers();
  worker.on('message', (message: FromGuest | 'ready') => answers.give(message));
  worker.on('error', (error) => answers.give(outOfMemory(error) ? 'gone' : error));
  worker.on('exit', () => answers.give('gone'));
  const ready = answers.take(boot.limits.heartbeatMs, START_BEATS);
  // One that nobody took yet keeps no process alive.
  worker.unref();
  let lives = true;
  void ready.then((state) => (lives = state === 'ready'));
  worker.once('exit', () => (lives = false));
  return {
    step: async (message) => {
      worker.ref();
      const state = await ready;
      if (state instanceof Error) throw state;
      if (state !== 'ready') return state;
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      worker.postMessage(message);
      const answer = await answers.take(boot.limits.heartbeatMs, beatsOf(boot.limits));
      if (answer instanceof Error) throw answer;
      return answer === 'ready' ? 'gone' : answer;
    },
    stop: async () => {
      await worker.terminate();
    },
    lives: () => lives,
  };
}

function beatsOf(limits: ScriptLimits): number {
  return Math.ceil((limits.sliceMs + limits.silenceMs) / limits.heartbeatMs);
}

function outOfMemory(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
}

type Answer = FromGuest | 'ready' | 'silent' | 'gone' | Error;

/** The next answer of a thread, or `silent` after so many beats. A thread that is gone stays gone. */
class Answers {
  #dead: 'gone' | Error | null = null;
  #waiting: ((answer: Answer) => void) | null = null;

  give(answer: FromGuest | 'ready' | 'gone' | Error): void {
    if (answer === 'gone' || answer instanceof Error) this.#dead ??= answer;
    this.#waiting?.(answer);
  }

  take(beatMs: number, beats: number): Promise<Answer> {
    const { promise, resolve } = Promise.withResolvers<Answer>();
    if (this.#dead !== null) return Promise.resolve(this.#dead);
    let left = beats;
    const heart = setInterval(() => {
      left -= 1;
      if (left <= 0) this.#waiting?.('silent');
    }, beatMs);
    // The thread itself keeps the process alive.
    heart.unref();
    this.#waiting = (answer) => {
      clearInterval(heart);
      this.#waiting = null;
      resolve(answer);
    };
    return promise;
  }
}
