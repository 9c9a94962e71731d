import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'pg';

import { KEEPALIVES } from './postgres-connection.ts';

/** Which processes live: each holds a lock of its own in the database for as long as it is connected. */
export interface Liveness {
  isDead(owner: string): Promise<boolean>;
  close(): Promise<void>;
}

const LOCK = "hashtextextended('converge owner ' || $1, 0)";
const AGAIN_MS = 500;

/** Holds the lock of `owner`; a lost connection is made again. Whoever is asked about meanwhile may count as dead: what it reserved is then charged in full, never too little. */
export async function openLiveness(url: string, owner: string): Promise<Liveness> {
  const life = { closed: false };
  let client: Client;
  const connect = async (): Promise<Client> => {
    const fresh = new Client({ connectionString: url, keepAlive: true, application_name: 'converge-owner' });
    fresh.on('error', () => undefined);
    try {
      await fresh.connect();
      await fresh.query(KEEPALIVES);
      await fresh.query(`SELECT pg_advisory_lock(${LOCK})`, [owner]);
    } catch (thrown) {
      fresh.end().catch(() => undefined);
      throw thrown;
    }
    // Only now: a connection that was refused ends too, and its loop goes on by itself.
    fresh.once('end', () => {
      if (!life.closed) void again();
    });
    return fresh;
  };
  const again = async (): Promise<void> => {
    while (!life.closed) {
      try {
        client = await connect();
        return;
      } catch {
        await wait(AGAIN_MS);
      }
    }
  };
  client = await connect();
  return {
    isDead: async (other) => {
      if (other === owner) return false;
      const { rows } = await client.query<{ free: boolean }>(`SELECT pg_try_advisory_lock(${LOCK}) AS free`, [other]);
      if (rows[0]?.free !== true) return false;
      await client.query(`SELECT pg_advisory_unlock(${LOCK})`, [other]);
      return true;
    },
    close: async () => {
      life.closed = true;
      await client.end();
    },
  };
}
