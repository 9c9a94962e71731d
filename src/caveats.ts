import type { Config } from './config.ts';
import { UNCONFINED } from './sandbox/unconfined.ts';

/** What every report says, from the first to the last, of how this Converge runs commands. */
export function caveatsOf({ sandbox }: Pick<Config, 'sandbox'>): readonly string[] {
  return sandbox.confinement === 'none' ? [UNCONFINED] : [];
}
