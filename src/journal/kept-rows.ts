import type { Draft, Kept } from './draft.ts';
import { emptyRows, type Rows, type Table } from './rows.ts';

/** Rows at most: those of the calls and requests that are open at once, and of the runs and accounts they belong to. */
const MOST = 4096;

/**
 * What the last commits left of the rows that the next will ask for, so that they are not read again: where a run's record ends and since when it works, its agents, what accounts come
 * to, open requests and open calls. True only where one process writes, and only of what is on disk.
 */
export class KeptRows implements Kept {
  readonly #rows = emptyRows<never>();

  get<T extends Table>(table: T, id: string): Rows[T] | undefined {
    return this.#rows[table].get(id);
  }

  /** To be called when all of the draft is on disk. */
  keep(draft: Draft): void {
    this.#take('head', draft, () => true);
    this.#take('balance', draft, () => true);
    this.#take('agent', draft, () => true);
    this.#take('work', draft, () => true);
    this.#take('spend', draft, ({ chargedN }) => chargedN === null);
    this.#take('call', draft, ({ settledN }) => settledN === null);
  }

  clear(): void {
    for (const rows of Object.values(this.#rows)) rows.clear();
  }

  #take<T extends Table>(table: T, draft: Draft, mayBeAskedFor: (row: Rows[T]) => boolean): void {
    const kept = this.#rows[table];
    for (const [id, row] of draft.rowsOf(table)) {
      kept.delete(id);
      if (row !== undefined && mayBeAskedFor(row)) kept.set(id, row);
    }
    for (const id of kept.keys()) {
      if (kept.size <= MOST) return;
      kept.delete(id);
    }
  }
}
