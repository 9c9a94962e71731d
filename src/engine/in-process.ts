import PQueue from 'p-queue';
import { messageOf, Suspended } from '../domain/errors.ts';
import type { Log } from '../house.ts';
import { CANCELLED, CLOSING, type Delivery, type Dispatch, type Handler, LOST } from './dispatch.ts';

interface Entry {
  readonly run: string;
  readonly key: string;
  number: number;
  /** Set while it waits for its time. */
  timer: NodeJS.Timeout | null;
  /** Set while it is at work. */
  atWork: AtWork | null;
  /** When it is to be delivered once more after the present delivery has ended; null when it is not. */
  next: { readonly number: number; readonly at: number } | null;
}

interface AtWork {
  readonly abort: AbortController;
  readonly delivery: Delivery;
  readonly ended: Promise<void>;
  /** It was completed, put off or cancelled; its worker may not have let go yet. */
  over: boolean;
}

/** Before what a handler did not expect is tried again. */
const AFTER_FAULT_MS = 2000;

/** Deliveries within this process. What it holds dies with the process; the journal knows what is to be pushed again. */
export function openInProcess({ log }: { readonly log: Log }): Dispatch {
  return new InProcess(log);
}

class InProcess implements Dispatch {
  readonly #log: Log;
  readonly #entries = new Map<string, Entry>();
  readonly #queue = new PQueue({ concurrency: Infinity, autoStart: false });
  #handler: Handler | null = null;
  #closing = false;

  constructor(log: Log) {
    this.#log = log;
  }

  push(run: string, keys: readonly string[]): Promise<void> {
    for (const key of keys) this.#pushOne(run, key);
    return Promise.resolve();
  }

  work(slots: number, handler: Handler): Promise<void> {
    this.#handler = handler;
    this.#queue.concurrency = slots;
    this.#queue.start();
    return Promise.resolve();
  }

  /** Resolves when whoever was at work has let go. */
  async cancel(run: string, keys: readonly string[]): Promise<void> {
    await Promise.all(keys.map((key) => this.#cancelOne(idOf({ run, key }))));
  }

  redeliver(delivery: Delivery, at: Date): Promise<void> {
    const entry = this.#entries.get(idOf(delivery));
    if (entry?.atWork?.delivery === delivery && end(entry.atWork)) entry.next = { number: delivery.number + 1, at: at.getTime() };
    return Promise.resolve();
  }

  async close(): Promise<void> {
    this.#closing = true;
    for (const { timer } of this.#entries.values()) if (timer !== null) clearTimeout(timer);
    const atWork = [...this.#entries.values()].flatMap((entry) => entry.atWork ?? []);
    for (const { abort } of atWork) abort.abort(CLOSING);
    await Promise.all(atWork.map(({ ended }) => ended));
  }

  #pushOne(run: string, key: string): void {
    const known = this.#entries.get(idOf({ run, key }));
    if (known === undefined) {
      const entry: Entry = { run, key, number: 1, timer: null, atWork: null, next: null };
      this.#entries.set(idOf(entry), entry);
      this.#enqueue(entry);
      return;
    }
    if (known.timer !== null) {
      clearTimeout(known.timer);
      known.number = 1;
      this.#enqueue(known);
      return;
    }
    // Cancelled, ended or put off, but its worker has not let go yet: delivered again after that.
    if (known.atWork !== null && (known.atWork.over || known.atWork.abort.signal.aborted)) known.next = { number: 1, at: Date.now() };
  }

  #enqueue(entry: Entry): void {
    entry.timer = null;
    void this.#queue.add(() => this.#deliver(entry));
  }

  async #deliver(entry: Entry): Promise<void> {
    if (this.#closing || this.#handler === null || this.#entries.get(idOf(entry)) !== entry) return;
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    const abort = new AbortController();
    const mine: AtWork = { abort, ended, over: false, delivery: deliveryOf(entry, abort.signal, () => end(mine)) };
    entry.atWork = mine;
    try {
      await this.#handler(mine.delivery);
    } catch (error) {
      this.#log.error({ run: entry.run, call: entry.key, error: messageOf(error) }, 'a delivery failed; it is made again');
      entry.next ??= { number: entry.number + 1, at: Date.now() + AFTER_FAULT_MS };
    }
    entry.atWork = null;
    resolve();
    this.#after(entry);
  }

  #after(entry: Entry): void {
    const { next } = entry;
    entry.next = null;
    if (next === null || this.#closing) {
      this.#entries.delete(idOf(entry));
      return;
    }
    entry.number = next.number;
    entry.timer = setTimeout(() => this.#enqueue(entry), Math.max(0, next.at - Date.now()));
  }

  async #cancelOne(id: string): Promise<void> {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    entry.next = null;
    if (entry.timer !== null) clearTimeout(entry.timer);
    if (entry.atWork === null) {
      this.#entries.delete(id);
      return;
    }
    entry.atWork.over = true;
    entry.atWork.abort.abort(CANCELLED);
    await entry.atWork.ended;
  }
}

function idOf({ run, key }: { readonly run: string; readonly key: string }): string {
  return `${run}/${key}`;
}

function deliveryOf({ run, key, number }: Entry, signal: AbortSignal, end: () => boolean): Delivery {
  return {
    run,
    key,
    number,
    signal,
    complete: () =>
      end() ? Promise.resolve() : Promise.reject(new Suspended('stopping', `The delivery is over: ${LOST}, or ${CANCELLED}.`)),
  };
}

function end(atWork: { over: boolean }): boolean {
  if (atWork.over) return false;
  atWork.over = true;
  return true;
}
