import { allowanceOf, type Allowance, type MonthLimits, type RunCeilings } from './domain/allowance.ts';
import { ConvergeError } from './domain/errors.ts';
import type { StoredEvent } from './domain/events.ts';
import { standingAfter, standingFrom, type Standing } from './domain/standing.ts';
import type { Journal } from './journal/journal.ts';

/** What runs that are worked on in this process may use, kept up with the journal, so that a raise counts from the next request on. */
export interface Allowances {
  /** Follows a run; a second time only reads what was missed. */
  follow(run: string): Promise<void>;
  /** Of a run that is followed, now. */
  of(run: string): Allowance;
  forget(run: string): void;
}

export interface AllowanceParts {
  readonly journal: Pick<Journal, 'events' | 'watch'>;
  readonly operator: MonthLimits & { readonly run?: RunCeilings };
  /** Default: the system's clock. */
  readonly now?: () => Date;
}

export function openAllowances({ journal, operator, now = () => new Date() }: AllowanceParts): Allowances {
  const runs = new Map<string, Followed>();
  return {
    follow: async (run) => {
      const followed = runs.get(run) ?? new Followed(run, journal);
      runs.set(run, followed);
      await followed.catchUp();
    },
    of: (run) => {
      const standing = runs.get(run)?.standing ?? null;
      if (standing === null) throw new ConvergeError('journal', `The limits of run ${run} were asked for before its house was opened.`);
      return allowanceOf(run, { standing, operator, now: now() });
    },
    forget: (run) => {
      runs.get(run)?.stop();
      runs.delete(run);
    },
  };
}

class Followed {
  readonly #run: string;
  readonly #journal: AllowanceParts['journal'];
  /** What was told while the record is read: it may come before the reading ends and not be in it. */
  readonly #told: StoredEvent[] = [];
  #readings = 0;
  #n = 0;
  standing: Standing | null = null;
  readonly stop: () => void;

  constructor(run: string, journal: AllowanceParts['journal']) {
    this.#run = run;
    this.#journal = journal;
    this.stop = journal.watch(run, (event) => {
      this.#told.push(event);
      if (this.#readings === 0) this.#takeTold();
    });
  }

  async catchUp(): Promise<void> {
    this.#readings += 1;
    try {
      for (const event of await this.#journal.events(this.#run, this.#n)) this.#take(event);
    } finally {
      this.#readings -= 1;
    }
    this.#takeTold();
  }

  #takeTold(): void {
    for (const event of this.#told.splice(0)) this.#take(event);
  }

  #take(event: StoredEvent): void {
    if (event.n <= this.#n) return;
    this.#n = event.n;
    if (this.standing !== null) this.standing = standingAfter(this.standing, event);
    else if (event.event.type === 'run.started') this.standing = standingFrom(event.event);
  }
}
