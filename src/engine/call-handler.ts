import { stopIn } from '../domain/asked.ts';
import { ConvergeError, messageOf, Suspended } from '../domain/errors.ts';
import type { Json } from '../domain/json.ts';
import type { Log } from '../house.ts';
import type { CallOutcome, CallState, Journal } from '../journal/journal.ts';
import type { PostgresJournal } from '../journal/postgres.ts';
import type { OwnPorts } from '../primitives/table.ts';
import type { ScriptCall } from '../script/calls.ts';
import { CLOSING, type Delivery, type Dispatch, type Handler } from './dispatch.ts';
import type { Holdings } from './holdings.ts';

/** What a worker needs of a run to carry its calls out. */
export interface Room {
  prepare(kind: string, args: readonly Json[], own: OwnPorts): Promise<ScriptCall>;
}

export interface CallParts {
  readonly journal: PostgresJournal;
  readonly holdings: Holdings;
  readonly dispatch: Dispatch;
  /** This process, for people who look. */
  readonly owner: string;
  /** Charges what dead processes left reserved in that run. */
  readonly settleLeft: (run: string) => Promise<void>;
  readonly enter: (run: string) => Promise<Room>;
  readonly log: Log;
}

/** pg-boss ends a delivery after 23 hours; what is still at work then goes on in another one. */
const LONGEST_MS = 20 * 3600 * 1000;
/** Deliveries that may fail at this machine before the run is told. */
const MOST_FAULTS = 3;
/** Milliseconds before another worker, or this one, tries what failed at this machine. */
const AFTER_FAULT_MS = 5000;

/**
 * Carries calls out as a worker: whatever becomes of this process, what an agent had finished is in the journal, and whoever gets the call next goes on there.
 * Everything is written under a claim on the call: a worker that slept while another took the call over writes nothing.
 */
export function callHandler(parts: CallParts): Handler {
  return async (delivery) => {
    const { run, key } = delivery;
    // A run that is stopped needs no more calls, also where it delivers what it has. Its record grows with all of them, and is not read.
    const [taken, signals] = await Promise.all([parts.journal.takeCall({ run, key, owner: parts.owner }), parts.journal.signals(run)]);
    if (taken === null || stopIn(signals) !== null) return;
    const { call, claim } = taken;
    const held = parts.holdings.hold(claim);
    const leave = letGoAtEnd(parts.journal, run);
    const long = AbortSignal.timeout(LONGEST_MS);
    const signal = AbortSignal.any([delivery.signal, leave.signal, long]);
    try {
      // Who had it before may be dead, with money still reserved.
      if (claim.attempt > 1) await parts.settleLeft(run);
      const outcome = await carryOut(parts, { call, run, own: { journal: held.journal, signal, phase: call.phase } });
      await held.journal.settle(run, key, outcome);
    } catch (thrown) {
      await suspend(parts, held.journal, { delivery, thrown, interrupted: signal.aborted, again: long.aborted });
    } finally {
      leave.stop();
      held.release();
    }
  };
}

/** Aborts when the run ends or is stopped: nobody waits for its calls any more. */
function letGoAtEnd(journal: Journal, run: string): { readonly signal: AbortSignal; stop(): void } {
  const ended = new AbortController();
  const stop = journal.watch(run, ({ event }) => {
    if (event.type === 'run.ended' || (event.type === 'signal.received' && event.name === 'stop')) ended.abort('the run is over');
  });
  return { signal: ended.signal, stop };
}

interface Work {
  readonly run: string;
  readonly call: CallState;
  readonly own: OwnPorts;
}

async function carryOut({ enter }: CallParts, { run, call, own }: Work): Promise<CallOutcome> {
  const room = await enter(run);
  let prepared: ScriptCall;
  try {
    prepared = await room.prepare(call.kind, call.args ?? [], own);
  } catch (thrown) {
    // The same end as where the script runs.
    if (thrown instanceof ConvergeError && thrown.kind === 'script') return { kind: 'throw', message: thrown.message };
    throw thrown;
  }
  return prepared.perform(call.key);
}

interface Suspension {
  readonly delivery: Delivery;
  readonly thrown: unknown;
  readonly interrupted: boolean;
  readonly again: boolean;
}

/** Settles nothing: another delivery goes on with it, or the run is told why it has to pause. */
async function suspend({ dispatch, log }: CallParts, journal: Journal, suspension: Suspension): Promise<void> {
  const { delivery, thrown, interrupted, again } = suspension;
  const { run, key, number } = delivery;
  if (again || delivery.signal.reason === CLOSING) return dispatch.redeliver(delivery, new Date());
  if (interrupted) return;
  const fault = !(thrown instanceof Suspended);
  log.warn(
    { run, call: key, reason: fault ? 'fault' : thrown.reason, problem: messageOf(thrown) },
    'a call could not be carried out here yet',
  );
  if (fault && number < MOST_FAULTS) return dispatch.redeliver(delivery, new Date(Date.now() + AFTER_FAULT_MS));
  const reason = fault ? 'fault' : thrown.reason;
  await journal.append(run, [{ type: 'call.suspended', key, reason, message: messageOf(thrown) }]);
}
