import type { Draft } from './draft.ts';
import type { SettledCall } from './journal.ts';

/** Calls at most that are remembered as they are settled, of all runs. */
const MOST = 256;

/** The calls that were settled last, for the replay that hands them to its script at once. True only where one process writes, and only of what is on disk. */
export class RecentCalls {
  #last: { readonly run: string; readonly call: SettledCall }[] = [];

  /** Those that this draft settled, in order; when it is on disk. */
  add(draft: Draft): void {
    for (const { scope, event } of draft.events) {
      if (event.type !== 'call.settled') continue;
      const state = draft.get('call', scope, event.key)?.state;
      if (state === undefined || state.settled === null) continue;
      const { settled, ...issued } = state;
      this.#last.push({ run: scope, call: { ...issued, ...settled } });
    }
    if (this.#last.length > 2 * MOST) this.#last = this.#last.slice(-MOST);
  }

  /** What the run settled after its commit number `after`, in order; null when the first of that is not here. */
  since(run: string, after: number): readonly SettledCall[] | null {
    const news: SettledCall[] = [];
    for (let at = this.#last.length - 1; at >= 0; at -= 1) {
      const one = this.#last[at];
      if (one?.run !== run) continue;
      if (one.call.seq > after) news.push(one.call);
      // Commits of a run are numbered without gaps.
      if (one.call.seq <= after + 1) return news.toReversed();
    }
    return null;
  }
}
