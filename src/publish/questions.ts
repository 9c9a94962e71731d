import { approvalGate } from '../domain/approval-gate.ts';
import { issuedKey } from '../domain/generation.ts';
import { PILOT_CALL } from '../domain/pilot.ts';
import type { Journal } from '../journal/journal.ts';

/** A question that waits for a person. */
export interface Question {
  /** What people type after `approve`. */
  readonly gate: string;
  readonly text: string;
  readonly of: 'script' | 'pilot';
}

export async function openQuestions(journal: Journal, run: string): Promise<readonly Question[]> {
  const calls = await journal.calls(run);
  return calls
    .filter((call) => call.kind === 'approval' && call.settled === null)
    .map(({ key, input }) => ({
      of: issuedKey(key) === PILOT_CALL ? 'pilot' : 'script',
      gate: approvalGate(key),
      text: input !== null && typeof input === 'object' && 'question' in input && typeof input.question === 'string' ? input.question : '',
    }));
}
