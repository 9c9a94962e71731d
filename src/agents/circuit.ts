import { Suspended, type PauseReason } from '../domain/errors.ts';
import type { Clock } from './clock.ts';
import { throwIfStopping, unlessStopping } from './stopping.ts';
import type { Timings } from './timings.ts';

/** Why nothing is sent. */
export interface Trip {
  readonly reason: PauseReason;
  readonly message: string;
}

/** Leave to send one request, ended by one of its verbs. */
export interface Pass {
  /** The one request by which an open circuit finds out. */
  readonly probing: boolean;
  /** Aborts with the Suspended when the leave ends because the circuit opens; what waits must end then, and nothing more be sent. */
  readonly halt: AbortSignal;
  succeeded(): void;
  /** Opens the circuit; `atLeastMs`: not to be tried before. */
  failed(trip: Trip, atLeastMs?: number): void;
  /** Ended without telling anything: if it was probing, another may. */
  left(): void;
}

/**
 * After a failure that no other request can escape, nobody sends: whoever comes is suspended, until a wait has passed. Then exactly one request is let through, and the others
 * wait to hear how it went. Waits double with each vain try.
 */
export interface Circuit {
  /** Suspended with the reason while the circuit is open, `stopping` when the signal aborts during the wait for a probe. */
  enter(signal: AbortSignal): Promise<Pass>;
  /** The Suspended that `enter` would throw now, if any; for who has not yet anything to send. */
  check(): void;
}

export interface CircuitParts {
  readonly clock: Clock;
  readonly timings: Pick<Timings, 'firstProbe' | 'longestProbe'>;
}

interface Open {
  readonly trip: Trip;
  readonly waitMs: number;
  readonly until: number;
}

const NEVER = new AbortController().signal;

export function openCircuit({ clock, timings }: CircuitParts): Circuit {
  let open: Open | null = null;
  let halt = new AbortController();
  let probe: PromiseWithResolvers<void> | null = null;

  const check = (): void => {
    if (open !== null && probe === null && clock.now() < open.until) throw suspendedBy(open.trip);
  };
  const endProbe = (): void => {
    const ended = probe;
    probe = null;
    ended?.resolve();
  };
  const passOf = (own: PromiseWithResolvers<void> | null): Pass => {
    const isProbe = (): boolean => own !== null && probe === own;
    return {
      probing: own !== null,
      halt: own === null ? halt.signal : NEVER,
      succeeded: () => {
        if (!isProbe()) return;
        open = null;
        halt = new AbortController();
        endProbe();
      },
      failed: (trip, atLeastMs = 0) => {
        // Whoever was under way when it opened brings no news.
        if (open !== null && !isProbe()) return;
        const waitMs = open === null ? timings.firstProbe : Math.min(timings.longestProbe, open.waitMs * 2);
        open = { trip, waitMs, until: clock.now() + Math.max(waitMs, atLeastMs) };
        endProbe();
        halt.abort(suspendedBy(trip));
      },
      left: () => {
        if (isProbe()) endProbe();
      },
    };
  };

  return {
    check,
    async enter(signal) {
      for (;;) {
        throwIfStopping(signal);
        if (open === null) return passOf(null);
        check();
        if (probe === null) {
          probe = Promise.withResolvers<void>();
          return passOf(probe);
        }
        await unlessStopping(probe.promise, signal);
      }
    },
  };
}

function suspendedBy({ reason, message }: Trip): Suspended {
  return new Suspended(reason, message);
}
