import { stands, type Reopened } from '../domain/generation.ts';
import type { Journal, SettledCall } from '../journal/journal.ts';

interface SettledParts {
  readonly run: string;
  readonly journal: Pick<Journal, 'settled'>;
  readonly reopened: Reopened;
}

/** The calls of a run that settled, in the order of their commits; each is handed over once, when it was issued. */
export class Settled {
  readonly #parts: SettledParts;
  /** Read and not handed over. */
  readonly #ready: SettledCall[] = [];
  /** That came up before this replay issued them. */
  readonly #aside = new Map<string, SettledCall>();
  #readTo = 0;

  constructor(parts: SettledParts) {
    this.#parts = parts;
  }

  /** The journal shows no commit before the ones that precede it, so what it gives is the order, live and replayed alike. */
  async read(): Promise<void> {
    const { run, journal, reopened } = this.#parts;
    for (const row of await journal.settled(run, this.#readTo)) {
      this.#readTo = row.seq;
      // Children of composites (`key/child`) are their primitive's business; what was opened again since is history.
      if (!row.key.includes('/') && stands(reopened, row.key)) this.#ready.push(row);
    }
  }

  /** Whether it is known that the next one was issued, and nothing that waits aside can come before it. */
  isCertain(issued: ReadonlyMap<string, unknown>): boolean {
    const [call] = this.#ready;
    return call !== undefined && issued.has(call.key) && this.#aside.size === 0;
  }

  /** The next that was issued, with what is known of it; what was not waits aside. */
  next<Issued>(issued: ReadonlyMap<string, Issued>): { readonly issued: Issued; readonly call: SettledCall } | null {
    for (let call = this.#ready.shift(); call !== undefined; call = this.#ready.shift()) {
      const found = issued.get(call.key);
      if (found !== undefined) return { issued: found, call };
      this.#aside.set(call.key, call);
    }
    return null;
  }

  /** What waits aside is handed over next: an edited script may issue a call later than the first time. False where nothing does. */
  bringForward(key: string): boolean {
    const early = this.#aside.get(key);
    if (early === undefined) return false;
    this.#aside.delete(key);
    this.#ready.unshift(early);
    return true;
  }

  /** How many wait aside. */
  get early(): number {
    return this.#aside.size;
  }
}
