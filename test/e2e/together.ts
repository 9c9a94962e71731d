import { join } from 'node:path';
import { Client } from 'pg';
import { z } from 'zod';
import { inheritedEnvironment } from '../../src/config.ts';
import { storedEvent } from '../../src/journal/event-schema.ts';
import type { StoredEvent } from '../../src/domain/events.ts';
import { LOCAL_WAITS, startApp } from '../../src/local/app-process.ts';
import { type Child, startChild } from '../../src/local/child.ts';
import { RunFacts } from '../../src/local/scene.ts';
import { probeConfinement } from '../../src/sandbox/probe.ts';
import { OWNER } from './github.ts';
import { freePort } from '../../src/local/free-port.ts';
import { openScene, SECRET, type Scene, type SceneOptions } from './support.ts';

/** A scene whose App shares a Postgres with workers, and with more Apps. */
export interface Together {
  readonly scene: Scene;
  /** Of the database. */
  readonly url: string;
  /** Everything that workers and other Apps printed. */
  readonly log: readonly string[];
  /** One more worker, with a data directory of its own. */
  worker(slots?: number): Promise<Child>;
  /** One more App, which nobody's webhooks reach. */
  app(): Promise<{ readonly child: Child; facts(run: string): Promise<RunFacts | undefined> }>;
  events(run: string): Promise<readonly StoredEvent[]>;
  /** Rows of a statement on the journal's database. */
  readonly rows: (sql: string) => Promise<readonly Readonly<Record<string, unknown>>[]>;
  close(): Promise<void>;
}

const ENTRY = '../main.ts';

export async function openTogether(url: string, options: SceneOptions): Promise<Together> {
  const scene = await openScene({ ...options, program: () => ({ entry: ENTRY, environment: { DATABASE_URL: url } }) });
  const client = new Client({ connectionString: url });
  await client.connect();
  const confinement = (await probeConfinement(inheritedEnvironment()['PATH'])).kind === 'bubblewrap' ? 'bubblewrap' : 'none';
  const children: Child[] = [];
  const log: string[] = [];
  return {
    scene,
    url,
    log,
    worker: async (slots = 8) => {
      const before = log.filter((line) => line.includes('Converge works')).length;
      const child = startChild({
        entry: '../worker.ts',
        onLine: (line) => log.push(line),
        environment: {
          DATABASE_URL: url,
          DATA_DIR: join(scene.scratch, `worker-${children.length}`),
          ANTHROPIC_API_KEY: 'scripted',
          ANTHROPIC_BASE_URL: scene.claude.url,
          SANDBOX: confinement,
          MAX_CONCURRENCY: String(slots),
          CONVERGE_TIMINGS: JSON.stringify({ ...LOCAL_WAITS, ...options.waits }),
          NO_PROXY: '127.0.0.1',
          LOG_FORMAT: 'json',
        },
      });
      children.push(child);
      await scene.until('the worker to work', () => log.filter((line) => line.includes('Converge works')).length > before);
      return child;
    },
    app: async () => {
      const port = await freePort();
      const child = startApp({
        world: scene.world,
        owner: OWNER,
        webhookSecret: SECRET,
        port,
        dataDirectory: join(scene.scratch, `app-${children.length}`),
        model: { apiKey: 'scripted', baseUrl: scene.claude.url },
        confinement,
        waits: options.waits ?? {},
        onLine: (line) => log.push(line),
        environment: { DATABASE_URL: url },
      });
      children.push(child);
      const at = `http://127.0.0.1:${port}`;
      await scene.until('the other App to answer', async () => (await fetch(`${at}/healthz`).catch(() => null))?.ok === true);
      return {
        child,
        facts: async (run) => {
          const response = await fetch(`${at}/runs/${run}.json`).catch(() => null);
          return response?.ok === true ? RunFacts.parse(await response.json()) : undefined;
        },
      };
    },
    events: async (run) => {
      const { rows } = await client.query('SELECT scope, n::int AS n, at, body FROM converge.event WHERE scope = $1 ORDER BY n', [run]);
      return z.array(storedEvent).parse(rows);
    },
    rows: async (sql) => (await client.query<Record<string, unknown>>(sql)).rows,
    close: async () => {
      await Promise.all(children.map((child) => child.end()));
      await client.end();
      await scene.close();
    },
  };
}
