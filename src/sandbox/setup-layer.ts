import { createHash, randomUUID } from 'node:crypto';
import { chmod, lstat, mkdir, readFile, readdir, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { ConvergeError } from '../domain/errors.ts';
import { pathFault } from '../git/paths.ts';
import type { Repository, Workspace } from '../git/workspace.ts';
import type { CommandResult } from './commands.ts';
import type { Mount } from './confinement.ts';

/** Seconds that a setup command may take. */
export const SETUP_SECONDS = 15 * 60;

/** Most places at which a setup may add something: each is a mount of every command. */
const PLACES = 128;

const LOCK_FILES =
  /^(?:package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lockb?|deno\.lock|requirements.*\.txt|poetry\.lock|uv\.lock|Pipfile\.lock|pdm\.lock|Cargo\.lock|go\.sum|Gemfile\.lock|composer\.lock|mix\.lock|pubspec\.lock|Package\.resolved|gradle\.lockfile|packages\.lock\.json|flake\.lock)$/u;
/** Where a repository has no lock file, its manifests say what setup installs. */
const MANIFESTS =
  /^(?:package\.json|pyproject\.toml|setup\.py|Pipfile|Cargo\.toml|go\.mod|Gemfile|composer\.json|pom\.xml|build\.gradle(?:\.kts)?)$/u;

const LayerFile = z.object({ places: z.array(z.object({ at: z.string(), kind: z.enum(['directory', 'file']) })) });

export interface SetupLayers {
  /** Directory of all layers; they outlive the run. */
  readonly directory: string;
  readonly repository: Repository;
  readonly setup: string;
  readonly confinement: string;
  /** Runs the setup command in a checkout that was filled already. */
  readonly run: (checkout: string) => Promise<CommandResult>;
}

/** Key of the layer that a tree needs: command, lock files, Node, platform and confinement. */
export async function layerKey(layers: SetupLayers, tree: string): Promise<string> {
  const workspace = layers.repository.workspace(tree);
  const paths = await workspace.list();
  const locks = paths.filter((path) => LOCK_FILES.test(basename(path)));
  const deciding = locks.length > 0 ? locks : paths.filter((path) => MANIFESTS.test(basename(path)));
  const files = await Promise.all(deciding.map(async (path) => [path, await digest(workspace, path)]));
  const key = JSON.stringify([layers.setup, files, process.version, process.platform, process.arch, layers.confinement]);
  return createHash('sha256').update(key).digest('hex').slice(0, 32);
}

async function digest(workspace: Workspace, path: string): Promise<string> {
  const read = await workspace.read(path);
  return read.kind === 'file' ? createHash('sha256').update(read.bytes).digest('hex') : '';
}

/** The layer of that key, or null when it has not been made. */
export async function findLayer(layers: SetupLayers, key: string): Promise<readonly Mount[] | null> {
  const root = join(layers.directory, key);
  const text = await readFile(join(root, 'layer.json'), 'utf8').catch(() => null);
  if (text === null) return null;
  return LayerFile.parse(JSON.parse(text)).places.map(({ at, kind }) => ({ at, kind, from: join(root, 'content', at) }));
}

/**
 * Runs setup in `checkout`, an empty directory, and keeps what it adds to the tree as the layer. What it changes of the tree's own files is not kept.
 * A setup that fails is a ConvergeError of kind `sandbox` with the end of its output.
 */
export async function makeLayer(
  layers: SetupLayers,
  request: { readonly key: string; readonly tree: string; readonly checkout: string },
): Promise<readonly Mount[]> {
  const { key, tree, checkout } = request;
  await layers.repository.materialise(tree, checkout);
  const result = await layers.run(checkout);
  if (!result.ok) throw failed(layers.setup, result);
  const known = await knownPaths(layers.repository.workspace(tree));
  const places = await additions(checkout, known);
  if (places.length > PLACES) {
    throw new ConvergeError(
      'sandbox',
      `The setup command \`${layers.setup}\` added files at ${places.length} places of the repository; at most ${PLACES} can be kept. Let it install into one directory.`,
    );
  }
  const temporary = join(layers.directory, `.making-${randomUUID()}`);
  try {
    for (const { at } of places) {
      await mkdir(dirname(join(temporary, 'content', at)), { recursive: true });
      await defuse(join(checkout, at));
      await rename(join(checkout, at), join(temporary, 'content', at));
      if (basename(at) === 'node_modules') await makeCaches(join(temporary, 'content', at));
    }
    await mkdir(temporary, { recursive: true });
    await writeFile(join(temporary, 'layer.json'), JSON.stringify({ places }));
    await rename(temporary, join(layers.directory, key));
  } catch (error) {
    // Another run was faster with the same layer.
    if ((await findLayer(layers, key)) === null) throw error;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  return (await findLayer(layers, key)) ?? [];
}

async function knownPaths(workspace: Workspace): Promise<ReadonlySet<string>> {
  const known = new Set(await workspace.list());
  for (const path of known)
    for (let folder = dirname(path); folder !== '.' && !known.has(folder); folder = dirname(folder)) known.add(folder);
  return known;
}

/** The topmost things that are not of the tree. Links are left out: a mount must never stand on one; so are names that are no Unicode. */
async function additions(checkout: string, known: ReadonlySet<string>, folder = ''): Promise<readonly Omit<Mount, 'from'>[]> {
  const found: Omit<Mount, 'from'>[] = [];
  for (const entry of await readdir(join(checkout, folder), { withFileTypes: true })) {
    const at = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (known.has(at)) {
      if (entry.isDirectory()) found.push(...(await additions(checkout, known, at)));
    } else if (pathFault(at) === null && !at.includes('\ufffd') && (entry.isDirectory() || entry.isFile())) {
      found.push({ at, kind: entry.isDirectory() ? 'directory' : 'file' });
    }
  }
  return found.sort((a, b) => (a.at < b.at ? -1 : 1));
}

/** What setup left may outlive the run: nothing in it changes whom a program runs as, and nothing but files, directories and links is kept. */
async function defuse(path: string | Buffer): Promise<void> {
  const there = await lstat(path);
  if (there.isDirectory()) {
    if ((there.mode & 0o7777) !== (there.mode & 0o777) || (there.mode & 0o700) !== 0o700) await chmod(path, (there.mode & 0o777) | 0o700);
    const names = await readdir(path, { encoding: 'buffer' });
    for (const name of names) await defuse(Buffer.concat([Buffer.from(path), Buffer.from('/'), name]));
    return;
  }
  if (there.isSymbolicLink()) return;
  if (!there.isFile()) await unlink(path);
  else if ((there.mode & 0o7000) !== 0) await chmod(path, there.mode & 0o777);
}

/** Empty directories over which commands get a writable cache; where setup left something else, they go without. */
async function makeCaches(modules: string): Promise<void> {
  const there = await lstat(modules);
  if (!there.isDirectory()) return;
  await chmod(modules, 0o755);
  for (const name of ['.cache', '.vite', '.vite-temp']) await mkdir(join(modules, name)).catch(() => undefined);
}

function failed(setup: string, result: CommandResult): ConvergeError {
  const tail = result.output.trim().slice(-2_000);
  return new ConvergeError(
    'sandbox',
    `The repository's setup command \`${setup}\` failed with exit code ${result.exitCode}, so that no check can run. Its output ends with:\n\n${tail}`,
    {
      detail: result.output.slice(-20_000),
    },
  );
}
