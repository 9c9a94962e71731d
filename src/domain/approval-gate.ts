import { createHash } from 'node:crypto';

/** What people type to answer one `approval(question)` of a script: 8 hex digits made of the call's key, so that every replay asks under the same name. */
export function approvalGate(key: string): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 8);
}
