import type { Log } from '../../src/house.ts';

export const quiet: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };
