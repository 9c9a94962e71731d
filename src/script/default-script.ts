import { readFileSync } from 'node:fs';

/** The ordinary migration over the plan's shards, in the order of their `after`: what a plan whose script is `default` runs. People read it in the plan. */
export const DEFAULT_SCRIPT: string = readFileSync(new URL('default-script.js', import.meta.url), 'utf8');
