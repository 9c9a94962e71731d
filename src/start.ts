import type { Server } from 'node:http';
import { createNodeMiddleware, Probot } from 'probot';
import { openAllowances } from './allowances.ts';
import { learnModels } from './agents/told-models.ts';
import { settleLeftReservations } from './agents/spending.ts';
import { appLog } from './app-log.ts';
import { converge } from './app.ts';
import type { Config } from './config.ts';
import type { Desk } from './control/desk.ts';
import { openCatchUp } from './control/catch-up.ts';
import { openInbox } from './control/inbox.ts';
import { openGenerations } from './control/retry.ts';
import { runCeilings } from './domain/ceilings.ts';
import { inGeneration } from './domain/generation.ts';
import { maySpend } from './domain/may-spend.ts';
import { OPERATOR_DEFAULTS, underPolicy, type OperatorLimits } from './domain/operator-limits.ts';
import { foldRun } from './domain/run-state.ts';
import { messageOf, type PauseReason } from './domain/errors.ts';
import { SWITCH_SCOPE, type SwitchedOff } from './domain/switched-off.ts';
import { watchMonths } from './engine/month.ts';
import { switchOf, type Switch } from './switch.ts';
import type { Log } from './house.ts';
import { SHOWN } from './engine/drive.ts';
import { openDriver, type Driver } from './engine/driver.ts';
import { answerAccess } from './engine/access.ts';
import type { Enquiries } from './engine/enquiries.ts';
import { requireGit } from './git/spawn.ts';
import { openHubs } from './github/open-hubs.ts';
import type { Journal } from './journal/journal.ts';
import { migrate } from './migration.ts';
import { agentsOf, openConfiguredJournal, openEngine, type Engine, type OpenJournal } from './open-engine.ts';
import { openGuard, warnOfWeak, type Guarding } from './open-guard.ts';
import { bulletinOf, houseOpener, type Estate } from './open-house.ts';
import { failed, showEarlyEnd, stopped, type Ending } from './publish/early-end.ts';
import { waitsFrom } from './waits.ts';
import { openWeb } from './open-web.ts';

export interface Running {
  readonly url: string;
  /** Lets every run go at a safe place, and closes what was opened; what is unfinished goes on at the next start. */
  close(): Promise<void>;
}

export const WEBHOOK_PATH = '/api/github/webhooks';

/**
 * Builds the parts, starts listening, and resumes what was unfinished. `openJournal` is the one that the configuration names unless told.
 * Ends in a ConvergeError: of kind `journal` when the data directory cannot be used or another process has it, of kind `git` when git is missing or too old.
 */
export async function start(
  config: Config,
  { openJournal = openConfiguredJournal }: { readonly openJournal?: OpenJournal } = {},
): Promise<Running> {
  const { guard, minted, weak } = openGuard(config);
  const probot = await openProbot(config, { guard, weak });
  const { log } = probot;
  const waits = waitsFrom(config.timings);
  await requireGit();
  const engine = await openEngine(config, { openJournal, log });
  const { journal, shared } = engine;
  const life = new AbortController();
  const allowances = openAllowances({ journal, operator: { ...config.limits, run: runCeilings(config.policy) } });
  // All runs': what a killed process holds in the account of a month is missing to others too.
  await settleLeftReservations(journal, null, engine.owner);
  const operatorSwitch = await switchOf(config, { journal, everyMs: waits.switchMs, log });
  const off = (): SwitchedOff | null => operatorSwitch.off();
  const paying = { journal: engine.agentsJournal, owner: engine.owner, allowances, timings: waits.agents, off, guard, log };
  const agents = agentsOf(config, paying);
  // Nobody waits for it: until it is known, the table holds.
  void learnModels(config.model, { signal: life.signal, log });
  const told = { timings: waits.github, markerSecret: config.webhookSecret, secrets: guard, minted };
  const hubs = openHubs({ ...config, ...told, journal, signal: life.signal });
  const hubOf: Estate['hubOf'] = (place, own) => hubs.of(place, own);
  const estate: Estate = { config, waits, journal, agents, hubOf, allowances, secrets: guard, shared, off, log };
  const houses = houseOpener(estate);
  const driver = await driverOf(estate, { engine, houses, operatorSwitch, quiet: (run) => agents.quiet(run) });
  const desk = deskOf(estate, houses, driver);
  const inbox = await openInbox(desk, { dispatch: engine.commands, retryMs: waits.redriveMs[0] ?? 0 });
  let recording = 0;
  const app = converge((payload) => {
    recording += 1;
    return inbox.record(payload).finally(() => (recording -= 1));
  });
  const webhooks = await createNodeMiddleware(app, { probot, webhooksPath: WEBHOOK_PATH });
  const web = openWeb({ config, journal, hubOf, webhooks, hookPath: WEBHOOK_PATH, recording: () => recording, secrets: guard, off, log });
  const url = await listen(web.server, config);
  for (const run of await toDrive(journal)) driver.drive(run);
  inbox.wake();
  if (shared !== null) await joinOthers({ journal, hubOf, enquiries: shared.enquiries, drive: (run) => driver.drive(run) });
  const catchUp = openCatchUp({ desk, deliveries: hubs.deliveries, inbox }, waits.catchUpMs);
  driveWhatWaits({ journal, driver, log, signal: life.signal });
  log.info({ url }, 'Converge listens');
  return {
    url,
    close: async () => {
      // First what waits on GitHub, so that nothing behind it has to be waited for.
      life.abort();
      web.close();
      await Promise.all([driver.close(), catchUp.close(), inbox.close(), closeServer(web.server)]);
      operatorSwitch.close();
      await agents.close();
      await houses.close();
      await engine.close();
    },
  };
}

