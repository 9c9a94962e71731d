import type { Rename } from './plan.ts';

/** The regular expression of a plan's rename pattern: it must match the whole path. */
export function renamePattern(rename: Rename): { readonly pattern: string; readonly flags: string } {
  return { pattern: `^(?:${rename.from})$`, flags: 'u' };
}
