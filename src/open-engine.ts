import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Allowances } from './allowances.ts';
import { openAgents } from './agents/open-agents.ts';
import type { Timings } from './agents/timings.ts';
import { onlyOwner, type Owner } from './agents/spending.ts';
import type { Config } from './config.ts';
import type { SwitchedOff } from './domain/switched-off.ts';
import type { Dispatch } from './engine/dispatch.ts';
import type { Enquiries } from './engine/enquiries.ts';
import { openHoldings } from './engine/holdings.ts';
import { openInProcess } from './engine/in-process.ts';
import { openBoss } from './engine/pg-boss.ts';
import type { Log } from './house.ts';
import type { Journal } from './journal/journal.ts';
import { openLiveness } from './journal/postgres-liveness.ts';
import type { SecretGuard } from './secrets/secret-guard.ts';
import { openPostgresJournal, type PostgresJournal } from './journal/postgres.ts';
import { openSqliteJournal } from './journal/sqlite.ts';

/** Where runs, their calls and people's commands are worked on: in this process alone, or in all that share a database. */
export interface Engine {
  readonly journal: Journal;
  /** For agents: they write only what this process holds. */
  readonly agentsJournal: Journal;
  readonly owner: Owner;
  readonly runs: Dispatch;
  readonly commands: Dispatch;
  /** Runs driven here at once. */
  readonly slots: number;
  /** The journal of whoever drives the run from now on: nobody before writes any more. */
  hold(run: string): Promise<{ readonly journal: Journal; release(): void }>;
  /** What there is beside this process; null when it is the only one. */
  readonly shared: { readonly calls: Dispatch; readonly workers: () => Promise<number>; readonly enquiries: Enquiries } | null;
  close(): Promise<void>;
}

/** The way to the journal that this configuration names. */
export type OpenJournal = (config: Pick<Config, 'databaseUrl' | 'dataDirectory'>) => Promise<Journal>;

/** One file in the data directory, or the database when there is one. */
export const openConfiguredJournal: OpenJournal = ({ databaseUrl, dataDirectory }) =>
  databaseUrl === null ? openSqliteJournal({ directory: dataDirectory }) : openPostgresJournal({ url: databaseUrl });

/** Runs driven by one process at once: they mostly wait, for workers and for CI. */
const DRIVEN = 16;

/** Ends in a ConvergeError of kind `journal` when journal or queue cannot be used. */
export async function openEngine(
  config: Config,
  { openJournal, log }: { readonly openJournal: OpenJournal; readonly log: Log },
): Promise<Engine> {
  const journal = await openJournal(config);
  return config.databaseUrl === null || !isShared(journal) ? alone(journal, log) : together(journal, { url: config.databaseUrl, log });
}

function alone(journal: Journal, log: Log): Engine {
  return {
    journal,
    agentsJournal: journal,
    owner: onlyOwner(),
    runs: openInProcess({ log }),
    commands: openInProcess({ log }),
    slots: Infinity,
    hold: () => Promise.resolve({ journal, release: () => undefined }),
    shared: null,
    close: () => journal.close(),
  };
}

function isShared(journal: Journal): journal is PostgresJournal {
  return 'takeClaim' in journal;
}

/** A name for this process, unique for ever. */
export function processName(): string {
  return `${hostname()}/${process.pid}/${randomUUID()}`;
}

/** The queue of calls, where Apps push and workers work. */
export const CALLS = 'call';

async function together(journal: PostgresJournal, { url, log }: { readonly url: string; readonly log: Log }): Promise<Engine> {
  const owner = processName();
  const [boss, liveness] = await Promise.all([openBoss({ url, log }), openLiveness(url, owner)]);
  const [runs, commands, calls] = await Promise.all([boss.queue('run'), boss.queue('command'), boss.queue(CALLS)]);
  const holdings = openHoldings(journal);
  return {
    journal,
    agentsJournal: holdings.journal,
    // A reservation without an owner is of a version that had one process, and that process had another journal.
    owner: { id: owner, isDead: async (other) => other === null || liveness.isDead(other) },
    runs,
    commands,
    slots: DRIVEN,
    hold: async (run) => holdings.hold(await journal.takeClaim({ run, key: null, owner })),
    shared: { calls, workers: () => boss.workers(CALLS), enquiries: boss },
    close: async () => {
      await boss.close();
      await liveness.close();
      await journal.close();
    },
  };
}

interface Paying {
  readonly journal: Journal;
  readonly owner: Owner;
  readonly allowances: Allowances;
  readonly timings: Timings;
  readonly off: () => SwitchedOff | null;
  readonly guard: SecretGuard;
  readonly log: Log;
}

/** The agents of this process, an App or a worker. */
export function agentsOf(
  { model, limits }: Pick<Config, 'model' | 'limits'>,
  { journal, owner, allowances, timings, off, guard, log }: Paying,
): ReturnType<typeof openAgents> {
  return openAgents({
    client: model,
    journal,
    allowanceOf: (run) => allowances.of(run),
    owner,
    timings,
    off,
    discretion: {
      secrets: guard,
      onKept: (kept) =>
        log.info(kept, 'something in what an agent reads was hidden from people, or secret: it was removed, or is shown by number'),
    },
    onPlainSteers: (name) => log.warn({ model: name }, 'this model takes no system message within a conversation: steers go to it as text'),
    concurrency: limits.concurrency,
  });
}
