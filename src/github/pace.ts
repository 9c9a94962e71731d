import { goOn } from './pause.ts';
import type { RateLimit } from './rate-limit.ts';
import type { GitHubTimings } from './timings.ts';

/** From the most useful to people to the least: who asked something is answered before a run writes its notes. */
const RANKS = ['reply', 'status', 'pull-request', 'check-run', 'review', 'note'] as const;

export type Rank = (typeof RANKS)[number];

export function isRank(value: unknown): value is Rank {
  return RANKS.some((rank) => rank === value);
}

export interface Write {
  readonly rank: Rank;
  /** Makes a comment, a pull request or a review, which GitHub counts apart. */
  readonly content: boolean;
}

/** How many contents may be made; GitHub allows 80 a minute and 500 an hour, of everybody who acts as this App there. */
export interface ContentLimits {
  readonly perMinute: number;
  readonly perHour: number;
}

export interface Clock {
  /** Milliseconds, monotonic. */
  now(): number;
  /** Resolves after `ms`, or at once when the signal aborts; never rejects. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export interface PaceOptions {
  readonly timings: Pick<GitHubTimings, 'writeSpacingMs' | 'contentSpacingMs' | 'limitWaitMs' | 'limitPatienceMs'>;
  readonly limits: ContentLimits;
  readonly clock: Clock;
  /** Ages in milliseconds of the contents that the journal knows of the last hour: of earlier processes, and of others beside this one. */
  readonly known: () => Promise<readonly number[]>;
  readonly limitOf: (thrown: unknown) => RateLimit | null;
  /** The error of a write whose rate limit lasts longer than the patience. */
  readonly outlasted: (thrown: unknown) => unknown;
  /** Aborts when this process stops. */
  readonly signal: AbortSignal;
}

interface Job extends Write {
  /** Of rate limits, in milliseconds. */
  waited: number;
  attempt(): Promise<void>;
  fail(error: unknown): void;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Part of the hour's contents that only replies may use: a person is answered while a large run reports. */
const FOR_REPLIES = 0.1;

/**
 * Everything that is written as one installation, one after the other: the most useful first, in order within a rank, at the distance that GitHub asks for and
 * within its limits on contents (facts/github.md §5). A write that may not go yet holds no other up that may. A rate limit holds them all.
 */
export class Pace {
  readonly #options: PaceOptions;
  readonly #jobs: Job[] = [];
  /** When contents were made here, oldest first. */
  readonly #made: number[] = [];
  #nextWrite = 0;
  #nextContent = 0;
  #heldUntil = 0;
  /** Rate limits since the last write that went through. */
  #limits = 0;
  #lastLimit: unknown = null;
  #working = false;
  #wake = new AbortController();

