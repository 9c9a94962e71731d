import { createHash } from 'node:crypto';
import { canonical, toJson } from '../domain/json.ts';
import type { Verdict } from '../domain/verdict.ts';

/** sha256 over the verdict's content, first 16 hex digits: the same judgement has the same id. */
export function verdictId(content: Omit<Verdict, 'id'>): string {
  return createHash('sha256')
    .update(canonical(toJson(content)))
    .digest('hex')
    .slice(0, 16);
}
