import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FIXTURE = fileURLToPath(new URL('../../fixtures/repositories/assert-to-node-test', import.meta.url));

/** Which of the fixture's test directories a small repository keeps. */
export type TestDirectory = 'text' | 'parse' | 'stats' | 'grids' | 'collections' | 'money';

export interface RepositoryChanges {
  readonly tests: readonly TestDirectory[];
  /** Text by path, on top; null takes the file away. */
  readonly files?: Readonly<Record<string, string | null>>;
}

/** A small part of the fixture as a plain directory: the library, the sources and a few directories of tests. */
export async function writeRepository(directory: string, { tests, files = {} }: RepositoryChanges): Promise<void> {
  for (const path of ['lib', 'src', '.github', 'run-tests.js', 'package.json', 'README.md', 'CONTRIBUTING.md'])
    await cp(join(FIXTURE, path), join(directory, path), { recursive: true });
  for (const name of tests) await cp(join(FIXTURE, 'test', name), join(directory, 'test', name), { recursive: true });
  await writeFiles(directory, files);
}

export async function writeFiles(directory: string, files: Readonly<Record<string, string | null>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    const file = join(directory, path);
    if (text === null) await rm(file);
    else {
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text);
    }
  }
}
