import { Suspended } from '../domain/errors.ts';

/** Thrown wherever an agent waits or would begin something after its signal aborted. */
export function stopping(): Suspended {
  return new Suspended('stopping', 'The run was told to stop; what is finished is stored, and it goes on from there.');
}

export function throwIfStopping(signal: AbortSignal): void {
  if (signal.aborted) throw stopping();
}

/** Why the first of the signals that aborted did: the Suspended that it was given, or that the run was told to stop. Null: none did. */
export function haltOf(halts: readonly AbortSignal[]): Suspended | null {
  const halt = halts.find((signal) => signal.aborted);
  if (halt === undefined) return null;
  const reason: unknown = halt.reason;
  return reason instanceof Suspended ? new Suspended(reason.reason, reason.message) : stopping();
}

export function throwIfHalted(halts: readonly AbortSignal[]): void {
  const why = haltOf(halts);
  if (why !== null) throw why;
}

interface Waiting {
  readonly listeners: Set<() => void>;
  readonly tell: () => void;
}

const waiting = new WeakMap<AbortSignal, Waiting>();

/**
 * Calls `listener` when the signal aborts; gives the way to take that back. However many wait for a signal, it has one listener: it looks through all that it has whenever one
 * comes or goes, and for the signal of a run a thousand wait. With the last of them that goes as well: a signal made of others lives as long as somebody listens to it.
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  const { listeners } = waiting.get(signal) ?? listenTo(signal);
  // Of its own, so that the same function may wait twice.
  const own = (): void => listener();
  listeners.add(own);
  return () => {
    if (listeners.delete(own) && listeners.size === 0) forget(signal);
  };
}

function listenTo(signal: AbortSignal): Waiting {
  const listeners = new Set<() => void>();
  const tell = (): void => {
    const thrown: unknown[] = [];
    for (const one of listeners) {
      try {
        one();
      } catch (error) {
        thrown.push(error);
      }
    }
    if (thrown.length > 0) throw new AggregateError(thrown, 'A listener failed when its signal aborted; all others were told.');
  };
  const added = { listeners, tell };
  waiting.set(signal, added);
  signal.addEventListener('abort', tell, { once: true });
  return added;
}

function forget(signal: AbortSignal): void {
  const gone = waiting.get(signal);
  if (gone === undefined) return;
  waiting.delete(signal);
  signal.removeEventListener('abort', gone.tell);
}

/** Calls `halted` when the first of the signals aborts; gives the way to take that back. */
export function onHalt(halts: readonly AbortSignal[], halted: (why: Suspended) => void): () => void {
  const removes = halts.map((signal) => onAbort(signal, () => halted(haltOf([signal]) ?? stopping())));
  return () => {
    for (const remove of removes) remove();
  };
}

/** Waits for `promise`; throws the Suspended of the first signal that aborts. */
export async function unlessHalted<T>(promise: Promise<T>, halts: readonly AbortSignal[]): Promise<T> {
  throwIfHalted(halts);
  const { promise: halted, reject } = Promise.withResolvers<never>();
  const remove = onHalt(halts, reject);
  try {
    return await Promise.race([promise, halted]);
  } finally {
    remove();
  }
}

/** Waits for `promise`; Suspended `stopping` as soon as the signal aborts. */
export function unlessStopping<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return unlessHalted(promise, [signal]);
}