  constructor(options: PaceOptions) {
    this.#options = options;
    options.signal.addEventListener('abort', () => this.#wake.abort(), { once: true });
  }

  /** Does it in its turn; again after a rate limit, which means that nothing was done. Ends in what `act` ended in, `outlasted`, or `Suspended`. */
  turn<Result>(write: Write, act: () => Promise<Result>): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      const attempt = async (): Promise<void> => resolve(await act());
      this.#jobs.push({ ...write, waited: 0, attempt, fail: reject });
      this.#wake.abort();
      void this.#work();
    });
  }

  /** Holds every write because GitHub said that it is too much; gives the milliseconds. Grows as long as nothing goes through. */
  hold({ told }: RateLimit, thrown: unknown): number {
    const { clock, timings } = this.#options;
    // One that says 0 again and again must not be asked without end.
    const least = timings.writeSpacingMs * 2 ** this.#limits;
    const wait = told === null ? timings.limitWaitMs * 2 ** this.#limits : Math.max(told, least);
    this.#limits += 1;
    this.#lastLimit = thrown;
    this.#heldUntil = Math.max(this.#heldUntil, clock.now() + wait);
    return wait;
  }

  async #work(): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    while (this.#jobs.length > 0) {
      this.#wake = new AbortController();
      if (this.#options.signal.aborted) this.#suspendAll();
      else await this.#step();
    }
    this.#working = false;
  }

  /** Does one write that may go now, or waits until one may, or until there are others. */
  async #step(): Promise<void> {
    const { clock, timings } = this.#options;
    if (this.#heldUntil - clock.now() > timings.limitPatienceMs) return this.#give([...this.#jobs], this.#lastLimit);
    const candidates = await this.#candidates();
    const now = clock.now();
    const ready = candidates.find(({ from }) => from <= now);
    if (ready !== undefined) return this.#perform(ready.job);
    const from = Math.min(...candidates.map((candidate) => candidate.from));
    return clock.sleep(from - now, this.#wake.signal);
  }

  /** The first of each rank, contents and others apart, most useful first, with the time from which it may go. */
  async #candidates(): Promise<readonly { readonly job: Job; readonly from: number }[]> {
    const contents = this.#jobs.some(({ content }) => content) ? await this.#contents() : [];
    const first = (rank: Rank, content: boolean): Job | undefined => this.#jobs.find((job) => job.rank === rank && job.content === content);
    return RANKS.flatMap((rank) =>
      [first(rank, true), first(rank, false)]
        .flatMap((job) => job ?? [])
        .toSorted((a, b) => this.#jobs.indexOf(a) - this.#jobs.indexOf(b))
        .map((job) => ({ job, from: Math.max(this.#nextWrite, this.#heldUntil, job.content ? this.#contentFrom(rank, contents) : 0) })),
    );
  }

  #contentFrom(rank: Rank, contents: readonly number[]): number {
    const { perMinute, perHour } = this.#options.limits;
    const hourly = rank === 'reply' ? perHour : Math.max(1, Math.floor(perHour * (1 - FOR_REPLIES)));
    return Math.max(this.#nextContent, freeFrom(contents, perMinute, MINUTE), freeFrom(contents, hourly, HOUR));
  }

  /** When contents were made in the last hour, by what this process did or by the journal, whichever knows of more. */
  async #contents(): Promise<readonly number[]> {
    // What cannot be read now is not worth a write that is lost: then what was done here is what counts.
    const ages = await this.#options.known().catch(() => []);
    const now = this.#options.clock.now();
    while ((this.#made[0] ?? now) < now - HOUR) this.#made.shift();
    const told = ages.map((age) => now - age).toSorted((a, b) => a - b);
    return told.length > this.#made.length ? told : this.#made;
  }

  async #perform(job: Job): Promise<void> {
    const { clock, timings, limitOf } = this.#options;
    const now = clock.now();
    this.#nextWrite = now + timings.writeSpacingMs;
    if (job.content) {
      this.#nextContent = now + timings.contentSpacingMs;
      this.#made.push(now);
    }
    try {
      await job.attempt();
      this.#limits = 0;
      this.#drop(job);
    } catch (thrown) {
      const limit = limitOf(thrown);
      if (limit === null) {
        this.#drop(job);
        job.fail(thrown);
        return;
      }
      const wait = this.hold(limit, thrown);
      for (const one of this.#jobs) one.waited += wait;
      this.#give(
        this.#jobs.filter(({ waited }) => waited > timings.limitPatienceMs),
        thrown,
      );
    }
  }

  #give(jobs: readonly Job[], thrown: unknown): void {
    for (const job of jobs) {
      this.#drop(job);
      job.fail(this.#options.outlasted(thrown));
    }
  }

  #suspendAll(): void {
    for (const job of this.#jobs.splice(0)) {
      try {
        goOn(this.#options.signal);
      } catch (suspended) {
        job.fail(suspended);
      }
    }
  }

  #drop(job: Job): void {
    const at = this.#jobs.indexOf(job);
    if (at !== -1) this.#jobs.splice(at, 1);
  }
}

/** From when one more is below `most` in each window of that length. */
function freeFrom(times: readonly number[], most: number, window: number): number {
  const oldest = times.at(-most);
  return oldest === undefined ? 0 : oldest + window;
}
