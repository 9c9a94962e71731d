import { hash } from 'node:crypto';
import PQueue from 'p-queue';
import { ConvergeError, messageOf, Suspended } from '../domain/errors.ts';
import type { Journal } from '../journal/journal.ts';
import type { AgentOutcome, Agents, AgentTask } from './agent.ts';
import type { Ask } from './ask.ts';
import type { Clock } from './clock.ts';
import { bySubmit, byText, type Closing } from './closing.ts';
import { converse, inOrder } from './conversation.ts';
import { discreet, discretionOf, type DiscretionParts } from './discretion.ts';
import type { Orders } from './orders.ts';
import type { Openings } from './request.ts';
import type { SteerForms } from './steering.ts';
import { onAbort, stopping, throwIfStopping } from './stopping.ts';

export interface PoolParts {
  readonly ask: Ask;
  readonly journal: Journal;
  readonly orders: Orders;
  readonly forms: SteerForms;
  readonly openings: Openings;
  readonly clock: Clock;
  readonly discretion: DiscretionParts;
  /** Conversations at once, of all runs. */
  readonly most: number;
  /** Conversations at once of one run; asked anew for each. */
  readonly mostOf: (run: string) => number;
  /** Settles what a killed process left reserved; before a run's first conversation in this process. */
  readonly prepare: (run: string) => Promise<unknown>;
  /** Throws the Suspended for which nothing may be asked of this model now. */
  readonly mayStart: (model: string) => void;
}

/** Runs conversations in their places and keeps the census: `agent.started` each time one begins or goes on, `agent.ended` when it ends or is suspended. */
export function openPool(parts: PoolParts): Agents & { close(): Promise<void> } {
  const all = new PQueue({ concurrency: parts.most });
  const ofRun = new Map<string, PQueue>();
  const prepared = new Map<string, Promise<unknown>>();
  const telling = new Set<Promise<unknown>>();

  const placesOf = (run: string): PQueue => {
    const queue = ofRun.get(run) ?? new PQueue({ concurrency: 1 });
    queue.concurrency = Math.max(1, parts.mostOf(run));
    ofRun.set(run, queue);
    return queue;
  };
  // Once only: later, what is reserved belongs to requests in flight.
  const prepareOnce = async (run: string): Promise<void> => {
    const once = prepared.get(run) ?? parts.prepare(run);
    prepared.set(run, once);
    try {
      await once;
    } catch (error) {
      prepared.delete(run);
      throw error;
    }
  };

  const inPlace = async <Answer>(task: AgentTask<Answer>, closing: Closing<Answer>, signal: AbortSignal): Promise<Lived<Answer>> => {
    const leaveRun = await place(placesOf(task.run), signal);
    try {
      const leaveAll = await place(all, signal);
      try {
        await prepareOnce(task.run);
        await parts.orders.follow(task.run);
        const lived = await live({ task, closing, parts, signal });
        telling.add(lived.told);
        return lived;
      } finally {
        leaveAll();
      }
    } finally {
      leaveRun();
    }
  };
  // The next agent begins in the commit in which this one ends.
  const hold = async <Answer>(task: AgentTask<Answer>, closing: Closing<Answer>, signal: AbortSignal): Promise<AgentOutcome<Answer>> => {
    try {
      const { outcome, told } = await inPlace(task, closing, signal);
      await told.finally(() => telling.delete(told));
      return outcome;
    } catch (error) {
      throw suspended(error);
    }
  };

  return {
    run: (task, signal) => hold(task, byText, signal),
    submit: (task, signal) => hold(task, bySubmit(task.submit), signal),
    close: async () => {
      await all.onIdle();
      await Promise.allSettled(telling);
    },
  };
}

interface Living<Answer> {
  readonly task: AgentTask<Answer>;
  readonly closing: Closing<Answer>;
  readonly parts: PoolParts;
  readonly signal: AbortSignal;
}

interface Lived<Answer> {
  readonly outcome: AgentOutcome<Answer>;
  /** All that the agent leaves in the journal: on its way there, and to be waited for. */
  readonly told: Promise<unknown>;
}

async function live<Answer>({ task, closing, parts, signal }: Living<Answer>): Promise<Lived<Answer>> {
  throwIfStopping(signal);
  const { id: agent, role, label, phase, model } = task;
  const discretion = discretionOf(parts.discretion, task);
  const open = discreet(task, discretion);
  const prompt = hash('sha256', JSON.stringify([open.system, open.brief]));
  const tools = [...task.tools, ...(task.submit === null ? [] : ['submit'])];
  parts.mayStart(model);
  let turns = 0;
  let milliseconds = 0;
  const ended = (ending: AgentOutcome<Answer>['ending'] | 'suspended', cause: string): Promise<unknown> =>
    parts.journal.append(task.run, [{ type: 'agent.ended', agent, ending, cause, turns, seconds: Math.round(milliseconds) / 1000 }]);

  const started = parts.journal.append(task.run, [{ type: 'agent.started', agent, role, label, phase, model, prompt, tools }]);
  let outcome: AgentOutcome<Answer>;
  let stored: Promise<unknown> = started;
  try {
    ({ outcome, stored } = await converse(open, closing, {
      ...parts,
      discretion,
      signal,
      started,
      onProgress: (progress) => {
        turns = progress.turns;
        milliseconds = progress.milliseconds;
      },
    }));
  } catch (error) {
    if (error instanceof Suspended) {
      await ended('suspended', `${error.reason}: ${error.message}`);
      throw error;
    }
    if (isStorage(error)) throw error;
    outcome = { ending: 'failed', cause: messageOf(error) };
  }
  return { outcome, told: inOrder(Promise.all([stored, ended(outcome.ending, outcome.ending === 'done' ? '' : outcome.cause)])) };
}

function isStorage(error: unknown): boolean {
  return error instanceof ConvergeError && error.kind === 'journal';
}

/** Agents throw nothing but Suspended. What else comes here is the journal's: the pool has no other outside. */
function suspended(error: unknown): Suspended {
  return error instanceof Suspended ? error : new Suspended('storage', `The run's record cannot be written: ${messageOf(error)}`);
}

/** Waits for a place in the queue; gives the way to leave it. Suspended `stopping` when the signal aborts before. */
function place(queue: PQueue, signal: AbortSignal): Promise<() => void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(stopping());
    if (signal.aborted) {
      stop();
      return;
    }
    const remove = onAbort(signal, stop);
    void queue.add(() => {
      remove();
      if (signal.aborted) return Promise.resolve();
      const { promise, resolve: leave } = Promise.withResolvers<void>();
      resolve(leave);
      return promise;
    });
  });
}
