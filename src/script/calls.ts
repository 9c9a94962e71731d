import { createHash } from 'node:crypto';
import { ConvergeError, messageOf, Suspended } from '../domain/errors.ts';
import { type Json, canonical } from '../domain/json.ts';
import type { CallOutcome, Journal } from '../journal/journal.ts';

/** One call of the script, validated and understood by its primitive (src/primitives/primitive.ts). */
export interface ScriptCall {
  readonly label: string;
  readonly phase: string;
  /** What the content key is made of, besides the name and the count of equal calls before. */
  readonly identity: Json;
  /** Does it and gives its end. Throws only `Suspended`. A question tells `waits` whenever it has found no answer and waits for a person. */
  perform(key: string, waits?: () => void): Promise<CallOutcome>;
}

/** The table of primitives, as the script's runtime needs it. */
export interface CallSource {
  /** Throws ConvergeError of kind `script` for wrong arguments: then the call throws in the script. */
  prepare(kind: string, args: readonly Json[]): Promise<ScriptCall>;
  /** What the script sees of a value in the journal. */
  view(kind: string, value: Json): Json;
}

/** Wrong arguments are an end of the call like any other: it throws in the script, with its place in the order. */
export async function prepared(source: CallSource, { kind, args }: Pick<Carried, 'kind' | 'args'>): Promise<ScriptCall> {
  try {
    return await source.prepare(kind, args);
  } catch (thrown) {
    if (!(thrown instanceof ConvergeError) || thrown.kind !== 'script') throw thrown;
    const outcome: CallOutcome = { kind: 'throw', message: thrown.message };
    return { label: kind, phase: '', identity: { wrong: args }, perform: () => Promise.resolve(outcome) };
  }
}

/** sha256 of kind and identity, 24 hex digits. */
export function contentHash(kind: string, identity: Json): string {
  return createHash('sha256')
    .update(`${kind}\0${canonical(identity)}`)
    .digest('hex')
    .slice(0, 24);
}

/** A call to be carried out, wherever that is: `perform` does it in this process, `key` and `args` are enough to do it in another. */
export interface Carried {
  readonly run: string;
  readonly key: string;
  readonly kind: string;
  readonly args: readonly Json[];
  readonly perform: () => Promise<CallOutcome>;
}

/** Resolves when the call is settled in the journal. Rejects with `Suspended`, and with failures of the journal. */
export type Carry = (call: Carried) => Promise<void>;

/** Keeps calls back before they cost anything, until somebody decides. */
export interface Withhold {
  /**
   * Null for a call that goes on at once. Else resolves when it is decided: null when it goes on after all, or the end that it comes to without being carried out.
   * Rejects with `Suspended`, and with failures of the journal.
   */
  withholds(call: { readonly kind: string; readonly args: readonly Json[] }): Promise<CallOutcome | null> | null;
  /** Told whenever calls are kept back and nothing that ends by itself is under way. Rejects as `withholds` does. */
  idle(): Promise<void>;
}

/** Carries calls out in this process. */
export function carryHere(journal: Pick<Journal, 'settle'>): Carry {
  return async ({ run, key, perform }) => {
    await journal.settle(run, key, await outcomeOf(perform));
  };
}

/** A primitive throws nothing but `Suspended`; what it throws against the contract is told as the cause of a `null`, never lost and never a crash. */
async function outcomeOf(perform: () => Promise<CallOutcome>): Promise<CallOutcome> {
  try {
    return await perform();
  } catch (thrown) {
    if (thrown instanceof Suspended) throw thrown;
    return { kind: 'null', cause: `unexpected: ${messageOf(thrown)}` };
  }
}
