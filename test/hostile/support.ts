import { readFileSync, readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A listener on loopback that must hear nothing. */
export async function ear(): Promise<{ readonly port: number; readonly heard: () => number }> {
  let heard = 0;
  const server = createServer((socket) => {
    heard += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const address = server.address();
  return { port: address !== null && typeof address === 'object' ? address.port : 0, heard: () => heard };
}

/** Files below a directory in which one of the texts stands, as it is or as base64. */
export function filesWith(directory: string, texts: readonly string[]): readonly string[] {
  const needles = texts.flatMap((text) => [text, Buffer.from(text).toString('base64').replace(/=+$/u, '')]);
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => {
      const bytes = readFileSync(path);
      return needles.some((needle) => bytes.includes(needle));
    });
}
