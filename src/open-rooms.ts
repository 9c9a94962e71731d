import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Agents } from './agents/agent.ts';
import type { Allowances } from './allowances.ts';
import type { WorkerConfig } from './config.ts';
import { ConvergeError } from './domain/errors.ts';
import { foldRun, type RunState } from './domain/run-state.ts';
import type { Access } from './engine/access.ts';
import type { Room } from './engine/call-handler.ts';
import { openRepository } from './git/mirror.ts';
import type { Repository } from './git/workspace.ts';
import type { Journal } from './journal/journal.ts';
import { openPredicate } from './plan/predicate.ts';
import { openPrimitives } from './primitives/table.ts';
import { viewOf } from './publish/view.ts';
import type { SecretGuard } from './secrets/secret-guard.ts';
import { openCommands } from './sandbox/commands-of.ts';

export interface RoomParts {
  readonly config: WorkerConfig;
  readonly journal: Journal;
  readonly agents: Agents;
  readonly allowances: Allowances;
  readonly accessOf: (run: string) => Promise<Access>;
  readonly retryWaits: readonly number[];
  readonly secrets: SecretGuard;
  /** Aborts when this process ends. */
  readonly signal: AbortSignal;
}

/** What a worker has of the runs whose calls it carries out: a mirror that holds the base, the sandbox, plan and primitives. All of it is made from the journal. */
export interface Rooms {
  /** Ends in a ConvergeError when the repository cannot be fetched or commands cannot be run here. */
  enter(run: string): Promise<Room>;
  close(): Promise<void>;
}

interface OpenRoom extends Room {
  close(): Promise<void>;
}

export function openRooms(parts: RoomParts): Rooms {
  const mirrors = new Map<string, Mirror>();
  const rooms = new Map<string, Promise<OpenRoom>>();
  const mirrorOf = (run: string, { place }: RunState): Promise<Repository> => {
    const name = `${place.owner}/${place.repo}`.toLowerCase();
    const known = mirrors.get(name);
    if (known !== undefined) {
      known.runs.add(run);
      return known.repository;
    }
    const runs = new Set([run]);
    const mirror: Mirror = { runs, repository: openMirror(parts, name, () => [...runs].at(-1) ?? run) };
    mirrors.set(name, mirror);
    mirror.repository.catch(() => mirrors.delete(name));
    return mirror.repository;
  };
  const open = async (run: string): Promise<OpenRoom> => {
    const state = foldRun(await parts.journal.events(run));
    return openRoom(parts, { run, state, repository: await mirrorOf(run, state) });
  };
  const leave = async (run: string): Promise<void> => {
    const room = rooms.get(run);
    rooms.delete(run);
    await (await room?.catch(() => null))?.close();
  };
  const unwatch = parts.journal.watch(null, ({ scope, event }) => {
    if (event.type !== 'run.ended') return;
    for (const { runs } of mirrors.values()) runs.delete(scope);
    if (rooms.has(scope)) leave(scope).catch(() => undefined);
  });
  return {
    enter: async (run) => {
      const known = rooms.get(run) ?? open(run);
      rooms.set(run, known);
      known.catch(() => rooms.delete(run));
      return known;
    },
    close: async () => {
      unwatch();
      await Promise.all([...rooms.keys()].map((run) => leave(run)));
      for (const { repository } of mirrors.values()) await (await repository.catch(() => null))?.close();
    },
  };
}

interface Mirror {
  /** Runs that entered and have not ended: the App gives no token for one that has. */
  readonly runs: Set<string>;
  readonly repository: Promise<Repository>;
}

/** A token for each command of git, asked for at the App: this process has no key to make one. */
async function openMirror({ config, accessOf }: RoomParts, name: string, asking: () => string): Promise<Repository> {
  const { cloneUrl, bot } = await accessOf(asking());
  const directory = join(config.dataDirectory, 'mirrors', `${encodeURIComponent(name)}.git`);
  await mkdir(directory, { recursive: true });
  return openRepository({ directory, remote: { url: cloneUrl, token: async () => (await accessOf(asking())).token }, bot });
}

interface Opening {
  readonly run: string;
  readonly state: RunState;
  readonly repository: Repository;
}

async function openRoom(parts: RoomParts, { run, state, repository }: Opening): Promise<OpenRoom> {
  const { config, journal, agents, allowances, retryWaits, secrets, signal } = parts;
  const { plan } = viewOf(state);
  if (plan === null) throw new ConvergeError('journal', `Run ${run} has calls and no plan. Its record is incomplete.`);
  const directory = join(config.dataDirectory, 'sandbox', run);
  await repository.pin({ run, commit: plan.base.commit });
  const commands = await openCommands({ repository, settings: { ...config.sandbox, directory, setup: state.settings.setup } });
  const predicate = await openPredicate(plan.draft.predicate, { commands });
  await allowances.follow(run);
  const primitives = openPrimitives({
    run,
    task: state.task,
    plan,
    allowedModels: state.settings.allowedModels,
    maxEffort: state.settings.maxEffort,
    journal,
    repository,
    agents,
    commands,
    predicate,
    secrets,
    signal,
    retryWaits,
    shared: true,
  });
  return {
    prepare: (kind, args, own) => primitives.prepare(kind, args, own),
    close: async () => {
      allowances.forget(run);
      await predicate.close();
      await commands.close();
      await repository.release(run);
      await rm(directory, { recursive: true, force: true });
    },
  };
}
