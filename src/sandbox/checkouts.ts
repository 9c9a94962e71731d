import { spawn } from 'node:child_process';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ConvergeError, messageOf } from '../domain/errors.ts';
import { DEFAULT_SEARCH_PATH } from '../git/environment.ts';
import { isAlive, processIdentity } from '../git/process-identity.ts';
import type { Repository } from '../git/workspace.ts';

/** The directories of one process's checkouts. */
export class Checkouts {
  readonly #directory: string;
  readonly #repository: Repository;
  #count = 0;

  private constructor(directory: string, repository: Repository) {
    this.#directory = directory;
    this.#repository = repository;
  }

  /** Opens below `directory`; what processes that are gone left there is removed. */
  static async open(directory: string, repository: Repository): Promise<Checkouts> {
    try {
      await mkdir(directory, { recursive: true });
      for (const name of await readdir(directory)) {
        if (!(await isAlive(name.split('.')[0] ?? ''))) await empty(join(directory, name));
      }
      const own = join(directory, `${await processIdentity()}.${crypto.randomUUID()}`);
      await mkdir(own, { mode: 0o700 });
      return new Checkouts(own, repository);
    } catch (error) {
      throw new ConvergeError(
        'sandbox',
        `The directory for checkouts cannot be used: ${messageOf(error)}. Make it writable for Converge, or set DATA_DIR to one that is.`,
        { cause: error },
      );
    }
  }

  /** Gives `use` a directory with the tree's files, or an empty one, and an empty directory beside it; both are gone afterwards, whatever happens. */
  async with<T>(tree: string | null, use: (checkout: string, scratch: string) => Promise<T>): Promise<T> {
    this.#count += 1;
    const place = join(this.#directory, String(this.#count));
    const [checkout, scratch] = [join(place, 'checkout'), join(place, 'scratch')];
    try {
      await mkdir(checkout, { recursive: true });
      await mkdir(scratch);
      if (tree !== null) await this.#repository.materialise(tree, checkout);
      return await use(checkout, scratch);
    } finally {
      await empty(place);
    }
  }

  async close(): Promise<void> {
    await empty(this.#directory);
  }
}

/**
 * Removes a directory even where a command took the rights to its own directories away, or nested them deeper than any path reaches: the programs of the
 * system walk by descriptors, Node by paths. Links are not followed.
 */
async function empty(directory: string): Promise<void> {
  try {
    await rm(directory, { recursive: true, force: true });
  } catch {
    await run('chmod', ['-R', 'u+rwX', '--', directory]);
    await run('rm', ['-rf', '--', directory]);
  }
}

async function run(program: 'chmod' | 'rm', args: readonly string[]): Promise<void> {
  const child = spawn(program, args, { env: { PATH: DEFAULT_SEARCH_PATH }, stdio: 'ignore' });
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once('error', reject).once('close', resolve);
  const code = await promise;
  // What chmod could not do shows when rm cannot go on.
  if (program === 'rm' && code !== 0)
    throw new ConvergeError('sandbox', `A checkout could not be emptied: \`rm\` ended with exit code ${code}.`);
}
