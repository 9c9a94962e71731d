import type { StoredEvent } from '../domain/events.ts';

interface Watcher {
  readonly scope: string | null;
  readonly listener: (event: StoredEvent) => void;
}

/** Who wants to be told what was committed. */
export class Watchers {
  readonly #watchers = new Set<Watcher>();

  add(scope: string | null, listener: (event: StoredEvent) => void): () => void {
    const watcher = { scope, listener };
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  listensTo(scope: string): boolean {
    return [...this.#watchers].some((watcher) => watcher.scope === null || watcher.scope === scope);
  }

  tell(event: StoredEvent): void {
    for (const { scope, listener } of this.#watchers) if (scope === null || scope === event.scope) listener(event);
  }
}
