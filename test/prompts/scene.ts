import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openScene, type Scene } from '../../src/local/scene.ts';

/** The migration that is played by hand. */
export const TASK = `/workflow migrate everything that formats money with fmt from src/legacy/fmt.js to format from src/format.js --budget $20

What customers see must stay the same, to the letter. src/legacy/fmt.js itself goes away at the end, when nothing uses it any more.`;

const REPOSITORY = fileURLToPath(new URL('../../fixtures/repositories/fmt-to-format', import.meta.url));

/** A scene on the small repository, with the Claude at `baseUrl`. */
export function openPlay(directory: string, baseUrl: string): Promise<Scene> {
  const log = createWriteStream(join(directory, 'play.log'));
  return openScene({
    directory,
    from: REPOSITORY,
    owner: 'shop',
    name: 'till',
    person: 'kim',
    model: { apiKey: 'hand', baseUrl },
    mayBeUnconfined: true,
    latencyMs: 0,
    budget: 20,
    ci: true,
    onLine: (name, line) => log.write(`${name} ${line}\n`),
  });
}
