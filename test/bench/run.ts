import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { type Bench, render } from './table.ts';

/* `npm run bench -- <name> [--json FILE]`: measures, prints a table, and ends with 1 when something was missed. */

const BENCHES: Readonly<Record<string, () => Promise<{ readonly bench: Bench }>>> = {
  cache: () => import('./cache.ts'),
  'fan-out': () => import('./fan-out.ts'),
  github: () => import('./github.ts'),
  shards: () => import('./shards.ts'),
  storm: () => import('./storm.ts'),
  resume: () => import('./resume.ts'),
  script: () => import('./script.ts'),
  takeover: () => import('./takeover.ts'),
};

const { values, positionals } = parseArgs({ options: { json: { type: 'string' } }, allowPositionals: true });
const load = BENCHES[positionals[0] ?? ''];
if (load === undefined || positionals.length !== 1) {
  console.error(
    `Found ${positionals.length === 0 ? 'no name' : positionals.join(' ')}, expected one of: ${Object.keys(BENCHES).join(', ')}. npm run bench -- <name> [--json FILE]`,
  );
  process.exit(2);
}
const { bench } = await load();
const table = await bench.run();
console.log(render(table));
if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(table, null, 2)}\n`);
process.exit(table.verdicts.every(({ ok }) => ok) ? 0 : 1);
