import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { ConvergeError } from '../domain/errors.ts';

/** What the thread is asked; `replacement` as in String.replace, null when only a match is asked for. */
export interface RegexQuestion {
  readonly pattern: string;
  readonly flags: string;
  readonly text: string;
  readonly replacement: string | null;
}

export interface RegexAnswer {
  readonly matches: boolean;
  readonly replaced: string | null;
}

/** Regular expressions of a model, asked in a thread that is ended when it has computed on one for longer than `milliseconds`. */
export interface BoundedRegex {
  /** `on` names the text in the error. Ends in a ConvergeError of kind `plan` for a pattern that does not compile or does not end. */
  ask(question: RegexQuestion, on: string): Promise<RegexAnswer>;
  close(): Promise<void>;
}

/** Files are bounded in size, so that an honest expression is done in a fraction of it. */
const PRODUCTION_MILLISECONDS = 2_000;
/** Stateful flags would make an answer depend on the one before. */
const FLAGS = /^[imsuv]*$/u;

/** Why a pattern or its flags cannot be used, in words; null when they can. */
function regexFault(pattern: string, flags: string): string | null {
  if (!FLAGS.test(flags)) return `Found the flags "${flags}", expected some of i, m, s, u, v.`;
  try {
    RegExp(pattern, flags);
    return null;
  } catch (error) {
    return `Found the regular expression /${pattern}/${flags}, which does not compile: ${error instanceof Error ? error.message : String(error)}.`;
  }
}

/** What a thread has computed so far, in milliseconds. The clock would also count what a busy machine gave to others. */
const computedBy = async (thread: Worker): Promise<number> => {
  const { user, system } = await thread.cpuUsage();
  return (user + system) / 1000;
};

export function openBoundedRegex(milliseconds = PRODUCTION_MILLISECONDS, computed = computedBy): BoundedRegex {
  let thread: Worker | null = null;
  let queue: Promise<unknown> = Promise.resolve();

  const start = async (): Promise<Worker> => {
    const worker = new Worker(new URL('regex-worker.ts', import.meta.url), {
      env: {},
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: 256 },
    });
    // Not a part of any question's time: a busy machine may take long to start a thread.
    await once(worker, 'online');
    worker.unref();
    return worker;
  };

  /** True when the thread has computed for that long from now on; false when it is over before. */
  const passed = async (worker: Worker, over: AbortSignal): Promise<boolean> => {
    const before = await computed(worker);
    for (let left = milliseconds; left > 0 && !over.aborted; left = milliseconds - ((await computed(worker)) - before))
      await pause(left, over);
    return !over.aborted;
  };

  const askNow = async (question: RegexQuestion, on: string): Promise<RegexAnswer> => {
    const worker = (thread ??= await start());
    const { promise, resolve, reject } = Promise.withResolvers<RegexAnswer>();
    const over = new AbortController();
    const broken = (error: unknown): void =>
      reject(new ConvergeError('plan', `The regular expression /${question.pattern}/${question.flags} failed on ${on}: ${String(error)}.`));
    worker.once('message', resolve).once('error', broken).postMessage(question, []);
    passed(worker, over.signal).then((long) => long && reject(tooLong(question, { on, milliseconds })), broken);
    try {
      return await promise;
    } catch (error) {
      thread = null;
      await worker.terminate();
      throw error;
    } finally {
      over.abort();
      worker.off('message', resolve).off('error', broken);
    }
  };

  return {
    async ask(question, on) {
      const fault = regexFault(question.pattern, question.flags);
      if (fault !== null) throw new ConvergeError('plan', fault);
      const answer = queue.then(() => askNow(question, on));
      queue = answer.catch(() => undefined);
      return answer;
    },
    async close() {
      await queue;
      await thread?.terminate();
      thread = null;
    },
  };
}

/** Ends early, and never rejects, when it is over. */
async function pause(ms: number, over: AbortSignal): Promise<void> {
  await setTimeout(Math.max(ms, 1), undefined, { signal: over }).catch(() => undefined);
}

function tooLong(question: RegexQuestion, facts: { readonly on: string; readonly milliseconds: number }): ConvergeError {
  return new ConvergeError(
    'plan',
    `The regular expression /${question.pattern}/${question.flags} did not end on ${facts.on} within ${facts.milliseconds / 1000} s. ` +
      'Expected one without nested or overlapping repetition, such as (a+)+ or .*.*.',
  );
}
