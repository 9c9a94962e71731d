import { agentsOf, CALLS, processName } from './open-engine.ts';
import { openAllowances } from './allowances.ts';
import { learnModels } from './agents/told-models.ts';
import { settleLeftReservations, type Owner } from './agents/spending.ts';
import type { WorkerConfig } from './config.ts';
import { runCeilings } from './domain/ceilings.ts';
import { accessAsker } from './engine/access.ts';
import { callHandler } from './engine/call-handler.ts';
import { openHoldings } from './engine/holdings.ts';
import { openBoss } from './engine/pg-boss.ts';
import { requireGit } from './git/spawn.ts';
import { lineLog } from './line-log.ts';
import { openLiveness } from './journal/postgres-liveness.ts';
import { openPostgresJournal } from './journal/postgres.ts';
import { openGuard, warnOfWeak } from './open-guard.ts';
import { openRooms } from './open-rooms.ts';
import { sandboxHealth } from './open-web.ts';
import { switchOf } from './switch.ts';
import { waitsFrom } from './waits.ts';

export interface Working {
  /** Lets every call go at a safe place; other workers go on with them. */
  close(): Promise<void>;
}

/**
 * Starts a worker: it carries out calls of all runs whose journal is in that database, as many at once as it has slots. It posts and pushes nothing.
 * Ends in a ConvergeError: of kind `journal` when the database cannot be used, of kind `git` when git is missing or too old.
 */
export async function startWorker(config: WorkerConfig): Promise<Working> {
  const { databaseUrl: url } = config;
  const waits = waitsFrom(config.timings);
  const { guard, minted, weak } = openGuard(config);
  const log = lineLog(config.log.level, guard);
  warnOfWeak(weak, log);
  await requireGit();
  sandboxHealth(config, log);
  const name = processName();
  const journal = await openPostgresJournal({ url });
  const [boss, liveness] = await Promise.all([openBoss({ url, log }), openLiveness(url, name)]);
  const holdings = openHoldings(journal);
  const life = new AbortController();
  const allowances = openAllowances({ journal, operator: { ...config.limits, run: runCeilings(config.policy) } });
  const owner: Owner = { id: name, isDead: async (other) => other === null || liveness.isDead(other) };
  const operatorSwitch = await switchOf(config, { journal, everyMs: waits.switchMs, log });
  const agents = agentsOf(config, {
    journal: holdings.journal,
    owner,
    allowances,
    timings: waits.agents,
    off: () => operatorSwitch.off(),
    guard,
    log,
  });
  void learnModels(config.model, { signal: life.signal, log });
  const ask = accessAsker(boss);
  const accessOf: typeof ask = async (run) => {
    const access = await ask(run);
    minted(access.token);
    return access;
  };
  const rooms = openRooms({
    config,
    journal,
    agents,
    allowances,
    accessOf,
    retryWaits: waits.retryWaits,
    secrets: guard,
    signal: life.signal,
  });
  const dispatch = await boss.queue(CALLS);
  const settleLeft = async (run: string): Promise<void> => void (await settleLeftReservations(journal, run, owner));
  const handler = callHandler({ journal, holdings, dispatch, owner: name, settleLeft, enter: (run) => rooms.enter(run), log });
  await dispatch.work(config.limits.concurrency, handler);
  log.info({ slots: config.limits.concurrency, worker: name }, 'Converge works');
  return {
    close: async () => {
      await dispatch.close();
      life.abort();
      operatorSwitch.close();
      await agents.close();
      await rooms.close();
      await boss.close();
      await liveness.close();
      await journal.close();
    },
  };
}
