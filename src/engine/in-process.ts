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
  atWork: { readonly abort: AbortController; readonly delivery: Delivery; readonly ended: Promise<void>; over: boolean } | null;
  /** When it is to be delivered once more after the present delivery has ended; null when it is not. */
  next: { readonly number: number; readonly at: number } | null;
}

/** Before what a handler did not expect is tried again. */
const AFTER_FAULT_MS = 2000;

/** Deliveries within this process. What it holds dies with the process; the journal knows what is to be pushed again. */
export function openInProcess({ log }: { readonly log: Log }): Dispatch {
  const entries = new Map<string, Entry>();
  const queue = new PQueue({ concurrency: Infinity, autoStart: false });
  let handle: Handler | null = null;
  let closing = false;

  const enqueue = (entry: Entry): void => {
    entry.timer = null;
    void queue.add(() => deliver(entry));
  };
  const later = (entry: Entry, at: number): void => {
    entry.timer = setTimeout(() => enqueue(entry), Math.max(0, at - Date.now()));
  };
  const deliver = async (entry: Entry): Promise<void> => {
    if (closing || handle === null || entries.get(idOf(entry)) !== entry) return;
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    const abort = new AbortController();
    const mine: NonNullable<Entry['atWork']> = { abort, ended, over: false, delivery: deliveryOf(entry, abort.signal, () => end(mine)) };
    entry.atWork = mine;
    try {
      await handle(mine.delivery);
    } catch (error) {
      log.error({ run: entry.run, call: entry.key, error: messageOf(error) }, 'a delivery failed; it is made again');
      entry.next ??= { number: entry.number + 1, at: Date.now() + AFTER_FAULT_MS };
    }
    mine.over = true;
    entry.atWork = null;
    resolve();
    if (entry.next === null || closing) entries.delete(idOf(entry));
    else {
      entry.number = entry.next.number;
      later(entry, entry.next.at);
      entry.next = null;
    }
  };
  return {
    push: (run, keys) => {
      for (const key of keys) pushOne({ entries, enqueue, run, key });
      return Promise.resolve();
    },
    work: (slots, handler) => {
      handle = handler;
      queue.concurrency = slots;
      queue.start();
      return Promise.resolve();
    },
    cancel: async (run, keys) => {
      await Promise.all(keys.map((key) => cancelOne(entries, idOf({ run, key }))));
    },
    redeliver: (delivery, at) => {
      const entry = entries.get(idOf(delivery));
      if (entry?.atWork?.delivery === delivery && !entry.atWork.over) {
        entry.atWork.over = true;
        entry.next = { number: delivery.number + 1, at: at.getTime() };
      }
      return Promise.resolve();
    },
    close: async () => {
      closing = true;
      for (const { timer } of entries.values()) if (timer !== null) clearTimeout(timer);
      const ends = [...entries.values()].flatMap(({ atWork }) => atWork ?? []);
      for (const { abort } of ends) abort.abort(CLOSING);
      await Promise.all(ends.map(({ ended }) => ended));
    },
  };
}

function idOf({ run, key }: { readonly run: string; readonly key: string }): string {
  return `${run}/${key}`;
}

interface Pushing {
  readonly entries: Map<string, Entry>;
  readonly enqueue: (entry: Entry) => void;
  readonly run: string;
  readonly key: string;
}

function pushOne({ entries, enqueue, run, key }: Pushing): void {
  const known = entries.get(idOf({ run, key }));
  if (known === undefined) {
    const entry: Entry = { run, key, number: 1, timer: null, atWork: null, next: null };
    entries.set(idOf(entry), entry);
    enqueue(entry);
    return;
  }
  if (known.timer !== null) {
    clearTimeout(known.timer);
    known.number = 1;
    enqueue(known);
    return;
  }
  // Cancelled, ended or put off, but its worker has not let go yet: delivered again after that.
  if (known.atWork !== null && (known.atWork.over || known.atWork.abort.signal.aborted)) known.next = { number: 1, at: Date.now() };
}

async function cancelOne(entries: Map<string, Entry>, id: string): Promise<void> {
  const entry = entries.get(id);
  if (entry === undefined) return;
  entry.next = null;
  if (entry.timer !== null) clearTimeout(entry.timer);
  if (entry.atWork === null) {
    entries.delete(id);
    return;
  }
  entry.atWork.over = true;
  entry.atWork.abort.abort(CANCELLED);
  await entry.atWork.ended;
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
