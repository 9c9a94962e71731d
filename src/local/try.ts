import { requireNode } from '../node-version.ts';

requireNode();
const { tryOn } = await import('./try-run.ts');
process.exit(await tryOn(process.argv.slice(2)));
