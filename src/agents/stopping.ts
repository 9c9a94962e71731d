import { Suspended } from '../domain/errors.ts';

/** Thrown wherever an agent waits or would begin something after its signal aborted. */
export function stopping(): Suspended {
  return new Suspended('stopping', 'The run was told to stop; what is finished is stored, and it goes on from there.');
}

export function throwIfStopping(signal: AbortSignal): void {
  if (signal.aborted) throw stopping();
}

/** Waits for `promise`; Suspended `stopping` as soon as the signal aborts. */
export async function unlessStopping<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  throwIfStopping(signal);
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const stop = (): void => reject(stopping());
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