function deskOf({ config, journal, hubOf, off, log }: Estate, houses: ReturnType<typeof houseOpener>, driver: Driver): Desk {
  return {
    journal,
    hubOf,
    allowed: (repository) => maySpend(config, repository),
    scriptRepositories: config.scriptRepositories,
    repositoryOf: (repository) => houses.mirror(repository),
    operator: operatorLimits(config),
    off,
    drive: (run) => driver.drive(run),
    interrupt: (run) => driver.interrupt(run),
    restart: (run) => driver.restart(run),
    log,
  };
}

async function openProbot(
  { appId, privateKey, webhookSecret, apiUrl, log }: Config,
  { guard, weak }: Pick<Guarding, 'guard' | 'weak'>,
): Promise<Probot> {
  const probot = new Probot({ appId, privateKey, secret: webhookSecret, baseUrl: apiUrl, log: await appLog(log, guard) });
  await probot.ready();
  warnOfWeak(weak, probot.log);
  return probot;
}

/** What is unfinished, and what ended without having been shown. Oldest first. */
async function toDrive(journal: Journal): Promise<readonly string[]> {
  const runs = await journal.runs();
  const unfinished = new Set(await journal.unfinished());
  const open = await Promise.all(runs.map(async (run) => unfinished.has(run) || !(await isShown(journal, run))));
  return runs.filter((_run, at) => open[at]).toReversed();
}

/** Only of a run that somebody had tried again the record is read. */
async function isShown(journal: Journal, run: string): Promise<boolean> {
  const retried = (await journal.signals(run)).some(({ name }) => name === 'retry');
  const generation = retried ? foldRun(await journal.events(run)).generation : 1;
  return (await journal.doneStep(run, inGeneration(generation, SHOWN))) !== undefined;
}

interface Waiting {
  readonly journal: Journal;
  readonly driver: Driver;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** In a new month, and when Converge is switched on again; also a worker, whose word paused runs that are driven here. */
function driveWhatWaits({ journal, driver, log, signal }: Waiting): void {
  const drive = (reason: PauseReason): void => void driveWaiting(journal, driver, { reason, log });
  watchMonths({ signal, begun: () => drive('budget') });
  journal.watch(SWITCH_SCOPE, ({ event }) => {
    if (event.type === 'switch.turned' && !event.off) drive('switched-off');
  });
}

/** What paused for a reason that has passed tries again: a new month has new money, or Converge is switched on again. */
async function driveWaiting(
  journal: Journal,
  driver: Driver,
  { reason, log }: { readonly reason: PauseReason; readonly log: Log },
): Promise<void> {
  try {
    for (const run of await journal.unfinished()) if (foldRun(await journal.events(run)).pause?.reason === reason) driver.drive(run);
  } catch (error) {
    log.error({ reason, error: messageOf(error) }, 'runs that wait could not be looked up');
  }
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}

interface Driving {
  readonly engine: Engine;
  readonly houses: ReturnType<typeof houseOpener>;
  readonly operatorSwitch: Switch;
  readonly quiet: (run: string) => Promise<void>;
}

function driverOf(estate: Estate, { engine, houses, operatorSwitch, quiet }: Driving): Promise<Driver> {
  const { config, hubOf, waits, log } = estate;
  const endingOf = async (run: string, journal: Journal): Promise<Ending> => {
    const { place } = foldRun(await journal.events(run));
    return { run, place, journal, hub: hubOf(place, journal) };
  };
  return openDriver({
    journal: engine.journal,
    dispatch: engine.runs,
    slots: engine.slots,
    hold: (run) => engine.hold(run),
    bulletin: (run, journal, after) => bulletinOf({ ...estate, journal }, run, after),
    enter: (run, journal, signal) => houses.enter(run, signal, journal),
    migrate,
    quiet,
    allowed: (place) => maySpend(config, place),
    off: () => operatorSwitch.off(),
    watchSwitch: (listener) => operatorSwitch.watch(listener),
    openGenerations: (run, journal) => openGenerations(journal, run),
    stopped: async (run, journal, why) => stopped(await endingOf(run, journal), why),
    failed: async (run, journal, why) => failed(await endingOf(run, journal), why),
    showEarlyEnd: async (run, journal) => showEarlyEnd(await endingOf(run, journal)),
    redriveMs: waits.redriveMs,
    log,
  });
}

interface Others {
  readonly journal: Journal;
  readonly hubOf: Estate['hubOf'];
  readonly enquiries: Enquiries;
  readonly drive: (run: string) => void;
}

/** One App among several, and workers: it lets workers read repositories, and drives what another App heard and died of. */
async function joinOthers({ journal, hubOf, enquiries, drive }: Others): Promise<void> {
  journal.watch(null, ({ scope, event }) => {
    if (
      event.type === 'run.started' ||
      event.type === 'signal.received' ||
      event.type === 'run.amended' ||
      event.type === 'generation.opened'
    )
      drive(scope);
  });
  await answerAccess(enquiries, journal, async (run) => {
    const hub = hubOf(foldRun(await journal.events(run)).place);
    const { cloneUrl } = await hub.repository();
    return { cloneUrl, bot: await hub.bot(), token: await hub.gitToken('read') };
  });
}

function operatorLimits(config: Config): OperatorLimits {
  return underPolicy({ ...OPERATOR_DEFAULTS, ...config.limits }, config.policy);
}

function listen(server: Server, { host, port }: Config): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      const address = server.address();
      const actual = typeof address === 'object' && address !== null ? address.port : port;
      resolve(`http://${host}:${actual}`);
    });
  });
}
