import { z } from 'zod';
import { approvalGate } from '../domain/approval-gate.ts';
import type { Signal } from '../journal/journal.ts';
import { nextSignal, type SignalWait } from '../journal/next-signal.ts';
import { readArguments } from './arguments.ts';
import type { Primitive } from './primitive.ts';
import { toOutcome } from './to-outcome.ts';

const schema = z.tuple([z.string().min(1).max(10_000)]);

/**
 * Waits, for days if need be, until a person answers: `approve <gate>`, or `revise <text>` (which answers every question that waits, unless the text begins with one gate).
 * `{approved, by, text}`. What people read is the call's input, the question; what they type is `approvalGate(key)`.
 */
export const approval: Primitive = {
  name: 'approval',
  prepare: async (args, context) => {
    const [question] = readArguments({ form: 'approval(question)', schema, args });
    return {
      kind: 'approval',
      label: 'approval',
      phase: '',
      identity: { question },
      // Whether somebody waits in memory is decided by who runs the script: other calls may be under way beside it.
      perform: (key, waits) =>
        toOutcome(context, async () => ({ kind: 'value', value: { ...(await answerTo(key, { ...context, patient: true, waits })) } })),
    };
  },
  view: (value) => value,
};

export interface GateAnswer {
  readonly approved: boolean;
  readonly by: string;
  readonly text: string;
}

/** Waits for a person's answer to the question that was issued under this key. Rejects with `Suspended` when the wait is aborted. */
export async function answerTo(key: string, context: SignalWait): Promise<GateAnswer> {
  const gate = approvalGate(key);
  const earlier = await saidBefore(key, context);
  const signal = await nextSignal(context, (candidate) => {
    if (candidate.name !== 'approve' && candidate.name !== 'revise') return false;
    const [first] = words(candidate);
    // Free text is an answer only when the question was already asked; a gate's name can only come from it.
    return first === gate || (candidate.name === 'revise' && !earlier.has(candidate.id) && !GATE.test(first ?? ''));
  });
  const said = words(signal);
  const text = (said[0] === gate ? signal.text.trim().slice(gate.length) : signal.text).trim();
  return { approved: signal.name === 'approve', by: signal.by, text };
}

const GATE = /^[0-9a-f]{8}$/u;

function words(signal: Signal): readonly string[] {
  return signal.text.trim().split(/\s+/u);
}

/** Ids of the signals that came before the question was asked: among them what people said about the plan. */
async function saidBefore(key: string, { journal, run }: SignalWait): Promise<ReadonlySet<string>> {
  const said = new Set<string>();
  for (const { event } of await journal.events(run)) {
    if (event.type === 'call.issued' && event.key === key) return said;
    if (event.type === 'signal.received') said.add(event.id);
  }
  return said;
}
