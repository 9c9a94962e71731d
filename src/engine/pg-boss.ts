import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { PgBoss, type JobWithMetadata } from 'pg-boss';
import { z } from 'zod';
import { ConvergeError, messageOf, Suspended } from '../domain/errors.ts';
import type { Log } from '../house.ts';
import { throughFaults } from '../journal/postgres-faults.ts';
import { Statements } from '../journal/postgres-statements.ts';
import { CANCELLED, CLOSING, type Delivery, type Dispatch, type Handler, LOST } from './dispatch.ts';
import type { Enquiries } from './enquiries.ts';

/** A schema of its own for each major version: a queue is never migrated, it is filled again from the journal. */
export const QUEUE_SCHEMA = 'pgboss_v12';

/** Before what a handler did not expect is tried again. */
const AFTER_FAULT_MS = 2000;
/** Tries to open the queue; the last wait about 20 seconds. */
const OPENINGS = 6;

/** Of jobs in the queue; days are those that a run may wait for people, and workers for each other. */
const QUEUE = {
  // One live job for each call: what is pushed again while it is on its way or at work is passed over.
  policy: 'exclusive',
  // A worker that died is no failure of its job: a third one must not end it.
  retryLimit: 1000,
  retryDelay: 0,
  heartbeatSeconds: 10,
  // pg-boss allows less than a day; whoever is still at work redelivers before.
  expireInSeconds: 23 * 3600,
  retentionSeconds: 365 * 24 * 3600,
  deleteAfterSeconds: 3600,
  notify: true,
} as const;

/** Seconds. NOTIFY wakes workers; polling finds what a dead worker left. */
const WORK = { includeMetadata: true, pollingIntervalSeconds: 2, notifyPollingIntervalSeconds: 2, heartbeatRefreshSeconds: 2 } as const;

const Parcel = z.object({ run: z.string(), key: z.string(), number: z.int().min(1) });
type Parcel = z.infer<typeof Parcel>;

/** Of enquiries, in seconds: whoever asked has given up by then. */
const ENQUIRY = { retryLimit: 5, retryDelay: 1, expireInSeconds: 60, retentionSeconds: 60, deleteAfterSeconds: 60, notify: true } as const;
const ENQUIRY_MS = 60_000;
const LOOK_MS = 100;

/** pg-boss on a database, for all queues of this process. */
export interface Boss extends Enquiries {
  queue(name: string): Promise<Dispatch>;
  /** Processes that take deliveries from that queue, as they said with their last sign of life. */
  workers(name: string): Promise<number>;
  close(): Promise<void>;
}

/** Ends in a ConvergeError of kind `journal` when the queue's tables cannot be made. */
export async function openBoss({ url, log }: { readonly url: string; readonly log: Log }): Promise<Boss> {
  const statements = new Statements(url);
  const boss = new PgBoss({
    db: statements,
    schema: QUEUE_SCHEMA,
    // With the defaults a worker's death would be seen after minutes (facts/engine.md §8).
    superviseIntervalSeconds: 1,
    monitorIntervalSeconds: 1,
    useListenNotify: true,
    schedule: false,
  });
  boss.on('error', (error) => log.warn({ error: messageOf(error) }, 'the queue met a fault; it goes on'));
  boss.on('warning', ({ message }) => log.warn({ warning: message }, 'the queue warns'));
  try {
    await boss.start({ attempts: OPENINGS });
  } catch (error) {
    await statements.close();
    throw new ConvergeError(
      'journal',
      `The queue in Postgres cannot be opened: ${messageOf(error)}. Expected that DATABASE_URL names a database in which this role may make the schema ${QUEUE_SCHEMA}.`,
      { cause: error },
    );
  }
  return {
    queue: async (name) => {
      const { policy, ...changeable } = QUEUE;
      await boss.createQueue(name, { policy, ...changeable });
      await boss.updateQueue(name, changeable);
      return new BossDispatch({ boss, statements, name, log });
    },
    ...enquiriesOn(boss),
    workers: async (name) => {
      const instances = await throughFaults(() => boss.getInstances());
      return instances.filter(({ live, workers }) => live && workers.some(({ queue }) => queue === name)).length;
    },
    close: async () => {
      await boss.stop({ graceful: false });
      await statements.close();
    },
  };
}

