import { caveatsOf } from './caveats.ts';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Allowances } from './allowances.ts';
import type { Agents } from './agents/agent.ts';
import type { Config } from './config.ts';
import { messageOf, Suspended } from './domain/errors.ts';
import { monthAccounts, nearLimitsOf } from './domain/allowance.ts';
import type { Place } from './domain/run.ts';
import { foldRun } from './domain/run-state.ts';
import { switchedOffText, type SwitchedOff } from './domain/switched-off.ts';
import type { Plan } from './domain/plan.ts';
import { scriptArgs } from './domain/saved-script.ts';
import { openCarrying } from './engine/carry.ts';
import type { Dispatch } from './engine/dispatch.ts';
import type { OpenHouse } from './engine/drive.ts';
import { openRepository } from './git/mirror.ts';
import type { Repository } from './git/workspace.ts';
import type { Hub } from './github/hub.ts';
import type { Executed, House, Log } from './house.ts';
import type { Journal } from './journal/journal.ts';
import { durableSteps } from './journal/step.ts';
import { openPredicate } from './plan/predicate.ts';
import { openPrimitives } from './primitives/table.ts';
import { openBulletin, type Bulletin } from './publish/bulletin.ts';
import { viewOf } from './publish/view.ts';
import { openPilot } from './publish/pilot.ts';
import { restoreMirror } from './restore-mirror.ts';
import type { SecretGuard } from './secrets/secret-guard.ts';
import { openCommands } from './sandbox/commands-of.ts';
import { deliveredBudget } from './script/budget.ts';
import { DEFAULT_SCRIPT } from './script/default-script.ts';
import { runScript } from './script/replay.ts';
import { openThreads } from './script/sandbox.ts';
import type { Threads } from './script/thread.ts';
import { makePlan } from './make-plan.ts';
import type { SavedPlaces } from './saved-scripts.ts';
import type { Waits } from './waits.ts';

type RepositoryName = Pick<Place, 'owner' | 'repo' | 'installation'>;

export interface Estate {
  readonly config: Config;
  readonly waits: Waits;
  readonly journal: Journal;
  readonly agents: Agents;
  /** Effects go into that journal; this process's own unless told. */
  readonly hubOf: (repository: RepositoryName, journal?: Journal) => Hub;
  /** Of the runs that are driven here. */
  readonly allowances: Allowances;
  readonly secrets: SecretGuard;
  /** Takes calls to workers, of which there are so many; null where they are carried out where the run is driven. */
  readonly shared: { readonly calls: Dispatch; readonly workers: () => Promise<number> } | null;
  /** The operator's switch. */
  readonly off: () => SwitchedOff | null;
  readonly log: Log;
}

/** Opens houses for runs. Mirrors are opened once in this process and shared by the runs of their repository. */
export function houseOpener(estate: Estate): {
  /** What is decided there goes into `journal`, this process's own unless told. */
  readonly enter: (run: string, signal: AbortSignal, journal?: Journal) => Promise<OpenHouse>;
  readonly mirror: (repository: RepositoryName) => Promise<Repository>;
  close(): Promise<void>;
} {
  const mirrors = new Map<string, Mirror>();
  const threads = openThreads();
  const mirrorOf: Entering['mirrorOf'] = (place, hub) => {
    const name = `${place.owner}/${place.repo}`.toLowerCase();
    const known = mirrors.get(name);
    if (known !== undefined) {
      if (place.installation > known.newest.installation) {
        known.newest.hub = hub;
        known.newest.installation = place.installation;
      }
      return known.repository;
    }
    const newest = { hub, installation: place.installation };
    const mirror: Mirror = { newest, repository: openMirror(estate, name, () => newest.hub) };
    mirrors.set(name, mirror);
    mirror.repository.catch(() => mirrors.delete(name));
    return mirror.repository;
  };
  return {
    enter: (run, signal, journal = estate.journal) => enter({ ...estate, journal }, { run, signal, mirrorOf, threads }),
    mirror: (repository) => mirrorOf(repository, estate.hubOf(repository)),
    close: async () => {
      await threads.close();
      for (const { repository } of mirrors.values()) await (await repository).close();
    },
  };
}

interface Mirror {
  /** The newest installation that a run entered with: an App that was installed anew has no other's tokens. Their numbers grow. */
  readonly newest: { hub: Hub; installation: number };
  readonly repository: Promise<Repository>;
}

interface Entering {
  readonly run: string;
  readonly signal: AbortSignal;
  readonly mirrorOf: (place: RepositoryName, hub: Hub) => Promise<Repository>;
  readonly threads: Threads;
}

async function enter(estate: Estate, { run, signal, mirrorOf, threads }: Entering): Promise<OpenHouse> {
  const { config, journal } = estate;
  const { place, requester, task, settings, generation, stop } = foldRun(await journal.events(run));
  const hub = estate.hubOf(place, journal);
  const repository = await mirrorOf(place, hub);
  const { confinement, setupNetwork, parallel, memoryMegabytes, diskMegabytes, readOnly } = config.sandbox;
  const directory = join(config.dataDirectory, 'sandbox', run);
  const { setup } = settings;
  const commands = await openCommands({
    repository,
    settings: { confinement, directory, setup, setupNetwork, parallel, memoryMegabytes, diskMegabytes, readOnly },
  });
  await estate.allowances.follow(run);
  const house: House = {
    run,
    place,
    requester,
    task,
    settings,
    journal,
    generation,
    stoppedBy: stop?.deliver === true ? stop.by : null,
    hub,
    repository,
    commands,
    signal,
    patient: estate.shared === null,
    pageUrl: pageUrlOf(config, run),
    step: durableSteps(journal, run),
    agents: estate.agents,
    planner: { plan: (own, request) => makePlan(own, request, savedPlaces(estate, own)) },
    scripts: {
      standard: DEFAULT_SCRIPT,
      run: (own, plan) =>
        own.stoppedBy !== null
          ? Promise.resolve({ kind: 'stopped' as const, by: own.stoppedBy })
          : runPlan({ house: own, plan, threads }, estate),
    },
    predicates: { open: (plan) => openPredicate(plan.draft.predicate, { commands }) },
  };
  try {
    await restoreMirror(house);
  } catch (error) {
    await commands.close();
    throw error;
  }
  return {
    house,
    close: async () => {
      await commands.close();
      if (foldRun(await journal.events(run)).status === 'ended') await leave(estate, { run, repository });
    },
  };
}

