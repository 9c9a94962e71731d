import type { Change } from '../domain/change.ts';
import { ConvergeError } from '../domain/errors.ts';
import type { Verdict } from '../domain/verdict.ts';
import type { Journal, SettledCall } from '../journal/journal.ts';
import { trusted } from '../journal/trusted.ts';

/** Primitives whose value is a change. */
const MAKES_CHANGE: ReadonlySet<string> = new Set(['migrate', 'revise', 'codemod']);

/**
 * The changes and verdicts of a run, looked up by id among its settled calls: what a script holds is only a name.
 * Lookups only grow, so that a replay, which sees all that was settled later too, finds what the first execution found.
 */
export interface Handles {
  change(id: string): Promise<Change>;
  /** Refuses a verdict that judged another change. */
  verdict(id: string, change: Change): Promise<Verdict>;
  /** The change that replaced this one; null while it stands. Grows with time: ask it when performing, never when preparing. */
  successor(change: Change): Promise<Change | null>;
}

interface Entry {
  readonly seq: number;
  readonly change: Change;
}

/** What the settled calls of a run made, read as far as it was needed. */
class Made {
  readonly changes = new Map<string, Entry>();
  readonly successors = new Map<string, Entry>();
  readonly verdicts = new Map<string, Verdict>();
  readonly #run: string;
  readonly #journal: Journal;
  #seen = 0;
  #reading: Promise<void> = Promise.resolve();

  constructor(run: string, journal: Journal) {
    this.#run = run;
    this.#journal = journal;
  }

  /** One reader at a time: each reads only what was settled since the last. */
  catchUp(): Promise<void> {
    const before = this.#reading.catch(() => undefined);
    this.#reading = before.then(() => this.#read());
    return this.#reading;
  }

  /** Looks, and looks again in what was settled since. */
  async find<Value>(look: () => Value | undefined): Promise<Value | undefined> {
    const known = look();
    if (known !== undefined) return known;
    await this.catchUp();
    return look();
  }

  async #read(): Promise<void> {
    for (const call of await this.#journal.settled(this.#run, this.#seen)) {
      this.#seen = Math.max(this.#seen, call.seq);
      this.#take(call);
    }
  }

  #take({ seq, kind, outcome }: SettledCall): void {
    if (outcome.kind !== 'value') return;
    if (MAKES_CHANGE.has(kind)) {
      const change = trusted<Change>().parse(outcome.value);
      this.changes.set(change.id, { seq, change });
      if (change.replaces !== null) this.successors.set(change.replaces, { seq, change });
    }
    if (kind === 'review') {
      const verdict = trusted<Verdict>().parse(outcome.value);
      this.verdicts.set(verdict.id, verdict);
    }
  }
}

export function openHandles(run: string, journal: Journal): Handles {
  const made = new Made(run, journal);
  return {
    change: async (id) => {
      const entry = await made.find(() => made.changes.get(id));
      if (entry !== undefined) return entry.change;
      throw wrong(`There is no change \`${id}\` in this run. A change is what migrate() or revise() gave; it cannot be made by hand.`);
    },
    verdict: async (id, change) => {
      const verdict = await made.find(() => made.verdicts.get(id));
      if (verdict === undefined)
        throw wrong(`There is no verdict \`${id}\` in this run. A verdict is what review() gave; it cannot be made by hand.`);
      if (verdict.change === change.id) return verdict;
      throw wrong(
        `The verdict \`${id}\` judged change \`${verdict.change}\`, not \`${change.id}\`. Review this change and use that verdict.`,
      );
    },
    successor: async (change) => {
      await made.catchUp();
      const successor = made.successors.get(change.id);
      // A later round may come back to the very same content: then that is the newest again.
      return successor === undefined || successor.seq < (made.changes.get(change.id)?.seq ?? 0) ? null : successor.change;
    },
  };
}

function wrong(message: string): ConvergeError {
  return new ConvergeError('script', message);
}

/** A change that a revision replaced is history: nothing is built on it, judged or accepted. */
export async function refuseReplaced(handles: Handles, changes: readonly Change[]): Promise<void> {
  for (const change of changes) {
    const successor = await handles.successor(change);
    if (successor === null) continue;
    throw new ConvergeError(
      'script',
      `The change \`${change.id}\` of shard ${change.shard} was replaced by \`${successor.id}\` when it was revised. Use that one.`,
    );
  }
}