function enquiriesOn(boss: PgBoss): Enquiries {
  return {
    answer: async (name, answer) => {
      await boss.createQueue(name, ENQUIRY);
      await boss.work<unknown, unknown>(name, { pollingIntervalSeconds: 1, notifyPollingIntervalSeconds: 5 }, ([job]) => answer(job?.data));
    },
    ask: async (name, question) => {
      await boss.createQueue(name, ENQUIRY);
      const id = randomUUID();
      await throughFaults(() => boss.send(name, question, { id }));
      for (const end = Date.now() + ENQUIRY_MS; Date.now() < end; await wait(LOOK_MS)) {
        const [job] = await throughFaults(() => boss.findJobs<unknown>(name, { id }));
        if (job?.state !== 'completed') continue;
        await throughFaults(() => boss.deleteJob(name, id));
        return job.output;
      }
      throw new ConvergeError(
        'journal',
        `No Converge App answered a worker's enquiry (${name}) within ${ENQUIRY_MS / 1000} seconds. Expected one that runs with the same DATABASE_URL and can reach GitHub.`,
        { retry: 'later' },
      );
    },
  };
}

type Job = JobWithMetadata<unknown>;

interface DispatchParts {
  readonly boss: PgBoss;
  readonly statements: Statements;
  readonly name: string;
  readonly log: Log;
}

class BossDispatch implements Dispatch {
  readonly #boss: PgBoss;
  readonly #statements: Statements;
  readonly #name: string;
  readonly #log: Log;
  readonly #closing = new AbortController();
  readonly #jobs = new WeakMap<Delivery, Job>();

  constructor({ boss, statements, name, log }: DispatchParts) {
    this.#boss = boss;
    this.#statements = statements;
    this.#name = name;
    this.#log = log;
  }

  async push(run: string, keys: readonly string[]): Promise<void> {
    // One after the other, so that they are begun in this order.
    for (const key of keys) {
      const parcel: Parcel = { run, key, number: 1 };
      const fresh = await throughFaults(() => this.#boss.send(this.#name, parcel, { singletonKey: idOf(parcel) }));
      // There already: what was put off is delivered now.
      if (fresh === null)
        await throughFaults(() => this.#boss.update(this.#name, parcel, { singletonKey: idOf(parcel), startAfter: '0 seconds' }));
    }
  }

  async work(slots: number, handler: Handler): Promise<void> {
    await this.#boss.work<unknown, void, typeof WORK & { localConcurrency: number }>(
      this.#name,
      { ...WORK, localConcurrency: slots },
      async (jobs) => {
        for (const job of jobs) await this.#deliver(job, handler);
      },
    );
  }

  async cancel(run: string, keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      const jobs = await throughFaults(() => this.#boss.findJobs(this.#name, { key: idOf({ run, key }) }));
      const live = jobs.filter(({ state }) => state === 'created' || state === 'retry' || state === 'active').map(({ id }) => id);
      if (live.length > 0) await throughFaults(() => this.#boss.cancel(this.#name, live));
    }
  }

  async redeliver(delivery: Delivery, at: Date): Promise<void> {
    const job = this.#jobs.get(delivery);
    if (job === undefined) return;
    const { run, key, number } = delivery;
    const parcel: Parcel = { run, key, number: number + 1 };
    await throughFaults(() => this.#again(job, parcel, at));
  }

  async close(): Promise<void> {
    this.#closing.abort(CLOSING);
    await this.#boss.offWork(this.#name);
  }

  async #deliver(job: Job, handler: Handler): Promise<void> {
    const parcel = Parcel.parse(job.data);
    const claim = new AbortController();
    // pg-boss aborts when the claim is gone, and after our own `complete`: then nobody listens any more.
    job.signal.addEventListener('abort', () => claim.abort(LOST), { once: true });
    const delivery: Delivery = {
      ...parcel,
      signal: AbortSignal.any([claim.signal, this.#closing.signal]),
      complete: () => this.#complete(job),
    };
    this.#jobs.set(delivery, job);
    try {
      await handler(delivery);
    } catch (error) {
      this.#log.error({ run: parcel.run, call: parcel.key, error: messageOf(error) }, 'a delivery failed; it is made again');
      await this.redeliver(delivery, new Date(Date.now() + AFTER_FAULT_MS));
    }
  }

  async #complete(job: Job): Promise<void> {
    const attempt = { id: job.id, retryCount: job.retryCount };
    const completed = await throughFaults(() => this.#boss.complete(this.#name, attempt));
    // The fence: `retryCount` names the attempt that was handed to us.
    if (Affected.parse(completed).affected !== 1) throw new Suspended('stopping', `The delivery is over: ${LOST}, or ${CANCELLED}.`);
  }

  async #again(job: Job, parcel: Parcel, at: Date): Promise<void> {
    await this.#statements.transaction(async (db) => {
      const completed = await this.#boss.complete(this.#name, { id: job.id, retryCount: job.retryCount }, null, { db });
      if (Affected.parse(completed).affected === 1)
        await this.#boss.send(this.#name, parcel, { singletonKey: idOf(parcel), startAfter: at, db });
    });
  }
}

/** pg-boss's types leave this out. */
const Affected = z.object({ affected: z.int() });

function idOf({ run, key }: { readonly run: string; readonly key: string }): string {
  return `${run}/${key}`;
}