/** What a run shows on GitHub while it is driven. */
export async function bulletinOf({ config, journal, hubOf, waits, log }: Estate, run: string, after: Promise<void>): Promise<Bulletin> {
  const { place } = foldRun(await journal.events(run));
  const onProblem = (problem: unknown): void =>
    log.warn({ run, problem: messageOf(problem) }, 'status could not be shown; it is shown with the next change');
  const months = async (): Promise<readonly string[]> => {
    const accounts = monthAccounts(place, config.limits, new Date());
    return (await Promise.all(accounts.map(async (account) => nearLimitsOf(account, await journal.balance(account.name))))).flat();
  };
  const shown = { pageUrl: pageUrlOf(config, run), caveats: caveatsOf(config), intervalMs: waits.bulletinMs };
  return openBulletin({ run, after, journal, hub: hubOf(place, journal), ...shown, months, onProblem });
}

/** Null where nobody could open it. */
function pageUrlOf({ publicUrl, pages }: Config, run: string): string | null {
  return publicUrl === null || pages.kind === 'off' ? null : `${publicUrl.replace(/\/$/u, '')}/runs/${run}`;
}

/** An ended run needs nothing here any more: what it decided is in the journal, what it delivered on GitHub. */
async function leave({ config, allowances }: Estate, { run, repository }: { run: string; repository: Repository }): Promise<void> {
  allowances.forget(run);
  await repository.release(run);
  await rm(join(config.dataDirectory, 'sandbox', run), { recursive: true, force: true });
}

async function openMirror({ config, off }: Estate, name: string, hub: () => Hub): Promise<Repository> {
  const { cloneUrl } = await hub().repository();
  const directory = join(config.dataDirectory, 'mirrors', `${encodeURIComponent(name)}.git`);
  await mkdir(directory, { recursive: true });
  // A push starts CI, which somebody pays.
  const mayPush = (): void => {
    const switchedOff = off();
    if (switchedOff !== null) throw new Suspended('switched-off', switchedOffText(switchedOff));
  };
  return openRepository({ directory, remote: { url: cloneUrl, token: () => hub().gitToken(), mayPush }, bot: await hub().bot() });
}

function savedPlaces({ config, hubOf }: Estate, { place, hub }: House): SavedPlaces {
  const { installation } = place;
  return { here: place, hub, hubOf: (repository) => hubOf({ ...repository, installation }), allowed: config.scriptRepositories };
}

interface Running {
  readonly house: House;
  readonly plan: Plan;
  readonly threads: Threads;
}

async function runPlan({ house, plan, threads }: Running, estate: Estate): Promise<Executed> {
  const { run, task, settings, journal, repository, agents, commands, signal } = house;
  const { shared, log, secrets } = estate;
  const { retryWaits } = estate.waits;
  const predicate = await house.predicates.open(plan);
  // Workers stand on the approved base: a shard that was returned starts from the branch's tip, which only this mirror has.
  const approved = viewOf(foldRun(await journal.events(run))).plan;
  const carrying =
    shared === null || approved?.base.tree !== plan.base.tree
      ? null
      : openCarrying({ run, journal, dispatch: shared.calls, workers: shared.workers, limit: plan.limits.concurrency, signal, log });
  try {
    const withhold = await openPilot(house, plan);
    const { opening, budgetAt } = deliveredBudget({ journal, run, totals: { tokens: null, budget: plan.limits.budget } });
    const end = await runScript({
      run,
      journal,
      signal,
      threads,
      patient: house.patient,
      ...(carrying === null ? {} : { carry: carrying.carry }),
      budgetAt,
      reopened: foldRun(await journal.events(run)).reopened,
      source: plan.script,
      saved: plan.calls ?? [],
      ...(withhold === undefined ? {} : { withhold }),
      view: {
        args: scriptArgs(plan.from?.args ?? null, plan.limits),
        shards: plan.shards.map(({ id, files, owner, after, kind }) => ({ id, files, owner, after, kind })),
        budget: opening,
      },
      calls: openPrimitives({
        run,
        task,
        plan,
        allowedModels: settings.allowedModels,
        maxEffort: settings.maxEffort,
        journal,
        repository,
        agents,
        commands,
        predicate,
        secrets,
        signal,
        retryWaits,
        shared: shared !== null,
      }),
    });
    // What workers made is in the journal, and not in this mirror yet.
    if (carrying !== null) await restoreMirror(house);
    return end.kind === 'returned'
      ? { kind: 'returned', divergences: end.replay.diverged }
      : { kind: 'failed', message: end.message, site: end.site };
  } finally {
    carrying?.close();
    await predicate.close();
  }
}
