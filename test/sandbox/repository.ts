import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { openCommands } from '../../src/sandbox/commands-of.ts';
import type { CommandResult, CommandSettings, Commands } from '../../src/sandbox/commands.ts';
import { probeConfinement } from '../../src/sandbox/probe.ts';
import type { Repository } from '../../src/git/workspace.ts';
import { Origin, scratch } from '../git/origin.ts';

const probed = await probeConfinement();

/** Tests of the sandbox are skipped, and counted, where it is missing; CONVERGE_DEMAND_SANDBOX=1 lets them fail instead. */
export const withoutSandbox = probed.kind === 'missing' && process.env['CONVERGE_DEMAND_SANDBOX'] !== '1';

export interface Bench {
  readonly origin: Origin;
  readonly repository: Repository;
  readonly tree: string;
  readonly commands: Commands;
  readonly directory: string;
  readonly run: (
    text: string,
    options?: { args?: string[]; seconds?: number; signal?: AbortSignal; tree?: string },
  ) => Promise<CommandResult>;
}

/** A repository with these files, and its commands. */
export async function bench(files: Record<string, string>, settings: Partial<CommandSettings> = {}): Promise<Bench> {
  const origin = new Origin(files);
  const repository = await origin.mirror();
  const { tree } = await repository.pin({ run: 'r1', commit: origin.head() });
  const directory = join(scratch(), 'sandbox');
  const commands = await openCommands({
    repository,
    settings: {
      confinement: 'bubblewrap',
      directory,
      setup: null,
      setupNetwork: [],
      parallel: 2,
      memoryMegabytes: 1_024,
      diskMegabytes: 4_096,
      readOnly: [],
      ...settings,
    },
  });
  onTestFinished(async () => commands.close());
  const run: Bench['run'] = async (text, options = {}) =>
    commands.on(options.tree ?? tree, { run: text, args: options.args ?? [], seconds: options.seconds ?? 30 }, options.signal);
  return { origin, repository, tree, commands, directory, run };
}
