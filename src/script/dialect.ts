import { readFileSync } from 'node:fs';

/** The dialect as the planner is told of it; a test runs its examples. */
export const DIALECT: string = readFileSync(new URL('dialect.md', import.meta.url), 'utf8');
