import { setTimeout as wait } from 'node:timers/promises';

import { Connection } from './postgres-connection.ts';

interface Listening {
  readonly url: string;
  readonly channel: string;
  readonly heard: (message: string) => void;
  /** Called whenever it listens anew, first by `open`: what was said before that was missed. */
  readonly again: (connection: Connection) => void | Promise<void>;
}

/** A connection that says nothing for so long is asked whether it lives. */
const PULSE_MS = 10_000;

/** Hears what is notified on a channel; a lost connection is made again. */
export class Ear {
  readonly #listening: Listening;
  readonly #connection: Connection;
  readonly #life = new AbortController();
  #kept: Promise<void> = Promise.resolve();

  constructor(listening: Listening) {
    this.#listening = listening;
    this.#connection = new Connection(listening.url);
  }

  /** From when it resolves on nothing is missed. */
  async open(): Promise<void> {
    await this.#listen();
    this.#kept = this.#keepListening();
  }

  async close(): Promise<void> {
    this.#life.abort();
    await this.#connection.close();
    await this.#kept;
  }

  async #listen(): Promise<void> {
    const { channel, heard, again } = this.#listening;
    const client = await this.#connection.client();
    client.on('notification', ({ payload = '' }) => heard(payload));
    await client.query(`LISTEN "${channel}"`);
    await again(this.#connection);
  }

  async #keepListening(): Promise<void> {
    const { signal } = this.#life;
    let client = await this.#connection.client();
    let lost = false;
    while (!signal.aborted) {
      if (!lost) {
        const ended = Promise.withResolvers<void>();
        const end = (): void => ended.resolve();
        client.once('end', end);
        await Promise.race([ended.promise, wait(PULSE_MS, undefined, { signal }).catch(() => {})]);
        client.off('end', end);
      }
      if (signal.aborted) return;
      try {
        if ((await this.#connection.client()) === client) await client.query('SELECT 1');
        else {
          await this.#listen();
          client = await this.#connection.client();
        }
        lost = false;
      } catch {
        lost = true;
        await this.#connection.drop();
        await wait(100, undefined, { signal }).catch(() => {});
      }
    }
  }
}
