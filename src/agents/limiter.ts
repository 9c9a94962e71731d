import type { Clock } from './clock.ts';
import { openJudge } from './judge.ts';
import { stopping } from './stopping.ts';

/** A place among the requests in flight of one model class. It is free after the first of its verbs; later ones do nothing. */
export interface Slot {
  answered(): void;
  /** The service said: too many. */
  refused(retryAfterMs: number | null): void;
  /** Ended in any other way. */
  left(): void;
}

/**
 * How many requests of one model class may be in flight: starts low (the service punishes sudden ramps), grows with answers, goes below the level at which it was
 * refused, remembers that ceiling and probes it more and more rarely. A refusal at a level where others are answered is chance and shrinks nothing.
 */
export interface Limiter {
  /** Waits for a place; Suspended `stopping` when the signal aborts. */
  enter(signal: AbortSignal): Promise<Slot>;
  /** Answers so far: a request that keeps failing while others are answered is another matter than a service that is down. */
  answers(): number;
}

const START = 4;

export function openLimiter(most: number, clock: Clock): Limiter {
  const judge = openJudge(Math.min(START, most), most);
  const waiting: (() => void)[] = [];
  let [active, answers, pausedUntil] = [0, 0, 0];
  let pause: AbortController | null = null;

  const pump = (): void => {
    // Whoever waits for nothing must not keep a process alive.
    if (waiting.length === 0) pause?.abort();
    if (waiting.length === 0 || pause !== null) return;
    const milliseconds = pausedUntil - clock.now();
    if (milliseconds > 0) {
      pause = new AbortController();
      void wake(milliseconds, pause.signal);
      return;
    }
    while (active < judge.allowed() && waiting.length > 0) waiting.shift()?.();
  };
  const wake = async (milliseconds: number, signal: AbortSignal): Promise<void> => {
    await clock.sleep(milliseconds, signal);
    pause = null;
    pump();
  };
  const occupy = (): Slot => {
    active += 1;
    const level = active;
    let free = false;
    const leave = (learn?: () => void): void => {
      if (free) return;
      free = true;
      active -= 1;
      learn?.();
      pump();
    };
    const answered = (): void => {
      answers += 1;
      judge.answered(level);
    };
    const refused = (retryAfterMs: number | null): void => {
      if (judge.refused(level) === 'limit' && retryAfterMs !== null) pausedUntil = Math.max(pausedUntil, clock.now() + retryAfterMs);
    };
    return { answered: () => leave(answered), refused: (retryAfterMs) => leave(() => refused(retryAfterMs)), left: () => leave() };
  };
  const enter = (signal: AbortSignal): Promise<Slot> =>
    new Promise((resolve, reject) => {
      const grant = (): void => {
        signal.removeEventListener('abort', give);
        resolve(occupy());
      };
      const give = (): void => {
        waiting.splice(waiting.indexOf(grant), 1);
        pump();
        reject(stopping());
      };
      waiting.push(grant);
      signal.addEventListener('abort', give, { once: true });
      if (signal.aborted) give();
      pump();
    });

  return { enter, answers: () => answers };
}
