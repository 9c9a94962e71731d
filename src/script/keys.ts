import type { Reopened } from '../domain/generation.ts';
import type { Json } from '../domain/json.ts';
import { contentHash } from './calls.ts';

/** The key of the next call of that content, in the order of issue. */
export type Keys = (kind: string, identity: Json) => string;

/** `<sha256 of kind and identity, 24 hex digits>#<how many equal calls this replay has issued, from 1>`, and `~<generation>` where it is open again since that. */
export function openKeys(reopened: Reopened): Keys {
  const occurrences = new Map<string, number>();
  return (kind, identity) => {
    const hash = contentHash(kind, identity);
    const occurrence = (occurrences.get(hash) ?? 0) + 1;
    occurrences.set(hash, occurrence);
    const key = `${hash}#${occurrence}`;
    return reopened.get(key) ?? key;
  };
}
