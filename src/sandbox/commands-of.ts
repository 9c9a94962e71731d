import { mkdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import PQueue from 'p-queue';
import { ConvergeError } from '../domain/errors.ts';
import { DEFAULT_SEARCH_PATH } from '../git/environment.ts';
import { pathFault } from '../git/paths.ts';
import type { Repository } from '../git/workspace.ts';
import { bubblewrap } from './bubblewrap.ts';
import { Checkouts } from './checkouts.ts';
import type { CommandRequest, CommandResult, CommandSettings, Commands } from './commands.ts';
import type { Confinement, Job, Mount } from './confinement.ts';
import { DiskWatch } from './disk-watch.ts';
import { withEgress } from './egress.ts';
import { execute, interrupted, seemsInterrupted } from './execute.ts';
import { probeConfinement } from './probe.ts';
import { MemoryWatch } from './process-tree.ts';
import { SETUP_SECONDS, findLayer, layerKey, makeLayer } from './setup-layer.ts';
import type { SetupLayers } from './setup-layer.ts';
import { unconfined } from './unconfined.ts';

export interface CommandsOptions {
  readonly settings: CommandSettings;
  readonly repository: Repository;
  /** Where bubblewrap, and without a sandbox all programs, are looked up, like PATH. */
  readonly searchPath?: string;
}

/** Opens the commands of one run. ConvergeError of kind `sandbox`: no sandbox on this machine and none waived, or a directory that cannot be used. */
export async function openCommands({ settings, repository, searchPath = DEFAULT_SEARCH_PATH }: CommandsOptions): Promise<Commands> {
  const confinement = await confinementOf(settings, searchPath);
  const directory = resolve(settings.directory);
  const checkouts = await Checkouts.open(join(directory, 'checkouts'), repository);
  await mkdir(join(directory, 'layers'), { recursive: true, mode: 0o700 });
  const readOnly = await Promise.all(settings.readOnly.map(hostMount));
  return new ConfinedCommands({ settings, repository, confinement, checkouts, readOnly, directory });
}

async function confinementOf(settings: CommandSettings, searchPath: string): Promise<Confinement> {
  if (settings.confinement === 'none') return unconfined(searchPath);
  const probed = await probeConfinement(searchPath);
  if (probed.kind === 'missing') throw new ConvergeError('sandbox', `The repository's commands cannot be run: ${probed.why}`);
  return bubblewrap(probed.host);
}

async function hostMount({ from, at }: CommandSettings['readOnly'][number]): Promise<Mount> {
  const there = await stat(from).catch(() => null);
  const fault = pathFault(at);
  if (fault !== null) throw new ConvergeError('sandbox', `\`${at}\` is no place in a checkout: ${fault}.`);
  if (there === null) throw new ConvergeError('sandbox', `\`${from}\`, which checks were to see at \`${at}\`, is not there.`);
  return { from: resolve(from), at, kind: there.isDirectory() ? 'directory' : 'file' };
}

interface Parts {
  readonly settings: CommandSettings;
  readonly repository: Repository;
  readonly confinement: Confinement;
  readonly checkouts: Checkouts;
  readonly readOnly: readonly Mount[];
  readonly directory: string;
}

class ConfinedCommands implements Commands {
  readonly #parts: Parts;
  readonly #queue: PQueue;
  readonly #watch = new MemoryWatch();
  readonly #disk = new DiskWatch();
  readonly #closing = new AbortController();
  readonly #layers = new Map<string, Promise<readonly Mount[]>>();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#queue = new PQueue({ concurrency: parts.settings.parallel });
  }

  get caveats(): readonly string[] {
    return this.#parts.confinement.caveats;
  }

  async on(tree: string, request: CommandRequest, signal?: AbortSignal): Promise<CommandResult> {
    const ended = signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal]);
    return this.#queue.add(async () => {
      if (ended.aborted) return { ok: false, exitCode: 137, output: '', ended: 'aborted' };
      const layer = await this.#layerOf(tree).catch((error: unknown) => {
        if (this.#closing.signal.aborted) return [];
        throw error;
      });
      const run = async (): Promise<CommandResult> =>
        this.#parts.checkouts.with(tree, async (directory, scratch) => {
          const mounts = [...layer, ...this.#parts.readOnly];
          return this.#execute(
            { directory, scratch, run: request.run, args: request.args ?? [], mounts, egress: null, seconds: request.seconds },
            ended,
          );
        });
      const result = await run();
      // Once may be the machine's doing; twice is how the command ends.
      return seemsInterrupted(result) ? run() : result;
    });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#queue.onIdle();
    await this.#parts.checkouts.close();
  }

  async #execute(job: Omit<Job, 'memoryMegabytes'>, signal: AbortSignal): Promise<CommandResult> {
    const { memoryMegabytes, diskMegabytes } = this.#parts.settings;
    const disk = { watch: this.#disk, directories: [job.directory, job.scratch], megabytes: diskMegabytes };
    const launch = await this.#parts.confinement.launch({ ...job, memoryMegabytes });
    return execute(launch, { seconds: job.seconds, memoryMegabytes, watch: this.#watch, disk, signal });
  }

  /** Setup alone may have a way out, to the hosts that the operator names. */
  async #setUp(job: Omit<Job, 'memoryMegabytes'>): Promise<CommandResult> {
    const { settings, confinement } = this.#parts;
    const hosts = settings.setupNetwork;
    if (hosts.length === 0 || confinement.kind === 'none') return this.#execute(job, this.#closing.signal);
    return withEgress(hosts, async ({ socket, refused }) => {
      const result = await this.#execute({ ...job, egress: socket }, this.#closing.signal);
      if (result.ok || refused().length === 0) return result;
      const told = `converge: setup asked for ${refused().join(', ')}, which SETUP_NETWORK (${hosts.join(', ')}) does not name`;
      return { ...result, output: `${result.output}\n${told}` };
    });
  }

  async #layerOf(tree: string): Promise<readonly Mount[]> {
    const { setup } = this.#parts.settings;
    if (setup === null) return [];
    const { repository, confinement, checkouts } = this.#parts;
    const layers = (scratch: string): SetupLayers => ({
      directory: join(this.#parts.directory, 'layers'),
      repository,
      setup,
      confinement: confinement.kind,
      run: async (directory) => {
        const job = { directory, scratch, run: setup, args: [], mounts: this.#parts.readOnly, egress: null, seconds: SETUP_SECONDS };
        const result = await this.#setUp(job);
        if (seemsInterrupted(result)) throw interrupted(`a signal (exit code ${result.exitCode})`);
        return result;
      },
    });
    const key = await layerKey(layers(''), tree);
    const known =
      this.#layers.get(key) ??
      this.#makeOnce(key, async () => {
        const found = await findLayer(layers(''), key);
        return found ?? checkouts.with(null, async (checkout, scratch) => makeLayer(layers(scratch), { key, tree, checkout }));
      });
    return known;
  }

  /** A setup that failed is not tried again by this run: its lock files have not changed. One that was interrupted is. */
  async #makeOnce(key: string, make: () => Promise<readonly Mount[]>): Promise<readonly Mount[]> {
    const made = make();
    this.#layers.set(key, made);
    made.catch((error: unknown) => {
      if (error instanceof ConvergeError && error.retry === 'later') this.#layers.delete(key);
    });
    return made;
  }
}
