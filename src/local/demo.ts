import { requireNode } from '../node-version.ts';

requireNode();
const { demo } = await import('./demo-run.ts');
process.exit(await demo(process.argv.slice(2)));
