import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { inheritedEnvironment } from '../../src/config.ts';

export interface Ended {
  readonly code: number;
  /** Both of its streams. */
  readonly text: string;
}

/** Runs one of the entries below `src/` as a process of its own, as a person does, and waits for its end. */
export function program(entry: string, args: readonly string[], environment: Readonly<Record<string, string>>): Promise<Ended> {
  const file = fileURLToPath(new URL(`../../src/${entry}`, import.meta.url));
  return new Promise((resolve) => {
    const env = { ...inheritedEnvironment(), ...environment };
    execFile(process.execPath, [file, ...args], { env, maxBuffer: 16_000_000 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, text: `${stdout}${stderr}` });
    });
  });
}
