// Keeps a hand-played round: node test/prompts/keep.ts DIR (see play.ts). Then `npm test` compares every prompt with it.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { pack } from './archive.ts';

const [directory] = process.argv.slice(2);
if (directory === undefined) throw new Error('usage: node test/prompts/keep.ts DIR');
const archive = pack(directory);
writeFileSync(fileURLToPath(new URL('../../fixtures/prompts/round.json', import.meta.url)), `${JSON.stringify(archive, null, 1)}\n`);
console.log(`${archive.exchanges.length} exchanges kept`);
