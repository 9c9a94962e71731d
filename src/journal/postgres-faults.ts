import { setTimeout as wait } from 'node:timers/promises';

import { ConvergeError, messageOf } from '../domain/errors.ts';

/** Of the connection or of a server that starts, stops or is full, by SQLSTATE: the same statement may succeed on another connection. */
const STATES = /^(08...|57P0[1235]|57014|25P03|53300|40001|40P01)$/u;

const SYSTEM = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EAI_AGAIN',
  'ENOENT',
]);

const WORDS =
  /Connection terminated|connection error and is not queryable|Client was closed|timeout exceeded|Query read timeout|timeout expired/u;

/** Whether the connection was lost, or the server cannot serve now. What became of a commit under way is then unknown. */
export function isFault(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  if (thrown instanceof AggregateError && thrown.errors.some(isFault)) return true;
  if ('code' in thrown && typeof thrown.code === 'string') return STATES.test(thrown.code) || SYSTEM.has(thrown.code);
  return WORDS.test(thrown.message);
}

/** For how many milliseconds a server that cannot be reached is tried again, e.g. while it is restarted. */
export const PATIENCE_MS = 60_000;

/** Tries again, on a new connection, until it is answered or patience is over. `attempt` must bear to be made again. */
export async function throughFaults<T>(attempt: () => Promise<T>, patienceMs = PATIENCE_MS): Promise<T> {
  const end = Date.now() + patienceMs;
  for (let pause = 20; ; pause = Math.min(2 * pause, 1000)) {
    try {
      return await attempt();
    } catch (thrown) {
      if (!isFault(thrown) || Date.now() + pause > end) throw thrown;
      await wait(pause);
    }
  }
}

export function unanswered(thrown: unknown): ConvergeError {
  if (thrown instanceof ConvergeError) return thrown;
  return new ConvergeError(
    'journal',
    `The journal's Postgres did not do what it was asked: ${messageOf(thrown)}. Look at the server that DATABASE_URL names; what was under way is looked up before it is done again.`,
    { cause: thrown, retry: 'later' },
  );
}
