import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CANCELLED, CLOSING, type Delivery, type Dispatch, LOST } from '../../src/engine/dispatch.ts';

export interface Fixture {
  /** One more process of the same queue; in this one where there can be only one. */
  open(): Promise<Dispatch>;
  close(): Promise<void>;
}

/** A worker whose deliveries end when the test says so. */
interface Held {
  readonly delivery: Delivery;
  readonly end: () => void;
}

class Worker {
  readonly held: Held[] = [];
  most = 0;
  now = 0;
  #wake = Promise.withResolvers<void>();

  readonly handle = async (delivery: Delivery): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.now += 1;
    this.most = Math.max(this.most, this.now);
    this.held.push({ delivery, end: resolve });
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
    await promise;
    this.now -= 1;
  };

  /** The delivery of that key, the `nth` of it, as soon as it is there. */
  async gets(key: string, nth = 1): Promise<Held> {
    for (;;) {
      const found = this.held.filter(({ delivery }) => delivery.key === key)[nth - 1];
      if (found !== undefined) return found;
      await this.#wake.promise;
    }
  }
}

/** What every adapter of the dispatch port does (src/engine/dispatch.ts). */
export function dispatchConformance(name: string, openFixture: () => Promise<Fixture>): void {
  describe(name, () => {
    let fixture: Fixture;
    let dispatch: Dispatch;
    let worker: Worker;

    beforeEach(async () => {
      fixture = await openFixture();
      dispatch = await fixture.open();
      worker = new Worker();
    });
    afterEach(async () => {
      for (const { end } of worker.held) end();
      await dispatch.close();
      await fixture.close();
    });

    it('delivers what was pushed, before or after work began, once', async () => {
      await dispatch.push('r1', ['a', 'a']);
      await dispatch.work(4, worker.handle);
      const first = await worker.gets('a');
      expect(first.delivery).toMatchObject({ run: 'r1', key: 'a', number: 1 });
      // On its way or at work: passed over.
      await dispatch.push('r1', ['a', 'b']);
      await worker.gets('b');
      expect(worker.held.map(({ delivery }) => delivery.key)).toEqual(['a', 'b']);
    });

    it('delivers again what is pushed after its end', async () => {
      await dispatch.work(1, worker.handle);
      await dispatch.push('r1', ['a']);
      const first = await worker.gets('a');
      await first.delivery.complete();
      first.end();
      await dispatch.push('r1', ['a']);
      expect((await worker.gets('a', 2)).delivery.number).toBe(1);
    });

    it('has no more at work than it has slots', async () => {
      await dispatch.work(2, worker.handle);
      await dispatch.push('r1', ['a', 'b', 'c', 'd', 'e']);
      for (let count = 0; count < 5; count += 1) {
        // Both slots have one before either ends, however slowly a slot asks for its next.
        while (worker.held.length < Math.min(count + 2, 5)) await new Promise((resolve) => setImmediate(resolve));
        worker.held[count]?.end();
      }
      expect(worker.most).toBe(2);
      expect(worker.held.map(({ delivery }) => delivery.key).toSorted()).toEqual(['a', 'b', 'c', 'd', 'e']);
    });

    it('ends a delivery once: a second completion is rejected', async () => {
      await dispatch.work(1, worker.handle);
      await dispatch.push('r1', ['a']);
      const { delivery } = await worker.gets('a');
      await delivery.complete();
      await expect(delivery.complete()).rejects.toMatchObject({ name: 'Suspended', reason: 'stopping' });
    });

    it('redelivers at the time that was said, and not before, with the next number', async () => {
      await dispatch.work(2, worker.handle);
      await dispatch.push('r1', ['a']);
      const first = await worker.gets('a');
      const at = Date.now() + 1500;
      await dispatch.redeliver(first.delivery, new Date(at));
      first.end();
      const second = await worker.gets('a', 2);
      expect(Date.now()).toBeGreaterThanOrEqual(at - 5);
      expect(second.delivery.number).toBe(2);
      await expect(first.delivery.complete()).rejects.toMatchObject({ name: 'Suspended' });
    });

    it('delivers at once what was put off, when it is pushed', async () => {
      await dispatch.work(2, worker.handle);
      await dispatch.push('r1', ['a']);
      const first = await worker.gets('a');
      await dispatch.redeliver(first.delivery, new Date(Date.now() + 3_600_000));
      first.end();
      await dispatch.push('r1', ['b']);
      await worker.gets('b');
      await dispatch.push('r1', ['a']);
      expect((await worker.gets('a', 2)).delivery.number).toBe(1);
    });

    it('cancels what is at work: its worker is told, and its completion is rejected', async () => {
      await dispatch.work(1, worker.handle);
      await dispatch.push('r1', ['a', 'b']);
      const { delivery, end } = await worker.gets('a');
      const told = new Promise((resolve) => delivery.signal.addEventListener('abort', resolve, { once: true }));
      // Behind the only slot: never begun.
      await dispatch.cancel('r1', ['b']);
      const cancelled = dispatch.cancel('r1', ['a']);
      await told;
      expect([CANCELLED, LOST]).toContain(delivery.signal.reason);
      await expect(delivery.complete()).rejects.toMatchObject({ name: 'Suspended' });
      end();
      await cancelled;
      await dispatch.push('r1', ['c']);
      await worker.gets('c');
      expect(worker.held.map((held) => held.delivery.key)).toEqual(['a', 'c']);
    });

    it('delivers again what is pushed after it was cancelled', async () => {
      await dispatch.work(1, worker.handle);
      await dispatch.push('r1', ['a']);
      const first = await worker.gets('a');
      const cancelled = dispatch.cancel('r1', ['a']);
      first.end();
      await cancelled;
      await dispatch.push('r1', ['a']);
      await worker.gets('a', 2);
    });

    it('tells those at work that it closes, and waits for them', async () => {
      const other = await fixture.open();
      await other.work(1, worker.handle);
      await other.push('r1', ['a']);
      const { delivery, end } = await worker.gets('a');
      delivery.signal.addEventListener('abort', () => end(), { once: true });
      await other.close();
      expect(delivery.signal.reason).toBe(CLOSING);
      expect(worker.now).toBe(0);
    });

    it('delivers again, later, what a handler failed at', async () => {
      let failures = 0;
      await dispatch.work(1, async (delivery) => {
        if (delivery.key === 'bad' && failures === 0) {
          failures += 1;
          throw new Error('a handler should not throw');
        }
        await worker.handle(delivery);
      });
      await dispatch.push('r1', ['bad', 'good']);
      const good = await worker.gets('good');
      good.end();
      expect((await worker.gets('bad')).delivery.number).toBe(2);
    });
  });
}
